// SubscriptionTable: the subscriptions of one loop, named by {slot, generation}.
//
// Owner: one per loop. Thread: the loop.
#pragma once

#include "petrel/base/block.h"
#include "petrel/router/account_links.h"
#include "petrel/router/receiver.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace petrel::router {

struct Shadow {
  std::shared_ptr<const StreamLink> link;
};

struct Subscription {
  Receiver* receiver = nullptr;  // null: the slot is free
  uint32_t generation = 0;
  uint16_t subject_bytes = 0;
  uint16_t queue_bytes = 0;
  uint32_t sid_bytes = 0;
  uint32_t next_free = 0;
  uint64_t delivered = 0;
  uint64_t max = 0;              // 0: none
  std::unique_ptr<char[]> text;  // subject, queue, sid
  // Of a subscription in another account, by a stream import; null: an ordinary one.
  std::unique_ptr<const Shadow> shadow;

  Slice subject() const { return {text.get(), subject_bytes}; }
  Slice queue() const { return {text.get() + subject_bytes, queue_bytes}; }
  Slice sid() const { return {text.get() + subject_bytes + queue_bytes, sid_bytes}; }
  bool is_queue() const { return queue_bytes != 0; }
};
static_assert(sizeof(Subscription) <= 56);

class SubscriptionTable {
 public:
  // REQUIRES: subject and queue shorter than 64 KiB (the session refuses longer ones).
  uint32_t add(Receiver& receiver, Slice subject, Slice queue, Slice sid);
  void remove(uint32_t slot);

  // Null when the subscription is gone.
  Subscription* find(uint32_t slot, uint32_t generation) {
    if (slot >= table_.size()) return nullptr;
    Subscription& subscription = table_[slot];
    return subscription.generation == generation && subscription.receiver != nullptr ? &subscription
                                                                                     : nullptr;
  }
  Subscription& at(uint32_t slot) { return table_[slot]; }
  const Subscription& at(uint32_t slot) const { return table_[slot]; }
  size_t size() const { return count_; }

 private:
  static constexpr uint32_t kNone = ~0U;
  std::vector<Subscription> table_;
  uint32_t free_ = kNone;
  size_t count_ = 0;
};

}  // namespace petrel::router
