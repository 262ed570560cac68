#include "petrel/subject/subject_mapping.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace petrel::subject {
namespace {

constexpr int kDraws = 10000;
const std::string kLost = "(lost)";

// How often each subject came out of kDraws draws.
std::map<std::string, int> draw(const SubjectMapping& mapping, Slice subject, Slice cluster = "") {
  Prng prng(3);
  std::string out;
  std::map<std::string, int> shares;
  for (int i = 0; i < kDraws; ++i) {
    ++shares[mapping.select(subject, cluster, prng, out) ? out : kLost];
  }
  return shares;
}

std::string error_of(Slice source, const std::vector<WeightedDestination>& destinations) {
  const auto mapping = SubjectMapping::create(source, destinations);
  return mapping ? "none" : mapping.error().detail;
}

TEST(SubjectMapping, SharesFollowTheWeightsAndTheRestStays) {
  auto mapping = SubjectMapping::create("foo", {{"a", 30, ""}, {"b", 20, ""}});
  ASSERT_TRUE(mapping);
  auto shares = draw(*mapping, "foo");
  EXPECT_EQ(shares.size(), 3U);
  EXPECT_NEAR(shares["a"], 3000, 200);
  EXPECT_NEAR(shares["b"], 2000, 200);
  EXPECT_NEAR(shares["foo"], 5000, 200);
}

TEST(SubjectMapping, TheRestOfAWildcardKeepsItsTokens) {
  auto mapping = SubjectMapping::create("foo.*.>", {{"x.$1.>", 50, ""}});
  ASSERT_TRUE(mapping);
  auto shares = draw(*mapping, "foo.a.b.c");
  EXPECT_EQ(shares.size(), 2U);
  EXPECT_NEAR(shares["x.a.b.c"], 5000, 200);
  EXPECT_NEAR(shares["foo.a.b.c"], 5000, 200);
}

TEST(SubjectMapping, NamingTheSourceLosesTheRest) {
  auto mapping = SubjectMapping::create("foo", {{"foo", 40, ""}});
  ASSERT_TRUE(mapping);
  auto shares = draw(*mapping, "foo");
  EXPECT_NEAR(shares["foo"], 4000, 200);
  EXPECT_NEAR(shares[kLost], 6000, 200);
}

TEST(SubjectMapping, FullWeightLeavesNothing) {
  auto mapping = SubjectMapping::create("foo", {{"a", 100, ""}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(draw(*mapping, "foo"), (std::map<std::string, int>{{"a", kDraws}}));
  mapping = SubjectMapping::create("foo", {{"a", 0, ""}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(draw(*mapping, "foo"), (std::map<std::string, int>{{"foo", kDraws}}));
}

TEST(SubjectMapping, ClustersHaveTheirOwnDestinations) {
  auto mapping = SubjectMapping::create("foo.*", {{"x.$1", 100, ""}, {"y.$1", 100, "EU"}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(draw(*mapping, "foo.1", "EU").begin()->first, "y.1");
  EXPECT_EQ(draw(*mapping, "foo.1", "US").begin()->first, "x.1");
  EXPECT_EQ(draw(*mapping, "foo.1").begin()->first, "x.1");
}

TEST(SubjectMapping, OtherClustersKeepTheSubject) {
  auto mapping = SubjectMapping::create("foo", {{"y", 100, "EU"}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(draw(*mapping, "foo", "US"), (std::map<std::string, int>{{"foo", kDraws}}));
}

TEST(SubjectMapping, MatchesWhatItsSourceAdmits) {
  auto mapping = SubjectMapping::create("foo.*", {{"x.$1", 100, ""}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->source(), "foo.*");
  EXPECT_TRUE(mapping->matches("foo.1"));
  EXPECT_FALSE(mapping->matches("foo"));
  EXPECT_FALSE(mapping->matches("foo.1.2"));
}

TEST(SubjectMapping, RefusesListsThatDoNotAddUp) {
  EXPECT_EQ(error_of("foo..a", {{"a", 100, ""}}), "invalid subject");
  EXPECT_EQ(error_of("foo", {{"a", 10, ""}, {"a", 20, ""}}), "duplicate entry for \"a\"");
  EXPECT_EQ(error_of("foo", {{"a", 101, ""}}), "individual weights need to be <= 100");
  EXPECT_EQ(error_of("foo", {{"a", 60, ""}, {"b", 41, ""}}), "total weight needs to be <= 100");
  EXPECT_EQ(error_of("foo", {{"a", 60, ""}, {"b", 60, "EU"}}), "none");
  EXPECT_EQ(error_of("foo", {{"a b", 60, ""}}), "invalid mapping destination: invalid transform");
  EXPECT_EQ(error_of("foo.*", {{"a.$2", 60, ""}}),
            "invalid mapping destination: wildcard index out of range in $2: [2]");
}

}  // namespace
}  // namespace petrel::subject
