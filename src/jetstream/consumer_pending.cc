#include "jetstream/consumer_pending.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {
constexpr size_t kSweepMin = 64;
constexpr size_t kKeepCapacity = 64;
}  // namespace

size_t PendingTable::lower_bound(uint64_t sequence) const {
  if (head_ == entries_.size() || sequence <= entries_[head_].sequence) return head_;
  // Without gaps the place is known.
  const uint64_t distance = sequence - entries_[head_].sequence;
  size_t end = entries_.size();
  if (distance < end - head_) {
    const size_t guess = head_ + static_cast<size_t>(distance);
    if (entries_[guess].sequence == sequence) return guess;
    end = guess;  // gaps only move it to the front
  }
  const auto begin = entries_.begin() + static_cast<ptrdiff_t>(head_);
  const auto found = std::lower_bound(
      begin, entries_.begin() + static_cast<ptrdiff_t>(end), sequence,
      [](const PendingAck& entry, uint64_t wanted) { return entry.sequence < wanted; });
  return static_cast<size_t>(found - entries_.begin());
}

const PendingAck* PendingTable::find(uint64_t sequence) const {
  const size_t place = lower_bound(sequence);
  if (place == entries_.size() || entries_[place].sequence != sequence) return nullptr;
  return entries_[place].is_dead ? nullptr : &entries_[place];
}

PendingAck* PendingTable::find(uint64_t sequence) {
  return const_cast<PendingAck*>(static_cast<const PendingTable*>(this)->find(sequence));
}

PendingAck& PendingTable::add(uint64_t sequence, uint64_t consumer_sequence, int64_t sent_ns) {
  const PendingAck entry{
      .sequence = sequence, .consumer_sequence = consumer_sequence, .sent_ns = sent_ns};
  if (head_ == entries_.size()) {
    entries_.clear();
    head_ = 0;
  }
  if (entries_.empty() || entries_.back().sequence < sequence) {
    entries_.push_back(entry);
    ++live_;
    return entries_.back();
  }
  const size_t place = lower_bound(sequence);
  if (entries_[place].sequence == sequence) {
    if (entries_[place].is_dead) ++live_;
    entries_[place] = entry;
    return entries_[place];
  }
  ++live_;
  return *entries_.insert(entries_.begin() + static_cast<ptrdiff_t>(place), entry);
}

void PendingTable::remove(PendingAck& entry) {
  entry.is_dead = true;
  --live_;
  if (live_ == 0) {
    clear();
    return;
  }
  while (entries_[head_].is_dead) ++head_;
  while (entries_.back().is_dead) entries_.pop_back();
  if (entries_.size() > 2 * live_ + kSweepMin) sweep();
}

void PendingTable::sweep() {
  std::erase_if(entries_, [](const PendingAck& entry) { return entry.is_dead; });
  head_ = 0;
  if (entries_.capacity() > 4 * entries_.size() + kKeepCapacity) entries_.shrink_to_fit();
}

void PendingTable::clear() {
  entries_.clear();
  if (entries_.capacity() > kKeepCapacity) entries_.shrink_to_fit();
  head_ = live_ = 0;
}

const PendingAck* PendingTable::at_or_above(uint64_t sequence) const {
  size_t place = lower_bound(sequence);
  while (place < entries_.size() && entries_[place].is_dead) ++place;
  return place == entries_.size() ? nullptr : &entries_[place];
}

const PendingAck* PendingTable::at_or_below(uint64_t sequence) const {
  size_t place = lower_bound(sequence);
  if (place == entries_.size() || entries_[place].sequence != sequence) {
    if (place == head_) return nullptr;
    --place;
  }
  while (entries_[place].is_dead) {
    if (place == head_) return nullptr;
    --place;
  }
  return &entries_[place];
}

}  // namespace petrel::jetstream
