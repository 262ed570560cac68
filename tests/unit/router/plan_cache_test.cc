#include "petrel/router/plan_cache.h"

#include <gtest/gtest.h>

namespace petrel::router {
namespace {

constexpr uint64_t kSets = 4096;

TEST(PlanCacheTest, ASubjectIsWantedFromItsSecondUse) {
  PlanCache cache;
  const AccountInterest account("$G");
  const uint64_t hash = PlanCache::hash_of(account, "a", false);
  EXPECT_FALSE(cache.wants(hash));
  EXPECT_TRUE(cache.wants(hash));
}

TEST(PlanCacheTest, FindsWhatWasInserted) {
  PlanCache cache;
  const AccountInterest account("$G");
  const AccountInterest other("other");
  const uint64_t hash = PlanCache::hash_of(account, "a", false);
  EXPECT_EQ(cache.find(hash, account, "a", false), nullptr);
  PlanEntry& entry = cache.insert(hash, account, "a", false);
  EXPECT_EQ(cache.find(hash, account, "a", false), &entry);
  EXPECT_EQ(cache.find(hash, account, "b", false), nullptr);
  EXPECT_EQ(cache.find(hash, other, "a", false), nullptr);
  EXPECT_EQ(cache.find(hash, account, "a", true), nullptr);
}

TEST(PlanCacheTest, AccountsAndKindsHashApart) {
  const AccountInterest account("$G");
  const AccountInterest other("other");
  EXPECT_NE(PlanCache::hash_of(account, "a", false), PlanCache::hash_of(other, "a", false));
  EXPECT_NE(PlanCache::hash_of(account, "a", false), PlanCache::hash_of(account, "a", true));
}

TEST(PlanCacheTest, TheLeastRecentlyUsedOfASetGoesFirst) {
  PlanCache cache;
  const AccountInterest account("$G");
  const auto key = [](uint64_t i) { return "key" + std::to_string(i); };
  for (uint64_t i = 0; i < 8; ++i) cache.insert(5 + i * kSets, account, key(i), false);
  ASSERT_NE(cache.find(5, account, key(0), false), nullptr);  // used again: now 1 is the oldest
  cache.insert(5 + 8 * kSets, account, key(8), false);
  EXPECT_EQ(cache.find(5 + 1 * kSets, account, key(1), false), nullptr);
  EXPECT_NE(cache.find(5, account, key(0), false), nullptr);
  for (uint64_t i = 2; i <= 8; ++i) {
    EXPECT_NE(cache.find(5 + i * kSets, account, key(i), false), nullptr) << i;
  }
}

TEST(PlanCacheTest, AReusedPlaceHoldsNothingOfTheOldPlan) {
  PlanCache cache;
  const AccountInterest account("$G");
  for (uint64_t i = 0; i < 8; ++i) {
    PlanEntry& entry = cache.insert(i * kSets, account, "old", false);
    entry.plan.local.push_back({1, 1, 0, 0});
    entry.plan.prefixes = "HMSG a 1 ";
  }
  const PlanEntry& entry = cache.insert(8 * kSets, account, "new", true);
  EXPECT_EQ(entry.plan.target_count(), 0U);
  EXPECT_TRUE(entry.plan.prefixes.empty());
  EXPECT_TRUE(entry.is_shared);
}

}  // namespace
}  // namespace petrel::router
