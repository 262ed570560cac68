#include "petrel/conf/config_tree.h"

#include "memory_sources.h"

#include <gtest/gtest.h>

namespace petrel::conf {
namespace {

using namespace std::string_view_literals;

// What a text means: its tree as JSON without the final newline, or "error: " and the message.
std::string meaning(const std::string& text, const MemorySources& memory = {}) {
  auto tree = parse_config_text(text, "t.conf", memory.sources());
  if (!tree) return "error: " + tree.error().detail;
  std::string json = canonical_json(*tree->root);
  json.pop_back();
  return json;
}

struct Vector {
  const char* text;
  std::string_view meaning;
};

class ParserVectors : public testing::TestWithParam<Vector> {};

TEST_P(ParserVectors, MeanWhatNatsServerReads) {
  EXPECT_EQ(meaning(GetParam().text), GetParam().meaning) << GetParam().text;
}

constexpr Vector kNumbers[] = {
    {"a: 1k", R"({"a":1000})"},
    {"a: 1K", R"({"a":1000})"},
    {"a: 1kb", R"({"a":1024})"},
    {"a: 1KiB", R"({"a":1024})"},
    {"a: 1mi", R"({"a":1048576})"},
    {"a: 2Gi", R"({"a":2147483648})"},
    {"a: -5m", R"({"a":-5000000})"},
    {"a: 1.5", R"({"a":1.5})"},
    {"a: 1.5.2", R"({"a":"1.5.2"})"},
    {"a: 127.0.0.1:4222", R"({"a":"127.0.0.1:4222"})"},
    {"a: 10s", R"({"a":"10s"})"},
    {"a: 0x10", R"({"a":"0x10"})"},
    {"a: 1e3", R"({"a":"1e3"})"},
    {"a: +5", R"({"a":"+5"})"},
    {"a: %5", R"({"a":"%5"})"},
    {"a: 9223372036854775807", R"({"a":9223372036854775807})"},
    {"a: 9223372036854775808", "error: integer '9223372036854775808' is out of the range"},
    {"a: 2024-01-02T03:04:05Z", R"({"a":"2024-01-02T03:04:05Z"})"},
    {"a: 2024-13-02T03:04:05Z",
     "error: expected Zulu formatted DateTime, but got '2024-13-02T03:04:05Z'"},
    {"a: 2024-01",
     "error: Parse error on line 1: 'Expected '-' in ISO8601 datetime, but found "
     "'\0' instead.'"sv},
    {"a: 20-x", "error: Parse error on line 1: 'All ISO8601 dates must be in full Zulu form.'"},
    {"a: -x", "error: Parse error on line 1: 'Expected a digit but got 'x'.'"},
    {"a: .5", "error: Parse error on line 1: 'Floats must start with a digit'"},
    {"a: 5.x",
     "error: Parse error on line 1: 'Floats must have a digit after the '.', but got "
     "'x' instead.'"},
    {"a: 1kbb\nb: 2", R"({"b":2})"},
};
INSTANTIATE_TEST_SUITE_P(Numbers, ParserVectors, testing::ValuesIn(kNumbers));

constexpr Vector kStrings[] = {
    {"a: On", R"({"a":true})"},
    {"a: yes", R"({"a":true})"},
    {"a: no", R"({"a":false})"},
    {"a: \"yes\"", R"({"a":"yes"})"},
    {"a: foo#bar", R"({"a":"foo#bar"})"},
    {"a: foo//bar", R"({"a":"foo//bar"})"},
    {"a: foo // c", R"({"a":"foo"})"},
    {"a: 'it\\n'", R"({"a":"it\\n"})"},
    {"a: \"x\\ty\\x41\"", R"({"a":"x\tyA"})"},
    {"a: \"two\nlines\"", R"({"a":"two\nlines"})"},
    {"a: b'c",
     "error: Parse error on line 1: 'Expected a top-level value to end with a new line, "
     "comment or EOF, but got 'c' instead.'"},
    {"a: \"x\\q\"",
     "error: Parse error on line 1: 'Invalid escape character 'q'. Only the "
     "following escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", \\\\.'"},
    {"a: /tmp/x", R"({"a":"/tmp/x"})"},
    {"a: ~/x", R"({"a":"~/x"})"},
    {"a: foo.>", R"({"a":"foo.\u003e"})"},
    {"a: nats://u:p@h:1/", R"({"a":"nats://u:p@h:1/"})"},
    {"a: (\nline1\n)\n", R"({"a":"\nline1\n"})"},
    {"a: (\nline1\n)", R"~({"a":"\nline1\n)"})~"},
    {"a: (x)\n", "error: Parse error on line 2: 'Unexpected EOF processing block.'"},
    {"a:", R"({"a":""})"},
    {"a", "error: config is invalid (t.conf:1:1)"},
    {"# only", "{}"},
    {"", "{}"},
    {"a: \"open", "error: Parse error on line 1: 'Unexpected EOF.'"},
};
INSTANTIATE_TEST_SUITE_P(Strings, ParserVectors, testing::ValuesIn(kStrings));

constexpr Vector kStructure[] = {
    {"a{b:1}", R"({"a{b":1})"},
    {"a {b:1}", R"({"a":{"b":1}})"},
    {"a {b 1, c: 2; d=3 }", R"({"a":{"b":1,"c":2,"d":3}})"},
    {"{a:1, b:{c:2}}", R"({"a":1,"b":{"c":2}})"},
    {"a: 1 b: 2",
     "error: Parse error on line 1: 'Expected a top-level value to end with a new "
     "line, comment or EOF, but got 'b' instead.'"},
    {"a: 1; b: 2, c: 3", R"({"a":1,"b":2,"c":3})"},
    {"a =\n1", "error: Parse error on line 2: 'Expected value but found new line'"},
    {"a\n1", R"({"a":1})"},
    {"m { a =\n1 }", R"({"m":{"a":1}})"},
    {"a: [1]\n",
     "error: Parse error on line 2: 'Expected an array value terminator \",\" or an "
     "array terminator \"]\", but got '\0' instead.'"sv},
    {"a: [1,2 ]", R"({"a":[1,2]})"},
    {"a: [x, ]", R"({"a":["x"]})"},
    {"a: [x y]",
     "error: Parse error on line 1: 'Expected an array value terminator \",\" or an "
     "array terminator \"]\", but got 'y' instead.'"},
    {"a: [x\ny\n]", R"({"a":["x","y"]})"},
    {"a: [x,,y]", "error: Parse error on line 1: 'Unexpected array value terminator ','.'"},
    {"include: x", R"({"include":"x"})"},
    {"a,b: 1", R"({"a,b":1})"},
    {"/ c\na: 1", "error: Parse error on line 1: 'Unexpected EOF.'"},
    {"A: 1\na: 2", R"({"A":1,"a":2})"},
    {"a: 1\na: 2", R"({"a":2})"},
    {"= 1", "error: Parse error on line 1: 'Unexpected key separator '=''"},
    {"m { a: 1",
     "error: Parse error on line 1: 'Expected a map value terminator \",\" or a map "
     "terminator \"}\", but got '\0' instead.'"sv},
    {"m { a: , }", "error: Parse error on line 1: 'Unexpected map value terminator \",\".'"},
    {"a { b: }", R"({"b":{}})"},
    {"{\"a\": {\"b\": [true, null ]}}", R"({"a":{"b":[true,"null"]}})"},
};
INSTANTIATE_TEST_SUITE_P(Structure, ParserVectors, testing::ValuesIn(kStructure));

constexpr Vector kVariables[] = {
    {"x=5\ny=$x", R"({"x":5,"y":5})"},
    {"y=$x\nx=5", "error: variable reference for 'x' on line 1 can not be found"},
    {"m {x=5}\ny=$x", "error: variable reference for 'x' on line 2 can not be found"},
    {"x=5\nm { y=$x }", R"({"m":{"y":5},"x":5})"},
    {"x=5\nm { x=6\n y=$x }", R"({"m":{"x":6,"y":6},"x":5})"},
    {"y=\"$x\"", R"({"y":"$x"})"},
    {"x.baz=1\ny=$x.baz", R"({"x.baz":1,"y":1})"},
    {"y=${HOME}", "error: variable reference for '{HOME' on line 1 can not be found"},
    {"p: $2a$11$abc", R"({"p":"$2a$11$abc"})"},
    {"p: $2b$11$abc", "error: variable reference for '2b$11$abc' on line 1 can not be found"},
    {"x={a:1 }\ny=$x", R"({"x":{"a":1},"y":{"a":1}})"},
};
INSTANTIATE_TEST_SUITE_P(Variables, ParserVectors, testing::ValuesIn(kVariables));

TEST(ConfigTree, ReadsEnvironmentValuesAsConfiguration) {
  MemorySources memory;
  memory.env.variables = {{"N", "12"}, {"S", "abc"}, {"Q", "'12'"},  {"BAD", "a b"},
                          {"C", "$D"}, {"D", "$C"},  {"NEST", "$N"}, {"EMPTY", ""}};
  EXPECT_EQ(meaning("a: $N", memory), R"({"a":12})");
  EXPECT_EQ(meaning("a: $S", memory), R"({"a":"abc"})");
  EXPECT_EQ(meaning("a: $Q", memory), R"({"a":"12"})");
  EXPECT_EQ(meaning("a: $NEST", memory), R"({"a":12})");
  EXPECT_EQ(meaning("a: $EMPTY", memory), R"({"a":""})");
  EXPECT_EQ(meaning("a: $BAD", memory),
            "error: variable reference for 'BAD' on line 1 could not be parsed: Parse error on "
            "line 1: 'Expected a top-level value to end with a new line, comment or EOF, but got "
            "'b' instead.'");
  EXPECT_NE(meaning("a: $C", memory).find("variable reference cycle for 'C'"), std::string::npos);
}

TEST(ConfigTree, MergesIncludesRelativeToTheIncludingFile) {
  MemorySources memory;
  memory.files.files["sub/a.conf"] = "x: 1\ninclude ./b.conf;";
  memory.files.files["sub/b.conf"] = "y { z: 2 }";
  EXPECT_EQ(meaning("include 'sub/a.conf'\nw: $x", memory), R"({"w":1,"x":1,"y":{"z":2}})");
  EXPECT_EQ(meaning("m { include sub/b.conf }", memory), R"({"m":{"y":{"z":2}}})");
  EXPECT_EQ(meaning("include /no.conf", memory),
            "error: error parsing include file '/no.conf', open no.conf: no such file or "
            "directory");
}

TEST(ConfigTree, RefusesIncludeCycles) {
  MemorySources memory;
  memory.files.files["a.conf"] = "include a.conf";
  EXPECT_NE(meaning("include a.conf", memory).find("include files nest deeper than 64"),
            std::string::npos);
}

TEST(ConfigTree, PlacesValuesAtTheirKeys) {
  MemorySources memory;
  memory.files.files["i.conf"] = "in: 1";
  auto tree =
      parse_config_text("a: 1\n  b: 2\nc { d: 3 }\ninclude i.conf", "t.conf", memory.sources());
  ASSERT_TRUE(tree.is_ok());
  EXPECT_EQ(tree->root->find("a")->position().text(), "t.conf:1:0");
  EXPECT_EQ(tree->root->find("b")->position().text(), "t.conf:2:3");
  EXPECT_EQ(tree->root->find("c")->map()->find("d")->position().text(), "t.conf:3:5");
  EXPECT_EQ(tree->root->find("in")->position().text(), "i.conf:1:0");
}

TEST(ConfigTree, KnowsWhichKeysWereUsedAsVariables) {
  auto tree = parse_config_text("a: 1\nb: 2\nc: $a", "t.conf", MemorySources().sources());
  ASSERT_TRUE(tree.is_ok());
  EXPECT_TRUE(tree->root->find("a")->used_as_variable);
  EXPECT_FALSE(tree->root->find("b")->used_as_variable);
}

TEST(ConfigTree, DigestsTheSortedJson) {
  auto tree = parse_config_text("port: 4222", "t.conf", MemorySources().sources());
  ASSERT_TRUE(tree.is_ok());
  EXPECT_EQ(canonical_json(*tree->root), "{\"port\":4222}\n");
  EXPECT_EQ(tree->digest,
            "sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e");
}

TEST(ConfigTree, WritesNumbersAsGoDoes) {
  EXPECT_EQ(meaning("a: 0.0000001"), R"({"a":1e-7})");
  EXPECT_EQ(meaning("a: 1000000000000000000000.0"), R"({"a":1e+21})");
  EXPECT_EQ(meaning("a: 100000000000000000000.0"), R"({"a":100000000000000000000})");
}

TEST(ConfigTree, BoundsNestingAndExpansion) {
  EXPECT_NE(meaning("a: " + std::string(10000, '[')).find("nest deeper than 512"),
            std::string::npos);
  std::string bomb = "a0: [1,1,1,1,1,1,1,1,1,1 ]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string previous = "$a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": [";
    for (int k = 0; k < 10; ++k) bomb += previous + ",";
    bomb += "]\n";
  }
  EXPECT_NE(meaning(bomb).find("holds more than 8000000 values"), std::string::npos);
}

TEST(ConfigTree, NamesAMissingFile) {
  auto tree = parse_config_file("no.conf", MemorySources().sources());
  ASSERT_FALSE(tree.is_ok());
  EXPECT_EQ(tree.error().detail, "open no.conf: no such file or directory");
}

}  // namespace
}  // namespace petrel::conf
