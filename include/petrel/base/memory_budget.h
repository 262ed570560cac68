// MemoryBudget: how much memory things of one kind may take on all loops together. Who holds some
// tells it and gives back what can come from disk when the sum is above the limit.
//
// Owner: the server. Thread: any; the sum is a hint, nothing else hangs on it.
#pragma once

#include <atomic>
#include <cstddef>

namespace petrel {

class MemoryBudget {
 public:
  explicit MemoryBudget(size_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  void change(size_t before, size_t now) {
    if (before != now) used_.fetch_add(now - before, std::memory_order_relaxed);
  }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> used_ = 0;
};

}  // namespace petrel
