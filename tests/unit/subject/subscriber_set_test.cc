#include "subject/subscriber_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace petrel::subject {
namespace {

Subscriber subscriber(uint32_t slot) {
  return {slot, slot + 1, static_cast<uint16_t>(slot % 4), 0};
}

std::vector<uint32_t> slots_of(const SubscriberSet& set) {
  std::vector<Subscriber> all;
  set.append_to(all);
  std::vector<uint32_t> slots;
  for (const Subscriber& one : all) {
    EXPECT_EQ(one, subscriber(one.slot));
    slots.push_back(one.slot);
  }
  std::sort(slots.begin(), slots.end());
  return slots;
}

TEST(SubscriberSet, GrowsFromNoneToManyAndBack) {
  SubscriberSet set;
  EXPECT_TRUE(set.empty());
  std::vector<uint32_t> expected;
  for (uint32_t slot = 0; slot < 300; ++slot) {
    set.insert(subscriber(slot));
    expected.push_back(slot);
    ASSERT_EQ(slots_of(set), expected);
  }
  while (!expected.empty()) {
    const uint32_t slot = expected[expected.size() / 2];
    ASSERT_TRUE(set.erase(subscriber(slot)));
    ASSERT_FALSE(set.erase(subscriber(slot)));
    std::erase(expected, slot);
    ASSERT_EQ(slots_of(set), expected);
  }
  EXPECT_TRUE(set.empty());
}

TEST(SubscriberSet, TellsSubscribersApartByEveryField) {
  for (const size_t others : {0U, 1U, 5U}) {
    SubscriberSet set;
    set.insert({1, 2, 3, 4});
    for (uint32_t i = 0; i < others; ++i) set.insert(subscriber(100 + i));
    EXPECT_FALSE(set.erase({9, 2, 3, 4}));
    EXPECT_FALSE(set.erase({1, 9, 3, 4}));
    EXPECT_FALSE(set.erase({1, 2, 9, 4}));
    EXPECT_FALSE(set.erase({1, 2, 3, 9}));
    EXPECT_TRUE(set.erase({1, 2, 3, 4}));
  }
}

TEST(SubscriberSet, AppendsBehindWhatIsThere) {
  SubscriberSet set;
  set.insert(subscriber(1));
  std::vector<Subscriber> out{subscriber(9)};
  set.append_to(out);
  EXPECT_EQ(out, (std::vector<Subscriber>{subscriber(9), subscriber(1)}));
}

}  // namespace
}  // namespace petrel::subject
