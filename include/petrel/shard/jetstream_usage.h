// JetStreamUsage: bytes that streams hold, of one account or of the server, and what is allowed.
//
// Owner: shared by the loops. Thread: any; the figures are exact, a check against them may be late
// by what other loops store at the same moment.
#pragma once

#include <atomic>
#include <cstdint>

namespace petrel::shard {

struct JetStreamUsage {
  std::atomic<int64_t> memory{0};
  std::atomic<int64_t> storage{0};
  std::atomic<int64_t> memory_max{-1};  // -1: no limit
  std::atomic<int64_t> storage_max{-1};
  std::atomic<int64_t> streams{0};
  std::atomic<int64_t> consumers{0};
  std::atomic<int64_t> api_total{0};
  std::atomic<int64_t> api_errors{0};

  void add(bool is_memory, int64_t bytes) {
    (is_memory ? memory : storage).fetch_add(bytes, std::memory_order_relaxed);
  }
  bool allows(bool is_memory, uint64_t more) const {
    const int64_t max = (is_memory ? memory_max : storage_max).load(std::memory_order_relaxed);
    if (max < 0) return true;
    const int64_t used = (is_memory ? memory : storage).load(std::memory_order_relaxed);
    return used + static_cast<int64_t>(more) <= max;
  }
};

}  // namespace petrel::shard
