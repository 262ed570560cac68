// Inbox: what other threads hand to a loop. Multi-producer, single consumer, order of each producer
// kept.
//
// Owner: the consumer. Thread: push from any thread, take from the consumer only. Limits: none of
// its own; producers charge what they post to its destination (architecture, section 3).
// Two vectors are swapped, so neither side allocates once both have grown.
#pragma once

#include "petrel/base/mutex.h"

#include <atomic>
#include <utility>
#include <vector>

namespace petrel::net {

template <typename T>
class Inbox {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // True if the consumer must be woken: nothing lay here before.
  [[nodiscard]] bool push(T item) {
    const MutexLock lock(mutex_);
    const bool was_empty = items_.empty();
    items_.push_back(std::move(item));
    if (was_empty) filled_.store(true, std::memory_order_relaxed);
    return was_empty;
  }

  // Replaces the content of `out` by all items in order of arrival.
  void take(std::vector<T>& out) {
    out.clear();
    const MutexLock lock(mutex_);
    items_.swap(out);
    filled_.store(false, std::memory_order_relaxed);
  }

  // Without a lock, so a hint: a push that runs at this moment may be missed; its wake-up is not.
  bool looks_empty() const { return !filled_.load(std::memory_order_relaxed); }

 private:
  Mutex mutex_;
  std::vector<T> items_ PETREL_GUARDED_BY(mutex_);
  std::atomic<bool> filled_{false};
};

}  // namespace petrel::net
