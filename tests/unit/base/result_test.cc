#include "petrel/base/result.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Errc::kInvalidArgument, "odd"};
  return n / 2;
}

Result<int> quarter(int n) {
  PETREL_TRY(const int h, half(n));
  return half(h);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().detail, "odd");
  EXPECT_EQ(quarter(7).error().code, Errc::kInvalidArgument);
}

TEST(Status, IsOkUnlessMadeFromAnError) {
  EXPECT_TRUE(Status::ok());
  EXPECT_FALSE(Status(Error{Errc::kIo, "x"}));
}

}  // namespace
}  // namespace petrel
