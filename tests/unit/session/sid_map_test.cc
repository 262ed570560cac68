#include "petrel/session/sid_map.h"

#include "session_world.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace petrel::session {
namespace {

TEST(SidMapTest, AnEmptyMapFindsNothing) {
  const SidMap map;
  const router::SubscriptionTable table;
  EXPECT_EQ(map.find(table, "1"), SidMap::kNone);
  EXPECT_EQ(map.size(), 0U);
}

TEST(SidMapTest, RandomUseEqualsAMap) {
  SessionWorld world;
  ClientSession& client = world.connected();
  router::SubscriptionTable& table = world.router.subscriptions();
  Prng prng(11);
  SidMap map;
  std::map<std::string, uint32_t> model;
  for (int step = 0; step < 20000; ++step) {
    const std::string sid = std::to_string(prng.below(300));
    const auto known = model.find(sid);
    ASSERT_EQ(map.find(table, sid), known == model.end() ? SidMap::kNone : known->second);
    if (known != model.end()) {
      map.erase(table, known->second);
      table.remove(known->second);
      model.erase(known);
    } else if (prng.chance(700)) {
      const uint32_t slot = table.add(client, "a", "", sid);
      map.insert(table, slot);
      model.emplace(sid, slot);
    }
    ASSERT_EQ(map.size(), model.size());
  }
  std::set<uint32_t> visited;
  map.for_each([&](uint32_t slot) { visited.insert(slot); });
  EXPECT_EQ(visited.size(), model.size());
  for (const auto& [sid, slot] : model) EXPECT_EQ(map.find(table, sid), slot);
  map.clear();
  EXPECT_EQ(map.find(table, model.begin()->first), SidMap::kNone);
}

}  // namespace
}  // namespace petrel::session
