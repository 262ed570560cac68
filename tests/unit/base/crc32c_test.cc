#include "petrel/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace petrel {
namespace {

// Vectors of RFC 3720, appendix B.4.
TEST(Crc32cTest, AgreesWithThePublishedVectors) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32cTest, GoesOnFromAnEarlierChecksum) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(crc32c(Slice(text).substr(cut), crc32c(Slice(text).substr(0, cut))), crc32c(text));
  }
}

// Bit by bit, as the polynomial says.
uint32_t slowly(Slice bytes) {
  uint32_t state = ~0U;
  for (const char byte : bytes) {
    state ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ ((state & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~state;
}

// Long inputs are taken several words at a time.
TEST(Crc32cTest, IsTheSameForEveryLengthAndPlace) {
  std::string text(4200, '\0');
  uint32_t value = 1;
  for (char& byte : text) byte = static_cast<char>((value = value * 1664525 + 1013904223) >> 24);
  for (size_t length = 0; length <= 2100; length += length < 300 ? 1 : 37) {
    const Slice part = Slice(text).substr(length % 9, length);
    ASSERT_EQ(crc32c(part), slowly(part)) << length;
  }
  EXPECT_EQ(crc32c(text), slowly(text));
}

}  // namespace
}  // namespace petrel
