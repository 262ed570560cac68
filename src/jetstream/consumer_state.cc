#include "jetstream/consumer_state.h"

#include "jetstream/consumer_varint.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {
constexpr uint8_t kStateVersion = 1;
}

void ConsumerState::begin(uint64_t next) {
  next_ = std::max<uint64_t>(next, 1);
  delivered_ = {.consumer = 0, .stream = next_ - 1};
  floor_ = shown_floor_ = delivered_;
}

void ConsumerState::adopt(SequencePair delivered, SequencePair floor) {
  next_ = delivered.stream + 1;
  delivered_ = delivered;
  floor_ = {.consumer = std::min(floor.consumer, delivered.consumer),
            .stream = std::min(floor.stream, delivered.stream)};
  shown_floor_ = floor_;
}

void ConsumerState::adopt_pending(SequencePair at, int64_t sent_ns, uint64_t deliveries) {
  if (at.stream > delivered_.stream || pending_.find(at.stream) != nullptr) return;
  PendingAck& entry = pending_.add(at.stream, at.consumer, sent_ns);
  entry.deliveries = static_cast<uint32_t>(std::min<uint64_t>(deliveries, UINT32_MAX));
  if (entry.deliveries > 1) ++redelivered_;
}

void ConsumerState::adopt_exhausted(uint64_t sequence, uint64_t deliveries) {
  if (sequence > delivered_.stream) return;
  exhausted_[sequence] = static_cast<uint32_t>(std::min<uint64_t>(deliveries, UINT32_MAX));
}

void ConsumerState::note_delivered(SequencePair at) {
  if (!held_.empty()) held_.erase(at.stream);
  delivered_.consumer = std::max(delivered_.consumer, at.consumer);
  delivered_.stream = std::max(delivered_.stream, at.stream);
  skip_to(at.stream + 1);
}

void ConsumerState::deliver(SequencePair at, int64_t sent_ns) {
  note_delivered(at);
  if (PendingAck* known = pending_.find(at.stream)) forget(*known);
  pending_.add(at.stream, at.consumer, sent_ns);
}

void ConsumerState::deliver_acked(SequencePair at) {
  note_delivered(at);
  floor_ = shown_floor_ = delivered_;
}

void ConsumerState::redeliver(SequencePair at, uint32_t deliveries, int64_t sent_ns) {
  note_delivered(at);
  PendingAck* entry = pending_.find(at.stream);
  if (entry == nullptr) return;
  if (entry->deliveries <= 1 && deliveries > 1) ++redelivered_;
  entry->deliveries = deliveries;
  entry->sent_ns = sent_ns;
}

bool ConsumerState::touch(uint64_t sequence, int64_t sent_ns) {
  PendingAck* entry = pending_.find(sequence);
  if (entry == nullptr) return false;
  entry->sent_ns = sent_ns;
  return true;
}

void ConsumerState::forget(PendingAck& entry) {
  if (entry.deliveries > 1) --redelivered_;
  if (entry.is_queued) --queued_;
  pending_.remove(entry);
}

void ConsumerState::hold(uint64_t sequence) {
  held_.insert(sequence);
  skip_to(sequence + 1);
}

// Messages that were passed over may be delivered behind later ones: the floor stays below them.
void ConsumerState::cap_floor(SequencePair& floor) const {
  if (!held_.empty()) floor.stream = std::min(floor.stream, *held_.begin() - 1);
  if (const PendingAck* first = pending_.first()) {
    floor.stream = std::min(floor.stream, first->sequence - 1);
  }
}

// REQUIRES: `gone` is not pending any more.
void ConsumerState::advance_floor(SequencePair& floor, const PendingAck& gone) const {
  if (pending_.is_empty()) {
    floor = delivered_;
    cap_floor(floor);
    return;
  }
  if (gone.consumer_sequence != floor.consumer + 1) return;
  floor = {.consumer = gone.consumer_sequence, .stream = gone.sequence};
  const PendingAck* above = pending_.at_or_above(gone.sequence + 1);
  if (above != nullptr && above->consumer_sequence > 0) {
    floor = {.consumer = above->consumer_sequence - 1, .stream = above->sequence - 1};
  }
  cap_floor(floor);
}

bool ConsumerState::settle(uint64_t sequence) {
  const bool was_exhausted = exhausted_.erase(sequence) > 0;
  if (was_exhausted) drop_dead(sequence, sequence);
  PendingAck* entry = pending_.find(sequence);
  if (entry == nullptr) return was_exhausted;
  const PendingAck gone = *entry;
  forget(*entry);
  advance_floor(floor_, gone);
  advance_floor(shown_floor_, gone);
  return true;
}

void ConsumerState::drop_pending_up_to(uint64_t sequence) {
  while (!pending_.is_empty() && pending_.first()->sequence <= sequence) {
    forget(*pending_.find(pending_.first()->sequence));
  }
  exhausted_.erase(exhausted_.begin(), exhausted_.upper_bound(sequence));
  drop_dead(0, sequence);
}

void ConsumerState::drop_dead(uint64_t first, uint64_t last) {
  std::erase_if(dead_, [first, last](const DeadLetter& letter) {
    return letter.sequence >= first && letter.sequence <= last;
  });
}

void ConsumerState::bury(DeadLetter letter) {
  if (!exhaust(letter.sequence)) return;
  exhausted_[letter.sequence] = letter.deliveries;
  letter.number = ++dead_last_;
  dead_.push_back(std::move(letter));
}

void ConsumerState::keep_dead(uint64_t sequence) {
  drop_dead(sequence, sequence);
}

