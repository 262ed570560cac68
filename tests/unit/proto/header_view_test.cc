#include "petrel/proto/header_view.h"

#include <gtest/gtest.h>

#include <vector>

namespace petrel::proto {
namespace {

constexpr Slice kBlock =
    "NATS/1.0\r\nNats-Msg-Id:  a b \r\nEmpty:\r\nnats-msg-id: lower\r\nNats-Msg-Id: second\r\n\r\n";

TEST(HeaderViewTest, FindsTheFirstExactKey) {
  const HeaderView view(kBlock);
  EXPECT_EQ(view.find("Nats-Msg-Id"), "a b ");
  EXPECT_EQ(view.find("nats-msg-id"), "lower");
  EXPECT_EQ(view.find("Empty"), "");
  EXPECT_FALSE(view.has("NATS-MSG-ID"));
  EXPECT_FALSE(view.has("Nats-Msg"));
  EXPECT_FALSE(view.has("Msg-Id"));
}

TEST(HeaderViewTest, CaseIsIgnoredOnlyWhenAskedFor) {
  const HeaderView view("NATS/1.0\r\nTraceParent: 00-1\r\n\r\n");
  EXPECT_FALSE(view.has("traceparent"));
  EXPECT_EQ(view.find_any_case("traceparent"), "00-1");
}

TEST(HeaderViewTest, KeyInsideAValueIsNoHeader) {
  const HeaderView view("NATS/1.0\r\nA: B: c\r\nX: 1\nY: 2\r\n\r\n");
  EXPECT_FALSE(view.has("B"));
  EXPECT_FALSE(view.has("Y"));
  EXPECT_EQ(view.find("X"), "1\nY: 2");
}

TEST(HeaderViewTest, ValueReachesToTheLineEndOrTheEndOfTheBlock) {
  EXPECT_EQ(HeaderView("NATS/1.0\r\nA: 1").find("A"), "1");
  EXPECT_EQ(HeaderView("NATS/1.0\r\nA:").find("A"), "");
  EXPECT_EQ(HeaderView("NATS/1.0\r\nA:   ").find("A"), "");
  EXPECT_EQ(HeaderView("NATS/1.0\r\nA: x\ry\r\n\r\n").find("A"), "x\ry");
}

TEST(HeaderViewTest, BlocksOfAnyFormAreRead) {
  for (const Slice block : {Slice(), Slice("\r"), Slice("\n"), Slice("\r\n"), Slice("A:"),
                            Slice("\r\n\r\n\r\n"), Slice("NATS"), Slice("A: 1\r\n")}) {
    const HeaderView view(block);
    EXPECT_FALSE(view.has("A"));
    EXPECT_EQ(view.status(), "");
    size_t cursor = 0;
    Header header;
    EXPECT_FALSE(view.next(cursor, header));
    EXPECT_FALSE(view.next(cursor, header));
  }
}

TEST(HeaderViewTest, WalksAllHeadersInOrder) {
  std::vector<std::string> seen;
  size_t cursor = 0;
  Header header;
  while (HeaderView(kBlock).next(cursor, header)) {
    seen.push_back(std::string(header.key) + "=" + std::string(header.value));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"Nats-Msg-Id=a b ", "Empty=", "nats-msg-id=lower",
                                            "Nats-Msg-Id=second"}));
}

TEST(HeaderViewTest, StatusLineIsReadInParts) {
  const HeaderView plain("NATS/1.0\r\n\r\n");
  EXPECT_TRUE(plain.has_version());
  EXPECT_EQ(plain.status(), "");
  const HeaderView status("NATS/1.0 503\r\n\r\n");
  EXPECT_EQ(status.status(), "503");
  EXPECT_EQ(status.description(), "");
  const HeaderView described("NATS/1.0 409 Message Size Exceeds MaxBytes\r\nA: 1\r\n\r\n");
  EXPECT_EQ(described.status(), "409");
  EXPECT_EQ(described.description(), "Message Size Exceeds MaxBytes");
  EXPECT_FALSE(HeaderView("HTTP/1.1 200\r\n").has_version());
  EXPECT_EQ(HeaderView("HTTP/1.1 200\r\n").status(), "");
}

