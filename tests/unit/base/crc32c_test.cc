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

}  // namespace
}  // namespace petrel
