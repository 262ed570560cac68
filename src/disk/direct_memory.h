// DirectMemory: memory that a device takes bytes from, aligned for it. What holds a large write is
// one huge page where the system has those: the kernel then looks up and pins one page instead of
// one for each 4 KB.
//
// Owner: who writes around the page cache. Thread: its owner's.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace petrel::disk {

class DirectMemory {
 public:
  // What a device needs.
  static constexpr size_t kAlignment = 4096;
  // From so many bytes on a write is worth a huge page.
  static constexpr size_t kHugeFrom = 128 << 10;
  static constexpr size_t kHugeBytes = 2 << 20;

  DirectMemory() = default;
  // Room for `bytes` or more; none when there is no memory.
  explicit DirectMemory(size_t bytes);

  char* bytes() const { return bytes_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  size_t capacity_ = 0;
};

}  // namespace petrel::disk
