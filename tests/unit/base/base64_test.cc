#include "petrel/base/base64.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

TEST(Base64, PadsToGroupsOfFour) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, TakesAllBytes) {
  EXPECT_EQ(base64(std::string("\x00\xff\xfe", 3)), "AP/+");
}

}  // namespace
}  // namespace petrel
