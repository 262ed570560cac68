#include "petrel/router/subscription.h"

#include <algorithm>

namespace petrel::router {

uint32_t SubscriptionTable::add(Receiver& receiver, Slice subject, Slice queue, Slice sid) {
  uint32_t slot = free_;
  if (slot == kNone) {
    slot = static_cast<uint32_t>(table_.size());
    table_.emplace_back();
  } else {
    free_ = table_[slot].next_free;
  }
  Subscription& subscription = table_[slot];
  subscription.receiver = &receiver;
  subscription.subject_bytes = static_cast<uint16_t>(subject.size());
  subscription.queue_bytes = static_cast<uint16_t>(queue.size());
  subscription.sid_bytes = static_cast<uint32_t>(sid.size());
  subscription.text =
      std::make_unique_for_overwrite<char[]>(subject.size() + queue.size() + sid.size());
  char* at = subscription.text.get();
  for (const Slice part : {subject, queue, sid}) at = std::copy(part.begin(), part.end(), at);
  ++count_;
  return slot;
}

void SubscriptionTable::remove(uint32_t slot) {
  Subscription& subscription = table_[slot];
  subscription.receiver = nullptr;
  subscription.text.reset();
  subscription.shadow.reset();
  subscription.delivered = 0;
  subscription.max = 0;
  ++subscription.generation;
  subscription.next_free = free_;
  free_ = slot;
  --count_;
}

}  // namespace petrel::router
