#include "jetstream/decimal.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

namespace petrel::jetstream {
namespace {

std::string written(uint64_t value) {
  std::array<char, kDecimalBytesMax> digits{};
  return {digits.data(), put_decimal(digits.data(), value)};
}

// Around every power of ten, where the number of digits changes.
TEST(Decimal, IsWhatToStringWrites) {
  EXPECT_EQ(written(0), "0");
  EXPECT_EQ(written(UINT64_MAX), std::to_string(UINT64_MAX));
  for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
    for (const uint64_t value : {power - 1, power, power + 1, power * 7 + 12'345}) {
      EXPECT_EQ(written(value), std::to_string(value));
    }
  }
}

}  // namespace
}  // namespace petrel::jetstream
