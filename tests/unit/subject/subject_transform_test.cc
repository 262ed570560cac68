#include "petrel/subject/subject_transform.h"

#include "petrel/subject/subject_mapping.h"

#include <gtest/gtest.h>

namespace petrel::subject {
namespace {

std::string transformed(Slice source, Slice destination, Slice subject) {
  auto transform = SubjectTransform::create(source, destination);
  if (!transform) return "error: " + transform.error().detail;
  Prng prng(1);
  std::string out;
  transform->apply(subject, prng, out);
  return out;
}

std::string error_of(Slice source, Slice destination, TransformMode mode = TransformMode::kAny) {
  auto transform = SubjectTransform::create(source, destination, mode);
  return transform ? "none" : transform.error().detail;
}

TEST(SubjectTransform, Functions) {
  EXPECT_EQ(transformed("foo.*.*", "bar.$2.{{wildcard(1)}}", "foo.a.b"), "bar.b.a");
  EXPECT_EQ(transformed("foo.>", "bar.>", "foo.a.b"), "bar.a.b");
  EXPECT_EQ(transformed(">", "p.>", "a.b"), "p.a.b");
  EXPECT_EQ(transformed("*", "{{splitfromleft(1,2)}}", "abcde"), "ab.cde");
  EXPECT_EQ(transformed("*", "{{SplitFromRight(1, 2)}}", "abcde"), "abc.de");
  EXPECT_EQ(transformed("*", "{{slicefromright(1,3)}}", "abcdefgh"), "ab.cde.fgh");
  EXPECT_EQ(transformed("*", "{{slicefromleft(1,3)}}", "abcdefgh"), "abc.def.gh");
  EXPECT_EQ(transformed("*", "{{slicefromleft(1,9)}}", "abc"), "abc");
  EXPECT_EQ(transformed("*", "{{split(1,-)}}", "-a-b--c-"), "a.b.c");
  EXPECT_EQ(transformed("*", "{{left(1,2)}}.{{right(1,3)}}", "abcde"), "ab.cde");
  EXPECT_EQ(transformed("*", "{{random(0)}}", "x"), "0");
  EXPECT_EQ(transformed("foo", "$JS.bar", "foo"), "$JS.bar");
}

TEST(SubjectTransform, PartitionsAreFnv1aOfTheTokens) {
  // FNV-1a 32 of "a" is 0xe40c292c.
  EXPECT_EQ(transformed("foo.*", "bar.{{partition(10,1)}}", "foo.a"),
            "bar." + std::to_string(0xe40c292cU % 10));
  EXPECT_EQ(transformed("foo", "bar.{{partition(0)}}", "foo"), "bar.0");
}

TEST(SubjectTransform, Errors) {
  EXPECT_EQ(error_of("foo.*", "bar.*"), "invalid subject");
  EXPECT_EQ(error_of("foo.>", "bar"), "invalid subject");
  EXPECT_EQ(error_of("foo.*", "bar.$2"),
            "invalid mapping destination: wildcard index out of range in $2: [2]");
  EXPECT_EQ(error_of("foo.*", "bar.{{nope(1)}}"),
            "invalid mapping destination: unknown function in {{nope(1)}}");
  EXPECT_EQ(error_of("foo.*", "bar.{{wildcard()}}"),
            "invalid mapping destination: not enough arguments passed to the function in "
            "{{wildcard()}}");
  EXPECT_EQ(error_of("foo.*", "bar.{{left(1,2,3)}}"),
            "invalid mapping destination: too many arguments passed to the function in "
            "{{left(1,2,3)}}");
  EXPECT_EQ(error_of("foo.*", "bar.{{left(1,x)}}"),
            "invalid mapping destination: function argument is invalid or in the wrong format in "
            "{{left(1,x)}}");
  EXPECT_EQ(error_of("foo.*.*", "bar.$1", TransformMode::kReversible),
            "invalid mapping destination: not using all of the token wildcard(s) in bar.$1");
  EXPECT_EQ(error_of("foo", "bar.$1"),
            "invalid mapping destination: wildcard index out of range in $1");
}

TEST(SubjectMapping, SharesFollowTheWeights) {
  auto mapping = SubjectMapping::create("foo", {{"a", 30, ""}, {"b", 20, ""}});
  ASSERT_TRUE(mapping);
  Prng prng(3);
  std::string out;
  int a = 0;
  int b = 0;
  int unchanged = 0;
  for (int i = 0; i < 10000; ++i) {
    ASSERT_TRUE(mapping->select("foo", "", prng, out));
    a += out == "a" ? 1 : 0;
    b += out == "b" ? 1 : 0;
    unchanged += out == "foo" ? 1 : 0;
  }
  EXPECT_NEAR(a, 3000, 200);
  EXPECT_NEAR(b, 2000, 200);
  EXPECT_NEAR(unchanged, 5000, 200);
}

TEST(SubjectMapping, NamingTheSourceLosesTheRest) {
  auto mapping = SubjectMapping::create("foo", {{"foo", 40, ""}});
  ASSERT_TRUE(mapping);
  Prng prng(3);
  std::string out;
  int lost = 0;
  for (int i = 0; i < 10000; ++i) lost += mapping->select("foo", "", prng, out) ? 0 : 1;
  EXPECT_NEAR(lost, 6000, 200);
}

TEST(SubjectMapping, ClustersHaveTheirOwnDestinations) {
  auto mapping = SubjectMapping::create("foo.*", {{"x.$1", 100, ""}, {"y.$1", 100, "EU"}});
  ASSERT_TRUE(mapping);
  Prng prng(3);
  std::string out;
  ASSERT_TRUE(mapping->matches("foo.1"));
  ASSERT_FALSE(mapping->matches("foo"));
  ASSERT_TRUE(mapping->select("foo.1", "EU", prng, out));
  EXPECT_EQ(out, "y.1");
  ASSERT_TRUE(mapping->select("foo.1", "US", prng, out));
  EXPECT_EQ(out, "x.1");
}

}  // namespace
}  // namespace petrel::subject
