// WakeGate: lets many threads wake one loop with at most one system call per sleep.
//
// Owner: a loop. Thread: notify from any thread, the rest from the loop.
#pragma once

#include <atomic>
#include <cstdint>

namespace petrel::net {

class WakeGate {
 public:
  // True if the loop sleeps and the caller has to write to its eventfd.
  [[nodiscard]] bool notify() { return state_.exchange(kNotified) == kAsleep; }

  // False if someone notified since the last wake_up: the loop must not block.
  [[nodiscard]] bool try_sleep() {
    uint32_t expected = kAwake;
    return state_.compare_exchange_strong(expected, kAsleep);
  }

  // Ends the sleep, if there was one. True if someone notified.
  [[nodiscard]] bool wake_up() { return state_.exchange(kAwake) == kNotified; }

 private:
  static constexpr uint32_t kAwake = 0;
  static constexpr uint32_t kAsleep = 1;
  static constexpr uint32_t kNotified = 2;
  std::atomic<uint32_t> state_{kAwake};
};

}  // namespace petrel::net
