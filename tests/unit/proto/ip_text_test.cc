#include "petrel/proto/ip_text.h"

#include <gtest/gtest.h>

namespace petrel::proto {
namespace {

std::string round_trip(Slice text) {
  const auto ip = parse_ip(text);
  return ip ? ip_text(*ip) : "refused";
}

// Answers of Go's net.ParseIP(text).String().
TEST(IpTextTest, ReadsAndWritesAsGo) {
  EXPECT_EQ(round_trip("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(round_trip("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("1::"), "1::");
  EXPECT_EQ(round_trip("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(round_trip("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
  EXPECT_EQ(round_trip("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
  EXPECT_EQ(round_trip("0001:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(round_trip("::2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8");
  EXPECT_EQ(round_trip("::ffff:1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(round_trip("::1.2.3.4"), "::102:304");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304");
}

TEST(IpTextTest, RefusesWhatGoRefuses) {
  for (const Slice text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.",
                           ".1.2.3",
                           "1..2.3",
                           "1.2.3.+4",
                           "1.2.3.4 ",
                           ":",
                           ":::",
                           "1:",
                           ":1",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "fe80::1%eth0",
                           "::1.2.3",
                           "1.2.3.4::",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "1:2:3:4:5:1.2.3.4",
                           "::1.2.3.04"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
}

}  // namespace
}  // namespace petrel::proto