TEST(HeaderBuildTest, AppendBeginsABlock) {
  std::string block;
  append_header(block, "A", "1");
  EXPECT_EQ(block, "NATS/1.0\r\nA: 1\r\n\r\n");
  append_header(block, "B", "2");
  EXPECT_EQ(block, "NATS/1.0\r\nA: 1\r\nB: 2\r\n\r\n");
}

TEST(HeaderBuildTest, ValueCannotEndTheLine) {
  std::string block;
  append_header(block, "A", " \r\n1\r\nB: 2\n\t");
  EXPECT_EQ(block, "NATS/1.0\r\nA: 1  B: 2\r\n\r\n");
}

TEST(HeaderBuildTest, KeyThatIsNoTokenChangesNothing) {
  for (const Slice key : {"", "a b", "a:b", "a\r\nb", "\xc3\xa9"}) {
    std::string block(kEmptyHeader);
    append_header(block, key, "1");
    EXPECT_EQ(block, kEmptyHeader);
  }
}

TEST(HeaderBuildTest, SetReplacesEveryOccurrenceByOneAtTheEnd) {
  std::string block(kBlock);
  set_header(block, "Nats-Msg-Id", "new");
  EXPECT_EQ(block, "NATS/1.0\r\nEmpty:\r\nnats-msg-id: lower\r\nNats-Msg-Id: new\r\n\r\n");
}

TEST(HeaderBuildTest, ReplaceKeepsThePlace) {
  std::string block = "NATS/1.0\r\nA:  1\r\nB: 2\r\n\r\n";
  replace_header(block, "A", "long value");
  EXPECT_EQ(block, "NATS/1.0\r\nA:  long value\r\nB: 2\r\n\r\n");
  replace_header(block, "C", "3");
  EXPECT_EQ(block, "NATS/1.0\r\nA:  long value\r\nB: 2\r\nC: 3\r\n\r\n");
}

TEST(HeaderBuildTest, RemovingTheLastHeaderEmptiesTheBlock) {
  std::string block = "NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n";
  remove_header(block, "A");
  EXPECT_EQ(block, "");
  block = "NATS/1.0\r\nA: 1\r\nB: 2\r\n\r\n";
  remove_header(block, "X");
  EXPECT_EQ(block, "NATS/1.0\r\nA: 1\r\nB: 2\r\n\r\n");
  remove_header(block, "A");
  EXPECT_EQ(block, "NATS/1.0\r\nB: 2\r\n\r\n");
}

TEST(HeaderBuildTest, PrefixTakesAllThatBeginWithIt) {
  std::string block = "NATS/1.0\r\nNats-A: 1\r\nB: Nats-\r\nNats-C: 2\r\n\r\n";
  remove_headers_with_prefix(block, "Nats-");
  EXPECT_EQ(block, "NATS/1.0\r\nB: Nats-\r\n\r\n");
}

TEST(HeaderBuildTest, ManyEqualHeadersAreRemovedInOnePass) {
  std::string block(kHeaderLine);
  for (int i = 0; i < 200000; ++i) block += "A: 1\r\n";
  block += "B: 1\r\n\r\n";
  remove_header(block, "A");
  EXPECT_EQ(block, "NATS/1.0\r\nB: 1\r\n\r\n");
}

TEST(HeaderBuildTest, StatusIsTakenOutOfTheFirstLine) {
  std::string block = "NATS/1.0 503 No Responders\r\nA: 1\r\n\r\n";
  remove_header_status(block);
  EXPECT_EQ(block, "NATS/1.0\r\nA: 1\r\n\r\n");
  block = "NATS/1.0 503\r\n\r\n";
  remove_header_status(block);
  EXPECT_EQ(block, "");
  block = "X 503\r\n\r\n";
  remove_header_status(block);
  EXPECT_EQ(block, "X 503\r\n\r\n");
}

}  // namespace
}  // namespace petrel::proto
