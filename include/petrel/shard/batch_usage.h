// BatchUsage: batches that are under way on the server, and what the configuration allows of them.
//
// Owner: shared by the loops and by whoever ends a batch. Thread: any; counts are exact.
#pragma once

#include <atomic>
#include <cstdint>

namespace petrel::shard {

struct BatchUsage {
  std::atomic<int64_t> atomic_open{0};
  std::atomic<int64_t> fast_open{0};
  // 0: as usual.
  std::atomic<int64_t> stream_open_max{0};
  std::atomic<int64_t> open_max{0};
  std::atomic<int64_t> messages_max{0};
  std::atomic<int64_t> silence_ns{0};
};

}  // namespace petrel::shard
