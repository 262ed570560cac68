#include "petrel/base/ring_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

namespace petrel {
namespace {

TEST(RingQueue, IsEmptyAtFirst) {
  const RingQueue<std::string> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0U);
}

// Grows at any place of its first element, and keeps the order.
TEST(RingQueue, GivesWhatWasPushedInOrder) {
  RingQueue<std::string> queue;
  std::deque<std::string> expected;
  for (int round = 0; round < 3000; ++round) {
    queue.push_back(std::to_string(round));
    expected.push_back(std::to_string(round));
    if (round % 3 == 0) {
      queue.pop_front();
      expected.pop_front();
    }
    if (round % 7 == 0 && !expected.empty()) {
      queue.pop_back();
      expected.pop_back();
    }
    ASSERT_EQ(queue.size(), expected.size());
    if (expected.empty()) continue;
    ASSERT_EQ(queue.front(), expected.front());
    ASSERT_EQ(queue.back(), expected.back());
    ASSERT_EQ(queue[queue.size() / 2], expected[expected.size() / 2]);
  }
  for (; !expected.empty(); expected.pop_front(), queue.pop_front()) {
    ASSERT_EQ(queue.front(), expected.front());
  }
  EXPECT_TRUE(queue.empty());
  queue.push_back("again");
  EXPECT_EQ(queue.front(), "again");
}

TEST(RingQueue, WhatIsTakenOutIsLetGoAtOnce) {
  RingQueue<std::shared_ptr<int>> queue;
  const auto shared = std::make_shared<int>(1);
  for (int i = 0; i < 5; ++i) queue.push_back(shared);
  queue.pop_front();
  EXPECT_EQ(shared.use_count(), 5);
  queue.pop_back();
  EXPECT_EQ(shared.use_count(), 4);
  queue.clear();
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace petrel
