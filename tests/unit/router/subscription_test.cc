#include "petrel/router/subscription.h"

#include "router_fakes.h"

#include <gtest/gtest.h>

namespace petrel::router {
namespace {

TEST(SubscriptionTableTest, ASlotNamesItsSubscriptionUntilItIsRemoved) {
  FakePort port;
  Router router({}, port);
  FakeReceiver receiver(router, 1);
  SubscriptionTable table;
  const uint32_t slot = table.add(receiver, "a.b", "q", "12");
  const uint32_t generation = table.at(slot).generation;
  const Subscription* found = table.find(slot, generation);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->subject(), "a.b");
  EXPECT_EQ(found->queue(), "q");
  EXPECT_EQ(found->sid(), "12");
  EXPECT_TRUE(found->is_queue());
  EXPECT_EQ(table.size(), 1U);
  table.remove(slot);
  EXPECT_EQ(table.find(slot, generation), nullptr);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SubscriptionTableTest, AReusedSlotIsAnotherSubscription) {
  FakePort port;
  Router router({}, port);
  FakeReceiver receiver(router, 1);
  SubscriptionTable table;
  const uint32_t slot = table.add(receiver, "a", "", "1");
  const uint32_t generation = table.at(slot).generation;
  table.at(slot).max = 5;
  table.at(slot).delivered = 3;
  table.remove(slot);
  ASSERT_EQ(table.add(receiver, "b", "", "2"), slot);
  EXPECT_EQ(table.find(slot, generation), nullptr);
  EXPECT_EQ(table.at(slot).max, 0U);
  EXPECT_EQ(table.at(slot).delivered, 0U);
  EXPECT_EQ(table.find(99, 0), nullptr);
}

}  // namespace
}  // namespace petrel::router
