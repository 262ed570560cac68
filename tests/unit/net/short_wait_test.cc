#include "net/short_wait.h"

#include <gtest/gtest.h>

namespace petrel::net {
namespace {

TEST(ShortWait, IsForTurnsThatDidLittle) {
  ShortWait wait;
  EXPECT_FALSE(wait.is_worth_it(0));  // a timer, or a wake-up: nobody waits for an answer
  EXPECT_TRUE(wait.is_worth_it(100));
  EXPECT_FALSE(wait.is_worth_it(100'000));  // more is on its way, and sleeping lets it gather
}

TEST(ShortWait, GoesOnWhileItPays) {
  ShortWait wait;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(wait.is_worth_it(100));
    wait.note(true, Duration::micros(5));
  }
}

TEST(ShortWait, LooksNotMuchLongerThanItUsuallyTakes) {
  ShortWait wait;
  EXPECT_EQ(wait.longest(), ShortWait::kLongest);
  for (int i = 0; i < 100; ++i) wait.note(true, Duration::micros(6));
  EXPECT_LE(wait.longest(), Duration::micros(25));
  EXPECT_GE(wait.longest(), Duration::micros(12));
  wait.note(false, wait.longest());
  wait.note(false, wait.longest());
  EXPECT_EQ(wait.longest(), ShortWait::kLongest);
}

TEST(ShortWait, IsTriedLessAndLessWhenItDoesNotPay) {
  ShortWait wait;
  int tried = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (!wait.is_worth_it(100)) continue;
    ++tried;
    wait.note(false, ShortWait::kLongest);
  }
  EXPECT_GE(tried, 10);
  EXPECT_LE(tried, 25);
  while (!wait.is_worth_it(100)) {
  }
  wait.note(true, Duration::micros(5));  // one success, and it is back
  EXPECT_TRUE(wait.is_worth_it(100));
}

}  // namespace
}  // namespace petrel::net
