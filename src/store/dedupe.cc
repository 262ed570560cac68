#include "petrel/store/dedupe.h"

#include "petrel/base/hash.h"

namespace petrel::store {

size_t Dedupe::slot_of(uint64_t hash, Slice id) const {
  size_t slot = hash & (table_.size() - 1);
  while (table_[slot] != 0) {
    if (table_[slot] >> kPositionBits == hash >> kPositionBits) {
      const Entry& entry = at(position_in(table_[slot]));
      if (entry.hash == hash && entry.id == id) break;
    }
    slot = (slot + 1) & (table_.size() - 1);
  }
  return slot;
}

const Dedupe::Entry* Dedupe::find(Slice id) const {
  if (begin_ == end_) return nullptr;
  const uint64_t found = table_[slot_of(hash_bytes(id), id)];
  return found == 0 ? nullptr : &at(position_in(found));
}

void Dedupe::add(Slice id, uint64_t sequence, WallTime time) {
  if (size() == ring_.size()) grow();
  const uint64_t hash = hash_bytes(id);
  const size_t slot = slot_of(hash, id);
  at(end_) = Entry{hash, sequence, time, ids_.push(id)};
  table_[slot] = place(hash, end_);
  id_bytes_ += id.size();
  ++end_;
}

void Dedupe::expire(WallTime time) {
  while (begin_ != end_ && at(begin_).time <= time) pop_front();
}

void Dedupe::pop_up_to(uint64_t sequence) {
  while (begin_ != end_ && at(begin_).sequence <= sequence) pop_front();
}

void Dedupe::clear() {
  while (begin_ != end_) pop_front();
}

void Dedupe::visit(const std::function<void(const Entry&)>& visit) const {
  for (uint64_t position = begin_; position != end_; ++position) {
    const Entry& entry = at(position);
    // An id that came again later counts once.
    if (table_[slot_of(entry.hash, entry.id)] == place(entry.hash, position)) visit(entry);
  }
}

void Dedupe::pop_front() {
  const Entry& entry = at(begin_);
  const size_t slot = slot_of(entry.hash, entry.id);
  if (table_[slot] == place(entry.hash, begin_)) erase_slot(slot);
  id_bytes_ -= entry.id.size();
  ids_.pop(entry.id.size());
  ++begin_;
}

// Linear probing without tombstones: what follows in the run moves into the gap.
void Dedupe::erase_slot(size_t slot) {
  const size_t mask = table_.size() - 1;
  size_t gap = slot;
  for (size_t next = (gap + 1) & mask; table_[next] != 0; next = (next + 1) & mask) {
    const size_t home = at(position_in(table_[next])).hash & mask;
    if (((next - home) & mask) >= ((next - gap) & mask)) {
      table_[gap] = table_[next];
      gap = next;
    }
  }
  table_[gap] = 0;
}

void Dedupe::grow() {
  const size_t capacity = ring_.empty() ? 16 : ring_.size() * 2;
  std::vector<Entry> ring(capacity);
  for (uint64_t position = begin_; position != end_; ++position) {
    ring[position & (capacity - 1)] = at(position);
  }
  ring_ = std::move(ring);
  table_.assign(capacity * 2, 0);
  for (uint64_t position = begin_; position != end_; ++position) {
    const Entry& entry = at(position);
    table_[slot_of(entry.hash, entry.id)] = place(entry.hash, position);  // the last one wins
  }
}

}  // namespace petrel::store
