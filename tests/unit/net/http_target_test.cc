// Expected values were seen on nats-server 2.15.2 (Go net/http and net/url) where it can show them.
#include "net/http_target.h"

#include <gtest/gtest.h>

namespace petrel::net {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

TEST(HttpTarget, SplitsPathAndQuery) {
  const Result<HttpTarget> target = parse_http_target("/connz?subs=1&limit=10&subs=detail");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/connz");
  EXPECT_EQ(target->raw_query, "subs=1&limit=10&subs=detail");
  EXPECT_EQ(target->params, (Params{{"subs", "1"}, {"limit", "10"}, {"subs", "detail"}}));
}

TEST(HttpTarget, DecodesEscapes) {
  const Result<HttpTarget> target = parse_http_target("/heal%74hz+a?acc=%24SYS&a+b=c+d%2B");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/healthz+a");
  EXPECT_EQ(target->params, (Params{{"acc", "$SYS"}, {"a b", "c d+"}}));
}

TEST(HttpTarget, WrongParametersAreLeftOut) {
  const Result<HttpTarget> target = parse_http_target("/x?a=%zz&b=1;c=2&&d&=e&f=%4");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->params, (Params{{"d", ""}, {"", "e"}}));
}

TEST(HttpTarget, TakesAbsoluteForm) {
  for (const char* text : {"http://host:8222/varz?a=1", "HTTP://x/varz?a=1"}) {
    const Result<HttpTarget> target = parse_http_target(text);
    ASSERT_TRUE(target) << text;
    EXPECT_EQ(target->path, "/varz");
    EXPECT_EQ(target->raw_query, "a=1");
  }
  EXPECT_EQ(parse_http_target("http://host")->path, "");
  EXPECT_EQ(parse_http_target("http://host?a=/b")->raw_query, "a=/b");
}

TEST(HttpTarget, RefusesWhatIsNone) {
  for (const std::string text : {"", "varz", "://x/varz", "/a%zz", "/a%4", "/a%", "h tp://x/varz"})
    EXPECT_FALSE(parse_http_target(text)) << text;
  EXPECT_FALSE(parse_http_target(std::string_view("/a\0b", 4)));
  EXPECT_FALSE(parse_http_target("/a\x7f"));
  EXPECT_FALSE(parse_http_target("/a?b=\n"));
}

TEST(HttpTarget, StarIsATarget) {
  EXPECT_EQ(parse_http_target("*")->path, "*");
}

TEST(CleanPath, RemovesEmptyAndDotSegments) {
  const std::pair<const char*, const char*> cases[] = {{"", "/"},
                                                       {"/", "/"},
                                                       {"//varz", "/varz"},
                                                       {"/varz", "/varz"},
                                                       {"/varz/", "/varz/"},
                                                       {"/./varz", "/varz"},
                                                       {"/a/../varz", "/varz"},
                                                       {"/../../x", "/x"},
                                                       {"/a/b/..", "/a"},
                                                       {"/a/.", "/a"},
                                                       {"///", "/"},
                                                       {"x/y", "/x/y"},
                                                       {"/a/../", "/"}};
  for (const auto& [path, clean] : cases) EXPECT_EQ(clean_path(path), clean) << path;
}

TEST(EscapePath, KeepsWhatALocationMayHold) {
  EXPECT_EQ(escape_path("/varz-_.~$&+,/:;=@"), "/varz-_.~$&+,/:;=@");
  EXPECT_EQ(escape_path("/a b?\"\r\n\xff"), "/a%20b%3F%22%0D%0A%FF");
}

}  // namespace
}  // namespace petrel::net
