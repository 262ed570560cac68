#include "subject/segmented_table.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace petrel::subject {
namespace {

using Table = SegmentedTable<uint64_t>;

uint64_t* find(const Table& table, uint32_t hash, uint64_t value) {
  return table.find(hash, [value](uint64_t other) { return other == value; });
}

bool erase(Table& table, uint32_t hash, uint64_t value) {
  return table.erase(hash, [value](uint64_t other) { return other == value; });
}

std::map<uint64_t, int> content(const Table& table) {
  std::map<uint64_t, int> values;
  table.for_each([&values](uint64_t value) { ++values[value]; });
  return values;
}

// Random inserts and erases against a map; `hash_of` decides how badly they collide.
template <typename HashOf>
void expect_same_as_map(HashOf hash_of, size_t most) {
  Prng prng(11);
  Table table;
  std::map<uint64_t, int> model;
  size_t total = 0;
  for (int step = 0; step < 20000; ++step) {
    const uint64_t value = prng.below(most);
    const bool grows = (step / 4000) % 2 == 0;  // fill and drain in turn
    if (prng.chance(grows ? 700 : 300)) {
      table.insert(hash_of(value), value);
      ++model[value];
      ++total;
    } else {
      const auto at = model.find(value);
      ASSERT_EQ(erase(table, hash_of(value), value), at != model.end());
      if (at == model.end()) continue;
      --total;
      if (--at->second == 0) model.erase(at);
    }
    ASSERT_EQ(table.size(), total);
    ASSERT_EQ(find(table, hash_of(value), value) != nullptr, model.contains(value));
    if (step % 500 == 0) {
      ASSERT_EQ(content(table), model);
    }
  }
  EXPECT_EQ(content(table), model);
}

uint32_t spread(uint64_t value) {
  return static_cast<uint32_t>((value * 0x9e3779b97f4a7c15ULL) >> 32);
}

TEST(SegmentedTable, HoldsWhatAMapHolds) {
  expect_same_as_map(spread, 5000);
}

TEST(SegmentedTable, HoldsEqualValuesMoreThanOnce) {
  expect_same_as_map(spread, 20);
}

TEST(SegmentedTable, HoldsValuesWhoseHashesAllCollide) {
  expect_same_as_map([](uint64_t) { return 0U; }, 300);
}

TEST(SegmentedTable, HoldsValuesWhoseHashesShareTheirFirstBits) {
  expect_same_as_map(
      [](uint64_t value) { return static_cast<uint32_t>(0xfff00000U + value % 1000); }, 3000);
}

TEST(SegmentedTable, GrowsAndShrinksWithoutLosingAny) {
  constexpr uint64_t kValues = 200000;
  Table table;
  for (uint64_t value = 0; value < kValues; ++value) table.insert(spread(value), value);
  ASSERT_EQ(table.size(), kValues);
  for (uint64_t value = 0; value < kValues; ++value) {
    ASSERT_NE(find(table, spread(value), value), nullptr);
  }
  for (uint64_t value = 0; value < kValues; value += 2)
    ASSERT_TRUE(erase(table, spread(value), value));
  for (uint64_t value = 0; value < kValues; ++value) {
    ASSERT_EQ(find(table, spread(value), value) != nullptr, value % 2 == 1);
  }
  for (uint64_t value = 1; value < kValues; value += 2)
    ASSERT_TRUE(erase(table, spread(value), value));
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(content(table).empty());
  table.insert(7, 7);
  EXPECT_NE(find(table, 7, 7), nullptr);
}

}  // namespace
}  // namespace petrel::subject
