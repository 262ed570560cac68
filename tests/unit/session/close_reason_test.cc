#include "petrel/session/close_reason.h"

#include <gtest/gtest.h>

#include <set>

namespace petrel::session {
namespace {

TEST(CloseReasonTest, EveryReasonHasItsOwnText) {
  std::set<std::string_view> texts;
  const auto last = static_cast<int>(CloseReason::kKicked);
  for (int i = 0; i <= last; ++i) texts.insert(close_reason_text(static_cast<CloseReason>(i)));
  EXPECT_EQ(texts.size(), static_cast<size_t>(last) + 1);
  EXPECT_EQ(texts.count("Unknown"), 0U);
  EXPECT_EQ(close_reason_text(CloseReason::kSlowConsumerPendingBytes),
            "Slow Consumer (Pending Bytes)");
}

TEST(CloseReasonTest, WhatCannotBeSentIsNotWaitedFor) {
  EXPECT_FALSE(flushes_before_close(CloseReason::kReadError));
  EXPECT_FALSE(flushes_before_close(CloseReason::kWriteError));
  EXPECT_FALSE(flushes_before_close(CloseReason::kSlowConsumerPendingBytes));
  EXPECT_FALSE(flushes_before_close(CloseReason::kSlowConsumerWriteDeadline));
  EXPECT_TRUE(flushes_before_close(CloseReason::kAuthenticationViolation));
  EXPECT_TRUE(flushes_before_close(CloseReason::kServerShutdown));
}

}  // namespace
}  // namespace petrel::session
