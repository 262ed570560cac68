// LiteralTable: interest in subjects without wildcards. Open addressing over pointers; each entry
// is one allocation that holds the text of the subject too.
#pragma once

#include "subject/subscriber_list.h"

#include <cstring>
#include <new>
#include <vector>

namespace petrel::subject {

class LiteralTable {
 public:
  struct Entry {
    uint32_t hash;
    uint32_t text_bytes;
    InterestSet interest;
    Slice text() const { return {reinterpret_cast<const char*>(this + 1), text_bytes}; }
  };

  LiteralTable() = default;
  ~LiteralTable() {
    for (Entry* entry : slots_) destroy(entry);
  }
  LiteralTable(const LiteralTable&) = delete;
  LiteralTable& operator=(const LiteralTable&) = delete;

  Entry* find(Slice subject, uint64_t hash) const {
    if (slots_.empty()) return nullptr;
    const auto tag = static_cast<uint32_t>(hash);
    const size_t mask = slots_.size() - 1;
    for (size_t i = tag & mask; slots_[i] != nullptr; i = (i + 1) & mask) {
      if (slots_[i]->hash == tag && slots_[i]->text() == subject) return slots_[i];
    }
    return nullptr;
  }

  Entry& find_or_add(Slice subject, uint64_t hash) {
    if (Entry* entry = find(subject, hash); entry != nullptr) return *entry;
    if ((count_ + 1) * 4 > slots_.size() * 3) grow();
    void* memory = ::operator new(sizeof(Entry) + subject.size());
    Entry* entry =
        new (memory) Entry{static_cast<uint32_t>(hash), static_cast<uint32_t>(subject.size()), {}};
    std::memcpy(static_cast<void*>(entry + 1), subject.data(), subject.size());
    place(entry);
    ++count_;
    return *entry;
  }

  // REQUIRES: the entry stands in the table.
  void erase(Entry* entry) {
    const size_t mask = slots_.size() - 1;
    size_t gap = entry->hash & mask;
    while (slots_[gap] != entry) gap = (gap + 1) & mask;
    for (size_t i = (gap + 1) & mask; slots_[i] != nullptr; i = (i + 1) & mask) {
      const size_t home = slots_[i]->hash & mask;
      if (((i - home) & mask) >= ((i - gap) & mask)) {
        slots_[gap] = slots_[i];
        gap = i;
      }
    }
    slots_[gap] = nullptr;
    --count_;
    destroy(entry);
  }

  size_t size() const { return count_; }

 private:
  static void destroy(Entry* entry) {
    if (entry == nullptr) return;
    entry->~Entry();
    ::operator delete(entry);
  }

  void place(Entry* entry) {
    const size_t mask = slots_.size() - 1;
    size_t i = entry->hash & mask;
    while (slots_[i] != nullptr) i = (i + 1) & mask;
    slots_[i] = entry;
  }

  void grow() {
    std::vector<Entry*> old = std::move(slots_);
    slots_.assign(old.empty() ? 16 : old.size() * 2, nullptr);
    for (Entry* entry : old) {
      if (entry != nullptr) place(entry);
    }
  }

  std::vector<Entry*> slots_;  // size is a power of two
  size_t count_ = 0;
};

}  // namespace petrel::subject
