#include "disk/direct_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace petrel::disk {
namespace {

TEST(DirectMemoryTest, HoldsWhatWasAskedForWhereADeviceTakesIt) {
  constexpr size_t kHuge = DirectMemory::kHugeBytes;
  for (const size_t bytes :
       {size_t{512}, size_t{100'000}, DirectMemory::kHugeFrom, kHuge, kHuge + 1}) {
    const DirectMemory memory(bytes);
    ASSERT_GE(memory.capacity(), bytes);
    const auto place = reinterpret_cast<uintptr_t>(memory.bytes());
    EXPECT_EQ(place % DirectMemory::kAlignment, 0U);
    const bool is_huge = bytes >= DirectMemory::kHugeFrom && bytes <= kHuge;
    if (is_huge) {
      EXPECT_EQ(place % kHuge, 0U);
    }
    std::memset(memory.bytes(), 'x', bytes);
  }
}

TEST(DirectMemoryTest, ASmallWriteTakesLittle) {
  EXPECT_LE(DirectMemory(4096).capacity(), DirectMemory::kHugeFrom);
}

}  // namespace
}  // namespace petrel::disk
