// Texts quoted as Go does; the expectations were printed by Go 1.26.
#include "petrel/base/go_json.h"
#include "petrel/base/go_quote.h"
#include "petrel/base/utf8.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

using namespace std::string_literals;

TEST(GoQuoteTest, PlainTextStandsInQuotes) {
  EXPECT_EQ(go_quote(""), R"("")");
  EXPECT_EQ(go_quote("foo.bar 1'2"), R"("foo.bar 1'2")");
  EXPECT_EQ(go_quote("a\"b\\c"), R"("a\"b\\c")");
}

TEST(GoQuoteTest, ControlCharactersAreEscaped) {
  EXPECT_EQ(go_quote("\a\b\f\n\r\t\v"), R"("\a\b\f\n\r\t\v")");
  EXPECT_EQ(go_quote("\x00\x1f\x7f"s), R"("\x00\x1f\x7f")");
}

TEST(GoQuoteTest, PrintableCharactersStayOthersAreEscaped) {
  EXPECT_EQ(go_quote("\xc3\xa9\xf0\x9f\x98\x80\xe4\xb8\xad"),
            "\"\xc3\xa9\xf0\x9f\x98\x80\xe4\xb8\xad\"");
  EXPECT_EQ(go_quote("\xc2\xa0\xc2\xad\xe2\x80\xa8\xef\xbb\xbf"), R"("\u00a0\u00ad\u2028\ufeff")");
  EXPECT_EQ(go_quote("\xf3\xa0\x80\x81"), R"("\U000e0001")");
  EXPECT_EQ(go_quote("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"");
}

TEST(GoQuoteTest, WrongBytesAreEscapedOneByOne) {
  EXPECT_EQ(go_quote("\xff\xc3"), R"("\xff\xc3")");
  EXPECT_EQ(go_quote("\xed\xa0\x80"), R"("\xed\xa0\x80")");                  // surrogate
  EXPECT_EQ(go_quote("\xc0\x80\xe0\x80\x80"), R"("\xc0\x80\xe0\x80\x80")");  // overlong
  EXPECT_EQ(go_quote("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");          // above U+10FFFF
  EXPECT_EQ(go_quote("\xe2\x82"), R"("\xe2\x82")");                          // cut
}

std::string go_json(Slice text) {
  std::string out;
  append_go_json_string(out, text);
  return out;
}

TEST(GoJsonTest, HtmlCharactersAndLineSeparatorsAreEscaped) {
  EXPECT_EQ(go_json("a<b>&'c"), R"("a\u003cb\u003e\u0026'c")");
  EXPECT_EQ(go_json("\xe2\x80\xa8\xe2\x80\xa9\xc3\xa9"), "\"\\u2028\\u2029\xc3\xa9\"");
}

TEST(GoJsonTest, ControlCharactersAreEscaped) {
  EXPECT_EQ(go_json("\b\f\n\r\t\"\\/"), R"("\b\f\n\r\t\"\\/")");
  EXPECT_EQ(go_json("\x00\x0b\x1f\x7f"s), "\"\\u0000\\u000b\\u001f\x7f\"");
}

TEST(GoJsonTest, WrongBytesBecomeTheReplacementCharacter) {
  EXPECT_EQ(go_json("a\xff\xed\xa0\x80"), R"("a\ufffd\ufffd\ufffd\ufffd")");
}

TEST(Utf8Test, RunesSurviveARoundTrip) {
  for (const char32_t code :
       {0x0U, 0x7fU, 0x80U, 0x7ffU, 0x800U, 0xd7ffU, 0xe000U, 0xffffU, 0x10000U, 0x10ffffU}) {
    std::string text;
    append_rune(text, code);
    const Rune rune = decode_rune(text);
    EXPECT_TRUE(rune.valid);
    EXPECT_EQ(rune.code, code);
    EXPECT_EQ(rune.bytes, text.size());
  }
}

TEST(Utf8Test, CodesThatAreNoCharactersBecomeTheReplacementCharacter) {
  for (const char32_t code : {0xd800U, 0xdfffU, 0x110000U}) {
    std::string text;
    append_rune(text, code);
    EXPECT_EQ(text, "\xef\xbf\xbd");
  }
}

}  // namespace
}  // namespace petrel
