#include "subject/generation_slots.h"

#include <gtest/gtest.h>

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
