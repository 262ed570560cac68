#include "petrel/net/inbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace petrel::net {
namespace {

TEST(Inbox, OnlyTheFirstOfABatchAsksForAWake) {
  Inbox<int> inbox;
  EXPECT_TRUE(inbox.looks_empty());
  EXPECT_TRUE(inbox.push(1));
  EXPECT_FALSE(inbox.push(2));
  EXPECT_FALSE(inbox.looks_empty());
  std::vector<int> out{9, 9, 9};
  inbox.take(out);
  EXPECT_EQ(out, (std::vector<int>{1, 2}));
  EXPECT_TRUE(inbox.looks_empty());
  EXPECT_TRUE(inbox.push(3));
  inbox.take(out);
  EXPECT_EQ(out, std::vector<int>{3});
  inbox.take(out);
  EXPECT_TRUE(out.empty());
}

TEST(Inbox, CarriesItemsThatOnlyMove) {
  Inbox<std::unique_ptr<int>> inbox;
  EXPECT_TRUE(inbox.push(std::make_unique<int>(5)));
  std::vector<std::unique_ptr<int>> out;
  inbox.take(out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(*out[0], 5);
}

TEST(Inbox, KeepsTheOrderOfEachProducerAndLosesNothing) {
  struct Item {
    uint32_t producer;
    uint32_t number;
  };
  constexpr uint32_t kProducers = 3;
  constexpr uint32_t kEach = 50'000;
  Inbox<Item> inbox;
  std::atomic<uint32_t> wakes{0};
  std::vector<std::thread> threads;
  for (uint32_t p = 0; p < kProducers; ++p) {
    threads.emplace_back([&inbox, &wakes, p] {
      for (uint32_t n = 0; n < kEach; ++n) {
        if (inbox.push({p, n})) {
          ++wakes;
          wakes.notify_one();
        }
      }
    });
  }
  std::vector<uint32_t> next(kProducers, 0);
  std::vector<Item> out;
  uint32_t total = 0;
  uint32_t woken = 0;
  while (total < kProducers * kEach) {  // sleeps exactly as a loop does: only a wake ends it
    wakes.wait(woken);
    woken = wakes.load();
    inbox.take(out);
    for (const Item& item : out) EXPECT_EQ(item.number, next[item.producer]++);
    total += static_cast<uint32_t>(out.size());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, kProducers * kEach);
}

}  // namespace
}  // namespace petrel::net
