#include "store/gather_wait.h"

#include <gtest/gtest.h>

namespace petrel::store {
namespace {

class GatherWaitTest : public testing::Test {
 protected:
  static Instant at(int64_t us) { return Instant{1'000'000'000} + Duration::micros(us); }
  // A batch of `records` that the disk had from `us` - 100 to `us`, while `gathered` came.
  void answer(int64_t us, uint64_t records, uint64_t gathered) {
    wait_.began(at(us - 100));
    wait_.answered(records, gathered);
  }
  // One where nobody came again.
  void miss(int64_t us) {
    answer(us, 8, 1);
    while (wait_.is_worth_it(1, at(us))) us += 60;
  }

  GatherWait wait_;
};

TEST_F(GatherWaitTest, WaitsForAsManyAsWereAnswered) {
  answer(100, 20, 5);
  EXPECT_TRUE(wait_.is_worth_it(5, at(100)));
  EXPECT_TRUE(wait_.is_worth_it(24, at(130)));
  EXPECT_FALSE(wait_.is_worth_it(25, at(140)));
  EXPECT_FALSE(wait_.is_waiting());
}

TEST_F(GatherWaitTest, OnePublisherWaitsForNothing) {
  answer(100, 1, 0);
  EXPECT_FALSE(wait_.is_worth_it(1, at(120)));
  answer(300, 1, 2);
  EXPECT_FALSE(wait_.is_worth_it(2, at(300)));
}

TEST_F(GatherWaitTest, EndsWhenNothingComesAnyMore) {
  answer(100, 20, 5);
  EXPECT_TRUE(wait_.is_worth_it(5, at(100)));
  EXPECT_TRUE(wait_.is_worth_it(6, at(300)));  // sending the answers took that long
  EXPECT_TRUE(wait_.is_worth_it(6, at(320)));
  EXPECT_TRUE(wait_.is_worth_it(7, at(360)));
  EXPECT_TRUE(wait_.is_worth_it(7, at(370)));
  EXPECT_FALSE(wait_.is_worth_it(7, at(420)));
}

TEST_F(GatherWaitTest, IsBoundedAlthoughRecordsCome) {
  answer(100, 1000, 1);
  uint64_t gathered = 1;
  int64_t us = 100;
  while (wait_.is_worth_it(gathered, at(us))) {
    ++gathered;
    us += 10;
    ASSERT_LE(us, 700);
  }
  EXPECT_GE(us, 400);
}

TEST_F(GatherWaitTest, WhatComesLongAfterwardsIsNotKeptWaiting) {
  answer(100, 20, 0);
  EXPECT_FALSE(wait_.is_worth_it(0, at(100)));
  EXPECT_TRUE(wait_.is_waiting());
  EXPECT_FALSE(wait_.is_worth_it(1, at(50'000)));
  EXPECT_FALSE(wait_.is_waiting());
}

TEST_F(GatherWaitTest, LeavesBatchesOutWhenNobodyCameAgain) {
  miss(1000);
  for (int i = 0; i < 2; ++i) {
    answer(2000, 8, 1);
    EXPECT_FALSE(wait_.is_worth_it(1, at(2000))) << i;
  }
  answer(3000, 8, 1);
  EXPECT_TRUE(wait_.is_worth_it(1, at(3000)));
  EXPECT_FALSE(wait_.is_worth_it(9, at(3020)));  // it paid
  answer(4000, 8, 1);
  EXPECT_TRUE(wait_.is_worth_it(1, at(4000)));
}

}  // namespace
}  // namespace petrel::store
