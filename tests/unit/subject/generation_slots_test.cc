#include "subject/generation_slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace petrel::subject {
namespace {

TEST(GenerationSlots, LiteralPrefixEndsAtTheFirstWildcardOrTheSecondToken) {
  EXPECT_EQ(literal_prefix(">"), "");
  EXPECT_EQ(literal_prefix("*.a.b"), "");
  EXPECT_EQ(literal_prefix("a.*"), "a");
  EXPECT_EQ(literal_prefix("a.>"), "a");
  EXPECT_EQ(literal_prefix("a.b.*"), "a.b");
  EXPECT_EQ(literal_prefix("a.b.c.d.*"), "a.b");
  EXPECT_EQ(literal_prefix("a*.*"), "a*");
}

TEST(GenerationSlots, AStampHoldsUntilOneOfItsSlotsMoves) {
  GenerationSlots slots(3);
  const uint32_t mine = slots.slot_of(SlotKind::kSubject, "a.b");
  InterestStamp stamp;
  slots.add_to(stamp, mine);
  slots.bump(slots.slot_of(SlotKind::kSubject, "a.c"));
  EXPECT_TRUE(slots.is_unchanged(stamp));
  slots.bump(mine);
  EXPECT_FALSE(slots.is_unchanged(stamp));
}

TEST(SlotNumbers, CountEachSlotForItselfHoweverManyThereAre) {
  SlotNumbers numbers;
  EXPECT_EQ(numbers.get(7), 0U);
  std::vector<uint32_t> expected(SlotNumbers::kSlots);
  // Neighbours, then those that begin their search at one place, then all.
  const auto count = [&](uint32_t slot) {
    numbers.increment(slot);
    ++expected[slot];
  };
  for (uint32_t i = 0; i < 100; ++i) count(i);
  for (uint32_t i = 0; i < 100; ++i) count(i * 512);
  for (uint32_t slot = 0; slot < SlotNumbers::kSlots; slot += 7)
    ASSERT_EQ(numbers.get(slot), expected[slot]);
  for (uint32_t slot = 0; slot < SlotNumbers::kSlots; ++slot) count(slot);
  for (uint32_t slot = 0; slot < SlotNumbers::kSlots; ++slot)
    ASSERT_EQ(numbers.get(slot), expected[slot]);
}

// Readers go on over the tables that were too small; what was told to them before never comes back
// smaller. Under the thread sanitizer also: without a race, for which one reader is told nothing.
TEST(SlotNumbers, NeverGoBackForThoseWhoReadMeanwhile) {
  constexpr uint32_t kStep = 13;
  SlotNumbers numbers;
  std::atomic<uint32_t> counted{0};  // this many slots are at 1 at least
  std::atomic<bool> is_wrong{false};
  const auto read = [&](uint32_t at, std::memory_order order) {
    std::vector<uint32_t> seen(SlotNumbers::kSlots);
    uint32_t sure = 0;
    while ((sure = counted.load(order)) < SlotNumbers::kSlots) {
      at = (at + 7919) % SlotNumbers::kSlots;
      const uint32_t slot = at * kStep % SlotNumbers::kSlots;
      const uint32_t now = numbers.get(slot);
      const bool is_missing = order == std::memory_order_acquire && at < sure && now == 0;
      if (now < seen[slot] || is_missing) is_wrong.store(true, std::memory_order_relaxed);
      seen[slot] = now;
    }
  };
  std::vector<std::thread> readers;
  for (uint32_t i = 0; i < 2; ++i) readers.emplace_back(read, i, std::memory_order_acquire);
  readers.emplace_back(read, 2, std::memory_order_relaxed);
  for (uint32_t i = 0; i < SlotNumbers::kSlots; ++i) {
    numbers.increment(i * kStep % SlotNumbers::kSlots);
    numbers.increment(5);
    counted.store(i + 1, std::memory_order_release);
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_FALSE(is_wrong);
  EXPECT_EQ(numbers.get(5), SlotNumbers::kSlots + 1);
  EXPECT_EQ(numbers.get(6), 1U);
}

TEST(GenerationSlots, KindsOfTheSameTextAreApart) {
  GenerationSlots slots(3);
  const uint32_t subject = slots.slot_of(SlotKind::kSubject, "a.b");
  const uint32_t wildcard = slots.slot_of(SlotKind::kWildcard, "a.b");
  const uint32_t below = slots.slot_of(SlotKind::kBelow, "a.b");
  EXPECT_NE(subject, wildcard);
  EXPECT_NE(subject, below);
  EXPECT_NE(wildcard, below);
}

TEST(GenerationSlots, WildcardsOfEveryLiteralPrefixConcernASubject) {
  for (const char* pattern : {">", "*.b.c", "a.*.c", "a.>", "a.b.*", "a.b.>"}) {
    GenerationSlots slots(3);
    InterestStamp stamp;
    slots.add_wildcards_to(stamp, "a.b.c");
    slots.bump(slots.slot_of(SlotKind::kWildcard, literal_prefix(pattern)));
    EXPECT_FALSE(slots.is_unchanged(stamp)) << pattern;
  }
  for (const char* pattern : {"b.*", "a.c.*", "aa.>", "b.b.>"}) {
    GenerationSlots slots(3);
    InterestStamp stamp;
    slots.add_wildcards_to(stamp, "a.b.c");
    slots.bump(slots.slot_of(SlotKind::kWildcard, literal_prefix(pattern)));
    EXPECT_TRUE(slots.is_unchanged(stamp)) << pattern;
  }
}

}  // namespace
}  // namespace petrel::subject
