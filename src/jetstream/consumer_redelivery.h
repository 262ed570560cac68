// Redeliveries: when pending messages are due again, and which of them wait to be sent.
//
// Owner: the consumer. Thread: the home loop. Rebuilt from the state at start, never stored.
// One heap of deadlines for all messages; what was acked meanwhile stays in it until it is due or
// the heap is twice as large as what is pending.
#pragma once

#include "jetstream/consumer_state.h"

#include <cstdint>
#include <vector>

namespace petrel::jetstream {

// First in, first out, in one array.
template <typename T>
class Fifo {
 public:
  bool is_empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  T& front() { return items_[head_]; }
  void push(T item) { items_.push_back(std::move(item)); }
  void pop() {
    ++head_;
    if (head_ == items_.size()) {
      clear();
    } else if (head_ > kSweepMin && head_ * 2 > items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
  }
  void clear() {
    items_.clear();
    if (items_.capacity() > kSweepMin) items_.shrink_to_fit();
    head_ = 0;
  }

 private:
  static constexpr size_t kSweepMin = 64;
  std::vector<T> items_;
  size_t head_ = 0;
};

class Redeliveries {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  // The message is due at `due_ns` at the earliest.
  void arm(uint64_t sequence, int64_t due_ns, const ConsumerState& state);
  // When the next one may be due.
  int64_t next_ns() const { return heap_.empty() ? kNever : heap_.front().due_ns; }
  // Takes one that may be due out; 0: none.
  uint64_t take_due(int64_t now_ns);

  // Sends it again before anything new; REQUIRES: pending.
  void queue(PendingAck& entry, ConsumerState& state);
  // The next one to send again; 0: none. It stays first until `pop`.
  uint64_t front(ConsumerState& state);
  void pop(ConsumerState& state);

  void clear();

 private:
  struct Deadline {
    int64_t due_ns = 0;
    uint64_t sequence = 0;
    bool operator>(const Deadline& other) const { return due_ns > other.due_ns; }
  };
  void sweep(const ConsumerState& state);

  std::vector<Deadline> heap_;
  Fifo<uint64_t> ready_;
};

}  // namespace petrel::jetstream
