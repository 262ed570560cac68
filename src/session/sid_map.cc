#include "petrel/session/sid_map.h"

#include "petrel/base/hash.h"

namespace petrel::session {

size_t SidMap::home(Slice sid) const {
  return hash_bytes(sid) & (slots_.size() - 1);
}

uint32_t SidMap::find(const router::SubscriptionTable& table, Slice sid) const {
  if (slots_.empty()) return kNone;
  const size_t mask = slots_.size() - 1;
  for (size_t i = home(sid); slots_[i] != kNone; i = (i + 1) & mask) {
    if (table.at(slots_[i]).sid() == sid) return slots_[i];
  }
  return kNone;
}

void SidMap::insert(const router::SubscriptionTable& table, uint32_t slot) {
  if ((count_ + 1) * 4 > slots_.size() * 3) grow(table);
  const size_t mask = slots_.size() - 1;
  size_t i = home(table.at(slot).sid());
  while (slots_[i] != kNone) i = (i + 1) & mask;
  slots_[i] = slot;
  ++count_;
}

void SidMap::grow(const router::SubscriptionTable& table) {
  std::vector<uint32_t> old = std::move(slots_);
  slots_.assign(old.empty() ? 4 : old.size() * 2, kNone);
  count_ = 0;
  for (const uint32_t slot : old) {
    if (slot != kNone) insert(table, slot);
  }
}

// Closes the gap by moving later entries of the same run back (no tombstones).
void SidMap::erase(const router::SubscriptionTable& table, uint32_t slot) {
  const size_t mask = slots_.size() - 1;
  size_t gap = home(table.at(slot).sid());
  while (slots_[gap] != slot) gap = (gap + 1) & mask;
  for (size_t i = (gap + 1) & mask; slots_[i] != kNone; i = (i + 1) & mask) {
    const size_t wanted = home(table.at(slots_[i]).sid());
    if (((i - wanted) & mask) >= ((i - gap) & mask)) {
      slots_[gap] = slots_[i];
      gap = i;
    }
  }
  slots_[gap] = kNone;
  if (--count_ == 0) clear();
}

void SidMap::clear() {
  std::vector<uint32_t>().swap(slots_);
  count_ = 0;
}

}  // namespace petrel::session
