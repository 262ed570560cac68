#include "subject/generation_slots.h"

#include <gtest/gtest.h>

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
