// Dedupe: the message ids of the last while, in the order they came.
//
// Owner: MessageIds and Staged. Thread: the home loop. No allocation per id in steady state: ids
// lie in chunks that are reused, the table holds positions. Limits: a trillion ids over its life;
// memory is the ids plus about 70 bytes each. Source: spec streams.md section 2 (Nats-Msg-Id).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/byte_queue.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace petrel::store {

class Dedupe {
 public:
  struct Entry {
    uint64_t hash = 0;
    uint64_t sequence = 0;
    WallTime time = {};
    Slice id;
  };

  // The last entry with that id; null: none.
  const Entry* find(Slice id) const;
  // REQUIRES: times do not descend.
  void add(Slice id, uint64_t sequence, WallTime time);
  // Forgets what is not after `time`.
  void expire(WallTime time);
  // Forgets the oldest entries up to and including `sequence`.
  void pop_up_to(uint64_t sequence);
  void clear();
  // Forgets the oldest entry. REQUIRES: there is one.
  void pop_front();
  size_t size() const { return static_cast<size_t>(end_ - begin_); }
  size_t id_bytes() const { return id_bytes_; }
  // Entries are numbered in the order they came; those in [begin, end) are there.
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  const Entry& operator[](uint64_t position) const { return at(position); }
  void visit(const std::function<void(const Entry&)>& visit) const;

 private:
  Entry& at(uint64_t position) { return ring_[position & (ring_.size() - 1)]; }
  const Entry& at(uint64_t position) const { return ring_[position & (ring_.size() - 1)]; }
  static constexpr int kPositionBits = 40;
  static uint64_t place(uint64_t hash, uint64_t position) {
    return (hash >> kPositionBits << kPositionBits) | (position + 1);
  }
  static uint64_t position_in(uint64_t place) {
    return (place & ((uint64_t{1} << kPositionBits) - 1)) - 1;
  }
  size_t slot_of(uint64_t hash, Slice id) const;
  void erase_slot(size_t slot);
  void grow();

  std::vector<Entry> ring_;  // power of two; positions [begin_, end_)
  // Twice the ring. 0: free; else position + 1, and the top of the hash so that most of what is not
  // there is known without a look at the ring.
  std::vector<uint64_t> table_;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  ByteQueue ids_;
  size_t id_bytes_ = 0;
};

}  // namespace petrel::store