bool ConsumerState::settle_up_to(uint64_t sequence) {
  if (sequence <= floor_.stream) return false;
  const PendingAck* last = pending_.at_or_below(sequence);
  if (last == nullptr) return false;
  const SequencePair floor{.consumer = std::max(floor_.consumer, last->consumer_sequence),
                           .stream = std::min(sequence, delivered_.stream)};
  drop_pending_up_to(sequence);
  floor_ = shown_floor_ = floor;
  return true;
}

bool ConsumerState::exhaust(uint64_t sequence) {
  PendingAck* entry = pending_.find(sequence);
  if (entry == nullptr) return false;
  const PendingAck gone = *entry;
  forget(*entry);
  exhausted_[sequence] = gone.deliveries;
  advance_floor(floor_, gone);
  return true;
}

void ConsumerState::reset(uint64_t next) {
  pending_.clear();
  redelivered_ = queued_ = 0;
  exhausted_.clear();
  dead_.clear();
  held_.clear();
  begin(next);
}

bool ConsumerState::remove(uint64_t sequence) {
  const bool was_pending = pending_.find(sequence) != nullptr;
  held_.erase(sequence);
  settle(sequence);
  return was_pending;
}

void ConsumerState::purge(uint64_t first) {
  held_.erase(held_.begin(), held_.lower_bound(first));
  skip_to(first);
  delivered_.stream = next_ - 1;
  if (floor_.stream < first) {
    const PendingAck* last = pending_.at_or_below(first - 1);
    if (last != nullptr) floor_.consumer = std::max(floor_.consumer, last->consumer_sequence);
    floor_.stream = first - 1;
    drop_pending_up_to(first - 1);
  }
  if (pending_.is_empty()) {
    exhausted_.clear();
    dead_.clear();
    floor_ = delivered_;
    cap_floor(floor_);
  }
  shown_floor_ = floor_;
}

void ConsumerState::encode(std::string& out) const {
  out.push_back(static_cast<char>(kStateVersion));
  for (const uint64_t value :
       {operation_, next_, delivered_.consumer, delivered_.stream, floor_.consumer, floor_.stream,
        shown_floor_.consumer, shown_floor_.stream, uint64_t{pending_.size()}}) {
    append_varint(out, value);
  }
  PendingAck before;
  pending_.for_each([&](const PendingAck& entry) {
    append_varint(out, entry.sequence - before.sequence);
    append_signed(out, static_cast<int64_t>(entry.consumer_sequence - before.consumer_sequence));
    append_signed(out, entry.sent_ns - before.sent_ns);
    append_varint(out, entry.deliveries);
    before = entry;
  });
  append_varint(out, exhausted_.size());
  uint64_t last = 0;
  for (const auto& [sequence, deliveries] : exhausted_) {
    append_varint(out, sequence - last);
    append_varint(out, deliveries);
    last = sequence;
  }
  append_varint(out, held_.size());
  last = 0;
  for (const uint64_t sequence : held_) {
    append_varint(out, sequence - last);
    last = sequence;
  }
  append_varint(out, dead_token_);
  append_varint(out, dead_last_);
  append_varint(out, dead_.size());
  for (const DeadLetter& letter : dead_) {
    append_varint(out, letter.sequence);
    append_varint(out, letter.number);
    append_varint(out, letter.deliveries);
    append_varint(out, letter.reason.size());
    out += letter.reason;
  }
}

Status ConsumerState::decode(Slice bytes) {
  VarintReader reader(bytes);
  const Error corrupt{Errc::kCorrupt, "state of a consumer"};
  if (reader.byte() != kStateVersion) return corrupt;
  ConsumerState read;
  for (uint64_t* value : {&read.operation_, &read.next_, &read.delivered_.consumer,
                          &read.delivered_.stream, &read.floor_.consumer, &read.floor_.stream,
                          &read.shown_floor_.consumer, &read.shown_floor_.stream}) {
    *value = reader.varint();
  }
  PendingAck before;
  for (uint64_t left = reader.varint(); left > 0 && reader.is_ok(); --left) {
    before.sequence += reader.varint();
    before.consumer_sequence += static_cast<uint64_t>(reader.signed_varint());
    before.sent_ns = static_cast<int64_t>(static_cast<uint64_t>(before.sent_ns) +
                                          static_cast<uint64_t>(reader.signed_varint()));
    const auto deliveries = static_cast<uint32_t>(reader.varint());
    if (!reader.is_ok() || read.pending_.find(before.sequence) != nullptr) return corrupt;
    read.pending_.add(before.sequence, before.consumer_sequence, before.sent_ns).deliveries =
        deliveries;
    if (deliveries > 1) ++read.redelivered_;
  }
  uint64_t last = 0;
  for (uint64_t left = reader.varint(); left > 0 && reader.is_ok(); --left) {
    last += reader.varint();
    read.exhausted_[last] = static_cast<uint32_t>(reader.varint());
  }
  last = 0;
  for (uint64_t left = reader.varint(); left > 0 && reader.is_ok(); --left) {
    last += reader.varint();
    read.held_.insert(last);
  }
  read.dead_token_ = reader.varint();
  read.dead_last_ = reader.varint();
  for (uint64_t left = reader.varint(); left > 0 && reader.is_ok(); --left) {
    DeadLetter letter;
    letter.sequence = reader.varint();
    letter.number = reader.varint();
    letter.deliveries = static_cast<uint32_t>(reader.varint());
    letter.reason = reader.text();
    read.dead_.push_back(std::move(letter));
  }
  if (!reader.is_ok() || !reader.at_end()) return corrupt;
  *this = std::move(read);
  return Status::ok();
}

}  // namespace petrel::jetstream
