// SidMap: a client's subscription ids -> slots of the loop's SubscriptionTable. Open addressing
// over 4-byte slots; the ids themselves stand in the table.
//
// Owner: one ClientSession. Thread: its loop. Memory: none without subscriptions, else 8 bytes or
// less per subscription.
#pragma once

#include "petrel/router/subscription.h"

#include <cstdint>
#include <vector>

namespace petrel::session {

class SidMap {
 public:
  static constexpr uint32_t kNone = ~0U;

  uint32_t find(const router::SubscriptionTable& table, Slice sid) const;
  // REQUIRES: the sid of `slot` is not in the map.
  void insert(const router::SubscriptionTable& table, uint32_t slot);
  // REQUIRES: `slot` still stands in the table.
  void erase(const router::SubscriptionTable& table, uint32_t slot);
  void clear();
  size_t size() const { return count_; }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const uint32_t slot : slots_) {
      if (slot != kNone) visit(slot);
    }
  }

 private:
  void grow(const router::SubscriptionTable& table);
  size_t home(Slice sid) const;

  std::vector<uint32_t> slots_;  // size is a power of two, kNone: free
  uint32_t count_ = 0;
};

}  // namespace petrel::session
