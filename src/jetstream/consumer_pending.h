// PendingTable: what a consumer has delivered and not heard of, in order of the stream.
//
// Owner: ConsumerState. Thread: the home loop.
// Deliveries come in ascending order and acks mostly from the front, so it is an array with a head:
// finding is one guess or a binary search, removing marks, dead places are swept when they are more
// than the live ones. 32 bytes for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace petrel::jetstream {

struct PendingAck {
  uint64_t sequence = 0;
  uint64_t consumer_sequence = 0;  // of the first delivery
  int64_t sent_ns = 0;             // wall time that the wait for the ack counts from
  uint32_t deliveries = 1;
  bool is_dead = false;
  bool is_queued = false;  // waits for its redelivery
};
static_assert(sizeof(PendingAck) == 32);

class PendingTable {
 public:
  size_t size() const { return live_; }
  bool is_empty() const { return live_ == 0; }

  // Null: not there. Valid until the next add or remove.
  PendingAck* find(uint64_t sequence);
  const PendingAck* find(uint64_t sequence) const;
  PendingAck& add(uint64_t sequence, uint64_t consumer_sequence, int64_t sent_ns);
  void remove(PendingAck& entry);
  void clear();

  // The first with a sequence of at least `sequence`; null: none.
  const PendingAck* at_or_above(uint64_t sequence) const;
  // The last with a sequence of at most `sequence`; null: none.
  const PendingAck* at_or_below(uint64_t sequence) const;
  const PendingAck* first() const { return live_ == 0 ? nullptr : &entries_[head_]; }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (size_t i = head_; i < entries_.size(); ++i) {
      if (!entries_[i].is_dead) visit(entries_[i]);
    }
  }
  template <typename Visit>
  void for_each(Visit visit) {
    for (size_t i = head_; i < entries_.size(); ++i) {
      if (!entries_[i].is_dead) visit(entries_[i]);
    }
  }

 private:
  // Index of the first entry, dead or not, with a sequence of at least `sequence`.
  size_t lower_bound(uint64_t sequence) const;
  void sweep();

  // entries_[head_] and the last one are live unless everything is gone.
  std::vector<PendingAck> entries_;
  size_t head_ = 0;
  size_t live_ = 0;
};

}  // namespace petrel::jetstream
