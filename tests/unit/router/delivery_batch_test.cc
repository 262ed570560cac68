#include "petrel/router/delivery_batch.h"

#include "router_fakes.h"

#include <gtest/gtest.h>

#include <map>

namespace petrel::router {
namespace {

struct Seen {
  size_t targets;
  std::string queue;
  std::string subject;
  std::vector<std::string> tails;
};

std::vector<Seen> runs_of(const DeliveryBatch& batch) {
  std::vector<Seen> runs;
  batch.for_each_run([&](DeliveryBatch::Run& run) {
    Seen seen{run.delivery().targets.size(),
              std::string(run.delivery().queue),
              std::string(run.subject()),
              {}};
    Message message;
    while (run.next(message)) seen.tails.emplace_back(message.tail);
    runs.push_back(std::move(seen));
  });
  return runs;
}

class DeliveryBatchTest : public testing::Test {
 protected:
  Delivery to(std::span<const Target> targets, Slice queue = {}) {
    return {&account_, {3, 4, 1}, targets, queue};
  }
  AccountInterest account_{"$G"};
  DeliveryBatch batch_{BlockPool::create(DeliveryBatch::kBlockBytes, 2)};
  const std::array<Target, 2> targets_{Target{1, 10}, Target{2, 20}};
};

TEST_F(DeliveryBatchTest, MessagesWithTheSameAnswerShareARun) {
  OwnedMessage one("a.b", "", "1");
  OwnedMessage two("a.b", "reply", "22");
  batch_.add(to(targets_), one.message);
  batch_.add(to(targets_), two.message);
  const auto runs = runs_of(batch_);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].targets, 2U);
  EXPECT_EQ(runs[0].subject, "a.b");
  EXPECT_EQ(runs[0].tails, (std::vector<std::string>{"1\r\n1\r\n", "reply 2\r\n22\r\n"}));
}

TEST_F(DeliveryBatchTest, AnotherAnswerBeginsARun) {
  OwnedMessage one("a", "", "1");
  OwnedMessage other("b", "", "2");
  const std::array<Target, 2> younger{Target{1, 11}, Target{2, 20}};
  batch_.add(to(targets_), one.message);
  batch_.add(to(targets_), other.message);
  batch_.add(to(younger), other.message);
  batch_.add(to(std::span(younger).first(1)), other.message);
  batch_.add(to(std::span(younger).first(1), "q"), other.message);
  Delivery by_another = to(std::span(younger).first(1), "q");
  by_another.publisher.slot = 9;
  batch_.add(by_another, other.message);
  const auto runs = runs_of(batch_);
  ASSERT_EQ(runs.size(), 6U);
  EXPECT_EQ(runs[4].queue, "q");
}

TEST_F(DeliveryBatchTest, EverythingOfAMessageArrives) {
  OwnedMessage sent("a", "r", "NATS/1.0\r\n\r\nhello", 12);
  batch_.add(to(targets_, "q"), sent.message);
  int runs = 0;
  batch_.for_each_run([&](DeliveryBatch::Run& run) {
    ++runs;
    EXPECT_EQ(run.delivery().account, &account_);
    EXPECT_EQ(run.delivery().publisher, (ConnectionHandle{3, 4, 1}));
    EXPECT_EQ(run.delivery().targets[1].generation, 20U);
    Message message;
    ASSERT_TRUE(run.next(message));
    EXPECT_EQ(message.reply(), "r");
    EXPECT_EQ(message.sizes(), "12 17");
    EXPECT_EQ(message.header_bytes, 12U);
    EXPECT_EQ(message.body(), "NATS/1.0\r\n\r\nhello");
    EXPECT_EQ(message.publisher, nullptr);
    EXPECT_FALSE(run.next(message));
  });
  EXPECT_EQ(runs, 1);
}

TEST_F(DeliveryBatchTest, SmallMessagesAreCopiedAndLargeOnesReferenced) {
  OwnedMessage small("a", "", std::string(100, 's'));
  OwnedMessage large("a", "", std::string(10000, 'l'));
  batch_.add(to(targets_), small.message);
  EXPECT_TRUE(small.block.is_unique());
  const size_t before = batch_.charged_bytes();
  batch_.add(to(targets_), large.message);
  EXPECT_FALSE(large.block.is_unique());
  EXPECT_GE(batch_.charged_bytes() - before, 10000U);
  const auto runs = runs_of(batch_);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].tails[0], small.message.tail);
  EXPECT_EQ(runs[0].tails[1], large.message.tail);
}

TEST_F(DeliveryBatchTest, WhatIsLargerThanABlockFitsAnyway) {
  OwnedMessage message(std::string(60000, 'x'), "", "1");
  const std::vector<Target> many(DeliveryBatch::kTargetsMax, Target{7, 7});
  batch_.add(to(many), message.message);
  OwnedMessage after("a", "", "2");
  batch_.add(to(targets_), after.message);
  const auto runs = runs_of(batch_);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].subject.size(), 60000U);
  EXPECT_EQ(runs[0].targets, DeliveryBatch::kTargetsMax);
  EXPECT_EQ(runs[1].subject, "a");
}

TEST_F(DeliveryBatchTest, RunsGoOnOverManyBlocks) {
  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    OwnedMessage message("a", "", std::to_string(i) + std::string(100, '.'));
    batch_.add(to(targets_), message.message);
    expected.emplace_back(message.message.tail);
  }
  std::vector<std::string> got;
  for (const Seen& run : runs_of(batch_)) got.insert(got.end(), run.tails.begin(), run.tails.end());
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace petrel::router
