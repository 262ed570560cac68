#include "net/wake_gate.h"

#include <gtest/gtest.h>

namespace petrel::net {
namespace {

TEST(WakeGate, OneSystemCallPerSleep) {
  WakeGate gate;
  ASSERT_TRUE(gate.try_sleep());
  EXPECT_TRUE(gate.notify());
  EXPECT_FALSE(gate.notify());
  EXPECT_TRUE(gate.wake_up());
  EXPECT_FALSE(gate.wake_up());
}

TEST(WakeGate, NotifyOfAnAwakeLoopForbidsTheNextSleep) {
  WakeGate gate;
  EXPECT_FALSE(gate.notify());
  EXPECT_FALSE(gate.try_sleep());
  EXPECT_TRUE(gate.wake_up());
  EXPECT_TRUE(gate.try_sleep());
}

}  // namespace
}  // namespace petrel::net
