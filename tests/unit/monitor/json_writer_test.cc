#include "petrel/monitor/json_writer.h"

#include "petrel/monitor/text.h"

#include <gtest/gtest.h>

namespace petrel::monitor {
namespace {

std::string number(double value) {
  JsonWriter json(0);
  json.value(value);
  return json.take();
}

TEST(JsonWriter, IndentsLikeMarshalIndent) {
  JsonWriter json;
  json.begin_object();
  json.field("a", 1);
  json.begin_object("empty");
  json.end_object();
  json.begin_array("list");
  json.value(Slice("<&>"));
  json.value(true);
  json.end_array();
  json.begin_array("none");
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.take(),
            "{\n  \"a\": 1,\n  \"empty\": {},\n  \"list\": [\n    \"\\u003c\\u0026\\u003e\",\n"
            "    true\n  ],\n  \"none\": []\n}");
}

TEST(JsonWriter, WritesOneLineWithoutIndent) {
  JsonWriter json(0);
  json.begin_object();
  json.field("a", Slice("x"));
  json.field("b", std::vector<std::string>{"y", "z"});
  json.end_object();
  EXPECT_EQ(json.take(), R"({"a":"x","b":["y","z"]})");
}

TEST(JsonWriter, LeavesOutWhatIsEmpty) {
  JsonWriter json(0);
  json.begin_object();
  json.field_unless_empty("a", Slice());
  json.field_unless_empty("b", uint64_t{0});
  json.field_unless_empty("c", false);
  json.field_unless_empty("d", uint64_t{7});
  json.end_object();
  EXPECT_EQ(json.take(), R"({"d":7})");
}

TEST(JsonWriter, WritesNumbersLikeGo) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(2), "2");
  EXPECT_EQ(number(0.5), "0.5");
  EXPECT_EQ(number(1.0 / 6), "0.16666666666666666");
  EXPECT_EQ(number(1e20), "100000000000000000000");
  EXPECT_EQ(number(1e21), "1e+21");
  EXPECT_EQ(number(1e-6), "0.000001");
  EXPECT_EQ(number(1e-7), "1e-7");
  EXPECT_EQ(number(-1.5e-10), "-1.5e-10");
}

TEST(MonitorText, WritesTimesWithTheDigitsTheyNeed) {
  EXPECT_EQ(time_text({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text({1'000'000}), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(time_text({1'795'262'415'556'381'038}), "2026-11-21T12:00:15.556381038Z");
  EXPECT_EQ(time_text({-1}), "1969-12-31T23:59:59.999999999Z");
}

TEST(MonitorText, WritesUptimes) {
  EXPECT_EQ(uptime_text(Duration::millis(999)), "0s");
  EXPECT_EQ(uptime_text(Duration::seconds(78)), "1m18s");
  EXPECT_EQ(uptime_text(Duration::seconds(7205)), "2h0m5s");
  EXPECT_EQ(uptime_text(Duration::seconds(86400 + 2 * 3600 + 184)), "1d2h3m4s");
  EXPECT_EQ(uptime_text(Duration::seconds(367 * 86400 + 5)), "1y2d0h0m5s");
}

TEST(MonitorText, CutsShortRoundTripsToMicroseconds) {
  EXPECT_EQ(rtt_text({}), "0s");
  EXPECT_EQ(rtt_text({726'999}), "726µs");
  EXPECT_EQ(rtt_text({999}), "999ns");
  EXPECT_EQ(rtt_text({1'234'567}), "1.234567ms");
}

}  // namespace
}  // namespace petrel::monitor
