#include "petrel/subject/subject.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace petrel::subject {
namespace {

std::vector<std::string> tokens_of(Slice subject) {
  std::vector<std::string> tokens;
  for (TokenReader reader(subject); reader.next();) {
    tokens.emplace_back(reader.token());
    EXPECT_EQ(reader.is_last(),
              reader.token().data() + reader.token().size() == subject.data() + subject.size());
  }
  return tokens;
}

TEST(Subject, TokensStandBetweenDots) {
  using Tokens = std::vector<std::string>;
  EXPECT_EQ(tokens_of("foo"), (Tokens{"foo"}));
  EXPECT_EQ(tokens_of("foo.bar.*"), (Tokens{"foo", "bar", "*"}));
  EXPECT_EQ(tokens_of("foo."), (Tokens{"foo", ""}));
  EXPECT_EQ(tokens_of(".foo"), (Tokens{"", "foo"}));
  EXPECT_EQ(tokens_of(""), (Tokens{""}));
  EXPECT_EQ(token_count(""), 0U);
  EXPECT_EQ(token_count("foo"), 1U);
  EXPECT_EQ(token_count("foo.bar.baz"), 3U);
  EXPECT_EQ(token_count("foo..bar."), 4U);
}

TEST(Subject, ValidityOfSubscriptions) {
  for (const char* good : {"foo", "foo.bar", "*", ">", "foo.*.bar", "foo.>", "foo*", "a.>b",
                           "a.b>.c", "$SYS.x", "*.*.>", "\xc3\xa9.\x80", "a\vb"}) {
    EXPECT_TRUE(is_valid_subject(good)) << good;
  }
  for (const char* bad : {"", ".", "foo.", ".foo", "foo..bar", ">.foo", "foo.>.bar", ">.>", "a b",
                          "a\tb", "a.\r", "\n", "a.b\f"}) {
    EXPECT_FALSE(is_valid_subject(bad)) << bad;
  }
}

TEST(Subject, WildcardsCountOnlyAsWholeTokens) {
  EXPECT_TRUE(is_literal("foo*.a>b"));
  EXPECT_TRUE(is_literal("**.>>"));
  EXPECT_FALSE(is_literal("foo.*"));
  EXPECT_FALSE(is_literal("foo.*.bar"));
  EXPECT_FALSE(is_literal(">"));
}

TEST(Subject, PedanticPublishersMayNotUseWildcards) {
  for (const char* good : {"foo", "foo*", "foo.a>", "a b"})
    EXPECT_TRUE(is_valid_literal(good)) << good;
  for (const char* bad : {"foo.>", "*", "foo.*.bar", "foo..bar", "foo.", ""}) {
    EXPECT_FALSE(is_valid_literal(bad)) << bad;
  }
}

TEST(Subject, FullTokens) {
  for (const char* good : {"a", "a.b", "*", ">.a"}) EXPECT_TRUE(has_only_full_tokens(good)) << good;
  for (const char* bad : {"", ".", "a.", ".a", "a..b"})
    EXPECT_FALSE(has_only_full_tokens(bad)) << bad;
}

TEST(Subject, Matches) {
  EXPECT_TRUE(subject_matches("foo.bar", "foo.*"));
  EXPECT_TRUE(subject_matches("foo.bar", "foo.>"));
  EXPECT_TRUE(subject_matches("foo.bar.baz", ">"));
  EXPECT_TRUE(subject_matches("foo.bar.baz", "foo.*.baz"));
  EXPECT_TRUE(subject_matches("foo.*", "foo.*"));
  EXPECT_TRUE(subject_matches("foo.>", "foo.*"));  // text, as nats-server takes it
  EXPECT_FALSE(subject_matches("foo", "foo.>"));
  EXPECT_FALSE(subject_matches("foo", "foo.*"));
  EXPECT_FALSE(subject_matches("foo.bar", "foo"));
  EXPECT_FALSE(subject_matches("foo.", "foo.>"));
  EXPECT_FALSE(subject_matches("foo..bar", ">"));
  EXPECT_FALSE(subject_matches("", ">"));
  EXPECT_FALSE(subject_matches("foo.bar.baz", "*.bar"));
}

TEST(Subject, Subsets) {
  EXPECT_TRUE(is_subset_match("foo.bar", "foo.bar"));
  EXPECT_TRUE(is_subset_match("foo.bar", "foo.*"));
  EXPECT_TRUE(is_subset_match("foo.*", "foo.>"));
  EXPECT_TRUE(is_subset_match("foo.*", "foo.*"));
  EXPECT_TRUE(is_subset_match("foo.>", ">"));
  EXPECT_TRUE(is_subset_match("foo.*.>", "foo.>"));
  EXPECT_FALSE(is_subset_match("foo.>", "foo.*"));
  EXPECT_FALSE(is_subset_match("*", "foo"));
  EXPECT_FALSE(is_subset_match("foo", "foo.>"));
  EXPECT_FALSE(is_subset_match("foo.bar", "foo"));
  EXPECT_FALSE(is_subset_match("foo..bar", "foo.*.bar"));
}

TEST(Subject, Collisions) {
  const auto collide = [](Slice a, Slice b) {
    EXPECT_EQ(subjects_collide(a, b), subjects_collide(b, a)) << a << " " << b;
    return subjects_collide(a, b);
  };
  EXPECT_TRUE(collide("foo", "foo"));
  EXPECT_TRUE(collide("foo.*", "*.bar"));
  EXPECT_TRUE(collide("foo.>", "foo.bar.baz"));
  EXPECT_TRUE(collide("foo.>", "*.*.baz"));
  EXPECT_TRUE(collide(">", "*"));
  EXPECT_FALSE(collide("foo", "bar"));
  EXPECT_FALSE(collide("foo.*", "foo.bar.baz"));
  EXPECT_FALSE(collide("foo.*", "*.bar.>"));
  EXPECT_FALSE(collide("foo", "foo.>"));
  EXPECT_FALSE(collide("foo.>", "*"));
  EXPECT_FALSE(collide("foo.*.a", "*.bar.b"));
}

}  // namespace
}  // namespace petrel::subject
