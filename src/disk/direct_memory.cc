#include "disk/direct_memory.h"

#include <sys/mman.h>

namespace petrel::disk {

namespace {

constexpr size_t kUnit = 32 << 10;  // writes grow little by little

}  // namespace

DirectMemory::DirectMemory(size_t bytes) {
  const bool is_huge = bytes >= kHugeFrom && bytes <= kHugeBytes;
  const size_t unit = is_huge ? kHugeBytes : kUnit;
  const size_t capacity = (bytes + unit - 1) / unit * unit;
  bytes_.reset(static_cast<char*>(std::aligned_alloc(is_huge ? kHugeBytes : kAlignment, capacity)));
  if (bytes_ == nullptr) return;
  capacity_ = capacity;
  // Refused where there are no huge pages: it stays memory.
  if (is_huge) ::madvise(bytes_.get(), capacity, MADV_HUGEPAGE);
}

}  // namespace petrel::disk
