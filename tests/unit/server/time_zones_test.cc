#include "server/time_zones.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace petrel::server {
namespace {

WallTime at(int64_t seconds) {
  return {seconds * 1'000'000'000};
}

constexpr int64_t kWinter2026 = 1'768'478'400;  // 2026-01-15 12:00:00 UTC
constexpr int64_t kSummer2026 = 1'784'116'800;  // 2026-07-15 12:00:00 UTC
constexpr int64_t kSummer2090 = 3'803'803'200;  // 2090-07-15 12:00:00 UTC

TEST(TimeZonesTest, UtcNeedsNoFile) {
  EXPECT_EQ(TimeZones().offset_seconds("UTC", at(kSummer2026)), 0);
}

TEST(TimeZonesTest, SummerAndWinterDiffer) {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) {
    GTEST_SKIP() << "needs the zone files of tzdata";
  }
  const TimeZones zones;
  EXPECT_EQ(zones.offset_seconds("Europe/Berlin", at(kWinter2026)), 3600);
  EXPECT_EQ(zones.offset_seconds("Europe/Berlin", at(kSummer2026)), 7200);
  EXPECT_EQ(zones.offset_seconds("Europe/Berlin", at(kSummer2090)), 7200);
  EXPECT_EQ(zones.offset_seconds("America/Los_Angeles", at(kWinter2026)), -8 * 3600);
  EXPECT_EQ(zones.offset_seconds("Asia/Kolkata", at(kSummer2026)), 19'800);
}

TEST(TimeZonesTest, WhatIsNoZoneHasNoTime) {
  const TimeZones zones;
  EXPECT_FALSE(zones.offset_seconds("Nowhere/At_All", at(kWinter2026)));
  EXPECT_FALSE(zones.offset_seconds("../../../etc/passwd", at(kWinter2026)));
  EXPECT_FALSE(zones.offset_seconds("/etc/passwd", at(kWinter2026)));
  EXPECT_FALSE(zones.offset_seconds("Europe", at(kWinter2026))) << "a directory";
  EXPECT_TRUE(zones.offset_seconds("", at(kWinter2026))) << "where the server is";
}

}  // namespace
}  // namespace petrel::server
