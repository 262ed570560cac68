#include "petrel/base/go_duration.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

TEST(GoDuration, PrintsAsGoDoes) {
  EXPECT_EQ(go_duration({0}), "0s");
  EXPECT_EQ(go_duration({1}), "1ns");
  EXPECT_EQ(go_duration(Duration::micros(726)), "726µs");
  EXPECT_EQ(go_duration({1'234'500}), "1.2345ms");
  EXPECT_EQ(go_duration(Duration::millis(1500)), "1.5s");
  EXPECT_EQ(go_duration(Duration::seconds(10)), "10s");
  EXPECT_EQ(go_duration(Duration::minutes(2)), "2m0s");
  EXPECT_EQ(go_duration(Duration::hours(1) + Duration::millis(5)), "1h0m0.005s");
  EXPECT_EQ(go_duration(Duration::seconds(-90)), "-1m30s");
}

}  // namespace
}  // namespace petrel
