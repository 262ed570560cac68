#include "jetstream/consumer_redelivery.h"

#include <algorithm>
#include <functional>
#include <unordered_set>

namespace petrel::jetstream {

namespace {
constexpr size_t kSweepMin = 64;
}

void Redeliveries::arm(uint64_t sequence, int64_t due_ns, const ConsumerState& state) {
  if (heap_.size() > 2 * state.pending().size() + kSweepMin) sweep(state);
  heap_.push_back({due_ns, sequence});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void Redeliveries::sweep(const ConsumerState& state) {
  // Of several deadlines of one message the earliest stays.
  std::sort(heap_.begin(), heap_.end(), [](const Deadline& a, const Deadline& b) { return b > a; });
  std::unordered_set<uint64_t> seen;
  std::erase_if(heap_, [&](const Deadline& deadline) {
    const PendingAck* entry = state.pending().find(deadline.sequence);
    return entry == nullptr || entry->is_queued || !seen.insert(deadline.sequence).second;
  });
  if (heap_.capacity() > 4 * heap_.size() + kSweepMin) heap_.shrink_to_fit();
}

uint64_t Redeliveries::take_due(int64_t now_ns) {
  if (heap_.empty() || heap_.front().due_ns > now_ns) return 0;
  const uint64_t sequence = heap_.front().sequence;
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  heap_.pop_back();
  return sequence;
}

void Redeliveries::queue(PendingAck& entry, ConsumerState& state) {
  if (entry.is_queued) return;
  state.set_queued(entry, true);
  ready_.push(entry.sequence);
}

uint64_t Redeliveries::front(ConsumerState& state) {
  while (!ready_.is_empty()) {
    const PendingAck* entry = state.find(ready_.front());
    if (entry != nullptr && entry->is_queued) return ready_.front();
    ready_.pop();
  }
  return 0;
}

void Redeliveries::pop(ConsumerState& state) {
  if (PendingAck* entry = state.find(ready_.front())) state.set_queued(*entry, false);
  ready_.pop();
}

void Redeliveries::clear() {
  heap_ = {};
  ready_.clear();
}

}  // namespace petrel::jetstream
