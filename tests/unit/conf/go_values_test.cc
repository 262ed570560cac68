#include "conf/go_values.h"

#include <gtest/gtest.h>

namespace petrel::conf {
namespace {

struct DurationCase {
  const char* text;
  const char* meaning;  // as Go prints it, or the error
};

class Durations : public testing::TestWithParam<DurationCase> {};

TEST_P(Durations, AreReadAndPrintedAsGoDoes) {
  const auto parsed = parse_duration(GetParam().text);
  EXPECT_EQ(parsed ? duration_text(*parsed) : parsed.error().detail, GetParam().meaning);
}

constexpr DurationCase kDurations[] = {
    {"1.5h", "1h30m0s"},
    {"1h2m3.5s", "1h2m3.5s"},
    {"300ms", "300ms"},
    {"100us", "100\u00b5s"},
    {"1ns", "1ns"},
    {"-2m30s", "-2m30s"},
    {"0", "0s"},
    {".5s", "500ms"},
    {"9223372036854775807ns", "2562047h47m16.854775807s"},
    {"-9223372036854775808ns", "-2562047h47m16.854775808s"},
    {"9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""},
    {"3000000h", "time: invalid duration \"3000000h\""},
    {"", "time: invalid duration \"\""},
    {"-", "time: invalid duration \"-\""},
    {"x", "time: invalid duration \"x\""},
    {".s", "time: invalid duration \".s\""},
    {"1", "time: missing unit in duration \"1\""},
    {"1..5s", "time: missing unit in duration \"1..5s\""},
    {"1x", "time: unknown unit \"x\" in duration \"1x\""},
    {"1\n", "time: unknown unit \"\\x0a\" in duration \"1\\x0a\""},
};
INSTANTIATE_TEST_SUITE_P(All, Durations, testing::ValuesIn(kDurations));

TEST(GoValues, ReadsIntegers) {
  EXPECT_EQ(*parse_int("-12", "f"), -12);
  EXPECT_EQ(*parse_int("+12", "f"), 12);
  EXPECT_EQ(parse_int("x", "strconv.Atoi").error().detail,
            "strconv.Atoi: parsing \"x\": invalid syntax");
  EXPECT_EQ(parse_int("99999999999999999999", "f").error().detail,
            "f: parsing \"99999999999999999999\": value out of range");
  EXPECT_FALSE(parse_int("+-1", "f").is_ok());
  EXPECT_FALSE(parse_int("", "f").is_ok());
}

TEST(GoValues, PrintsFloats) {
  EXPECT_EQ(float_text(2), "2");
  EXPECT_EQ(float_text(5.5), "5.5");
  EXPECT_EQ(float_text(1000000), "1e+06");
  EXPECT_EQ(float_text(0.00001), "1e-05");
}

TEST(GoValues, SaturatesWhatDoesNotFit) {
  EXPECT_EQ(saturated<int32_t>(int64_t{1} << 40), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(saturated<int32_t>(-(int64_t{1} << 40)), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(saturated<int32_t>(7), 7);
}

}  // namespace
}  // namespace petrel::conf
