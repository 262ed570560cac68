// Staged: what was proposed and is not applied yet, as far as checks of later messages depend on
// it.
//
// Owner: StreamCore. Thread: the home loop. A group with one voter loses what is staged only
// together with the whole stream, so nothing is ever taken back.
#pragma once

#include "petrel/base/hash.h"
#include "petrel/base/time.h"
#include "petrel/store/dedupe.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace petrel::jetstream {

class Staged {
 public:
  uint64_t last_sequence = 0;
  WallTime last_time = {};
  std::string last_id;  // Nats-Msg-Id of the last message
  store::Dedupe ids;

  static uint64_t hash_of(Slice subject) { return hash_bytes(subject); }

  void add(uint64_t sequence, uint64_t subject_hash, uint64_t bytes) {
    items_.push_back(Item{sequence, subject_hash, bytes});
    bytes_ += bytes;
    last_of_slot_[slot(subject_hash)] = sequence;
    last_sequence = sequence;
  }
  // An applied message that was not staged here: a later leader goes on behind it.
  void follow(uint64_t sequence, WallTime time, Slice id) {
    last_sequence = sequence;
    last_time = time;
    last_id.assign(id);
  }
  // Messages up to and including `sequence` are applied.
  void applied(uint64_t sequence) {
    while (begin_ != items_.size() && items_[begin_].sequence <= sequence) {
      bytes_ -= items_[begin_].bytes;
      ++begin_;
    }
    if (begin_ == items_.size()) {
      items_.clear();
      begin_ = 0;
    } else if (begin_ > 1024 && begin_ > items_.size() / 2) {
      items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(begin_));
      begin_ = 0;
    }
    if (ids.size() != 0) ids.pop_up_to(sequence);
  }

  size_t messages() const { return items_.size() - begin_; }
  uint64_t bytes() const { return bytes_; }
  // The last staged sequence of a subject; 0: none.
  uint64_t last_of(uint64_t subject_hash) const {
    if (begin_ == items_.size() || last_of_slot_[slot(subject_hash)] < items_[begin_].sequence) {
      return 0;
    }
    for (size_t i = items_.size(); i != begin_; --i) {
      if (items_[i - 1].subject_hash == subject_hash) return items_[i - 1].sequence;
    }
    return 0;
  }
  uint64_t count_of(uint64_t subject_hash) const {
    if (begin_ == items_.size() || last_of_slot_[slot(subject_hash)] < items_[begin_].sequence) {
      return 0;
    }
    return static_cast<uint64_t>(
        std::count_if(items_.begin() + static_cast<ptrdiff_t>(begin_), items_.end(),
                      [&](const Item& item) { return item.subject_hash == subject_hash; }));
  }

 private:
  struct Item {
    uint64_t sequence;
    uint64_t subject_hash;
    uint64_t bytes;
  };
  static size_t slot(uint64_t hash) { return hash >> 57; }

  std::vector<Item> items_;  // [begin_, size)
  size_t begin_ = 0;
  uint64_t bytes_ = 0;
  std::array<uint64_t, 128> last_of_slot_{};
};

}  // namespace petrel::jetstream
