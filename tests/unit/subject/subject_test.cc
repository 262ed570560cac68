#include "petrel/subject/subject.h"

#include <gtest/gtest.h>

namespace petrel::subject {
namespace {

TEST(Subject, ValidityOfSubscriptions) {
  for (const char* good :
       {"foo", "foo.bar", "*", ">", "foo.*.bar", "foo.>", "foo*", "a.>b", "$SYS.x"}) {
    EXPECT_TRUE(is_valid_subject(good)) << good;
  }
  for (const char* bad :
       {"", ".", "foo.", ".foo", "foo..bar", ">.foo", "foo.>.bar", "a b", "a\tb"}) {
    EXPECT_FALSE(is_valid_subject(bad)) << bad;
  }
}

TEST(Subject, WildcardsCountOnlyAsWholeTokens) {
  EXPECT_TRUE(is_literal("foo*.a>b"));
  EXPECT_FALSE(is_literal("foo.*"));
  EXPECT_FALSE(is_literal(">"));
  EXPECT_FALSE(is_valid_literal("foo.>"));
  EXPECT_TRUE(is_valid_literal("foo*"));
}

TEST(Subject, Matches) {
  EXPECT_TRUE(subject_matches("foo.bar", "foo.*"));
  EXPECT_TRUE(subject_matches("foo.bar", "foo.>"));
  EXPECT_TRUE(subject_matches("foo.bar.baz", ">"));
  EXPECT_TRUE(subject_matches("foo.*", "foo.*"));
  EXPECT_FALSE(subject_matches("foo", "foo.>"));
  EXPECT_FALSE(subject_matches("foo", "foo.*"));
  EXPECT_FALSE(subject_matches("foo.bar", "foo"));
  EXPECT_FALSE(subject_matches("foo.", "foo.>"));
  EXPECT_FALSE(subject_matches("foo..bar", ">"));
  EXPECT_FALSE(subject_matches("foo.bar.baz", "*.bar"));
}

TEST(Subject, Subsets) {
  EXPECT_TRUE(is_subset_match("foo.*", "foo.>"));
  EXPECT_TRUE(is_subset_match("foo.*", "foo.*"));
  EXPECT_TRUE(is_subset_match("foo.>", ">"));
  EXPECT_FALSE(is_subset_match("foo.>", "foo.*"));
  EXPECT_FALSE(is_subset_match("*", "foo"));
  EXPECT_FALSE(is_subset_match("foo", "foo.>"));
}

TEST(Subject, Collisions) {
  EXPECT_TRUE(subjects_collide("foo.*", "*.bar"));
  EXPECT_TRUE(subjects_collide("foo.>", "foo.bar.baz"));
  EXPECT_FALSE(subjects_collide("foo.*", "foo.bar.baz"));
  EXPECT_FALSE(subjects_collide("foo", "foo.>"));
}

}  // namespace
}  // namespace petrel::subject
