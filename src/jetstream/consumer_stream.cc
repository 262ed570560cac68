// What the stream tells its consumer: messages stored, removed, purged.
#include "jetstream/consumer_core.h"

#include "petrel/jetstream/stream_config.h"

#include <algorithm>

namespace petrel::jetstream {

void ConsumerCore::on_stored(uint64_t sequence, Slice, uint64_t) {
  if (!is_started_ || sequence < state_.next()) return;
  ++num_pending_;
  if (is_push() ? push_.is_active : !pulls_.is_empty()) wake();
}

void ConsumerCore::on_removed(uint64_t sequence, Slice) {
  if (!is_started_) {
    state_.remove(sequence);
    return;
  }
  const bool is_listed = list_head_ < list_.size() && sequence <= list_end_;
  if (is_listed) {
    const auto place =
        std::lower_bound(list_.begin() + static_cast<ptrdiff_t>(list_head_), list_.end(), sequence);
    if (place != list_.end() && *place == sequence) {
      list_.erase(place);
      if (num_pending_ > 0) --num_pending_;
    }
  } else if ((sequence >= state_.next() || state_.held().count(sequence) != 0) &&
             num_pending_ > 0) {
    --num_pending_;
  }
  const PendingAck* entry = state_.find(sequence);
  if (entry == nullptr) {
    state_.remove(sequence);
    return;
  }
  const AckSubject at{.deliveries = entry->deliveries,
                      .stream_sequence = sequence,
                      .consumer_sequence = entry->consumer_sequence};
  const bool was_full = is_at_max_pending();
  state_.remove(sequence);
  last_acked_ = host_.outside().wall_now();
  advise_sequences("terminated", at, "Unacknowledged message was deleted");
  wake_if_room(was_full);
}

void ConsumerCore::on_purged(uint64_t first) {
  const bool was_full = is_at_max_pending();
  const size_t pending = state_.pending().size();
  state_.purge(first);
  if (!is_started_) return;
  // What was waiting for its ack counts as acked.
  if (state_.pending().size() != pending) last_acked_ = host_.outside().wall_now();
  while (list_head_ < list_.size() && list_[list_head_] < first) ++list_head_;
  if (list_head_ == list_.size()) {
    list_ = {};
    list_head_ = 0;
  }
  count_pending();
  wake_if_room(was_full);
}

}  // namespace petrel::jetstream
