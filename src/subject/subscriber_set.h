// SubscriberSet: the subscribers of one subject or of one queue group. One stands in place, more in
// a hash table, so that one of a million goes as fast as one of two.
//
// Owner: Interest or QueueGroup. Not thread-safe. 24 bytes while it holds none or one.
#pragma once

#include "subject/segmented_table.h"

#include "petrel/subject/subject_index.h"

#include <cstdint>
#include <vector>

namespace petrel::subject {

class SubscriberSet {
 public:
  SubscriberSet() : one_() {}
  ~SubscriberSet();
  SubscriberSet(const SubscriberSet&) = delete;
  SubscriberSet& operator=(const SubscriberSet&) = delete;

  bool empty() const { return count_ == 0; }
  void insert(Subscriber subscriber);
  bool erase(Subscriber subscriber);
  void append_to(std::vector<Subscriber>& out) const;

 private:
  using Table = SegmentedTable<Subscriber>;
  union {
    Subscriber one_;  // count_ < 2
    Table* many_;     // count_ >= 2
  };
  uint32_t count_ = 0;
};

static_assert(sizeof(SubscriberSet) == 24);

}  // namespace petrel::subject
