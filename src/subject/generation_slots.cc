#include "subject/generation_slots.h"

#include "petrel/base/hash.h"
#include "petrel/subject/subject.h"

#include <memory>

namespace petrel::subject {

namespace {

constexpr size_t kPrefixTokensMax = 2;

// The first `count` tokens, or all when there are fewer.
Slice first_tokens(Slice subject, size_t count) {
  size_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    end = subject.find(kSeparator, i == 0 ? 0 : end + 1);
    if (end == Slice::npos) return subject;
  }
  return subject.substr(0, end);
}

}  // namespace

Slice literal_prefix(Slice pattern) {
  size_t bytes = 0;
  TokenReader reader(pattern);
  for (size_t i = 0; i < kPrefixTokensMax && reader.next() && !is_wildcard(reader.token()); ++i) {
    bytes = static_cast<size_t>(reader.token().data() - pattern.data()) + reader.token().size();
  }
  return pattern.substr(0, bytes);
}

// Pairs of slot + 1 and number, found by the slot (0: free), or, once most would be in use, the
// numbers alone.
struct SlotNumbers::Table {
  Table(uint32_t pairs, Table* before)
      : size(pairs),
        is_direct(pairs > kPairsMax),
        older(before),
        cells(new uint32_t[is_direct ? kSlots : size_t{2} * pairs]()) {}

  // The number's place; null: not here. `pair`: where it would come.
  uint32_t* find(uint32_t slot, uint32_t& pair) const {
    if (is_direct) return &cells[slot];
    for (pair = slot & (size - 1);; pair = (pair + 1) & (size - 1)) {
      const uint32_t key =
          std::atomic_ref<uint32_t>(cells[size_t{2} * pair]).load(std::memory_order_acquire);
      if (key == slot + 1) return &cells[size_t{2} * pair + 1];
      if (key == 0) return nullptr;
    }
  }
  uint32_t* add(uint32_t slot, uint32_t number) {
    uint32_t pair = 0;
    if (uint32_t* place = find(slot, pair); place != nullptr) {
      *place = number;
      return place;
    }
    cells[size_t{2} * pair + 1] = number;
    std::atomic_ref<uint32_t>(cells[size_t{2} * pair]).store(slot + 1, std::memory_order_release);
    return &cells[size_t{2} * pair + 1];
  }

  static constexpr uint32_t kPairsMin = 32;
  static constexpr uint32_t kPairsMax = 8192;
  const uint32_t size;
  const bool is_direct;
  const std::unique_ptr<Table> older;
  const std::unique_ptr<uint32_t[]> cells;
};

SlotNumbers::~SlotNumbers() {
  delete table_.load();
}

uint32_t SlotNumbers::get(uint32_t slot) const {
  const Table* table = table_.load(std::memory_order_acquire);
  uint32_t pair = 0;
  uint32_t* place = table == nullptr ? nullptr : table->find(slot, pair);
  return place == nullptr ? 0 : std::atomic_ref<uint32_t>(*place).load(std::memory_order_acquire);
}

void SlotNumbers::increment(uint32_t slot) {
  Table* table = table_.load(std::memory_order_relaxed);
  uint32_t pair = 0;
  uint32_t* place = table == nullptr ? nullptr : table->find(slot, pair);
  if (place == nullptr) {
    if (table == nullptr || (used_ + 1) * 4 > table->size * 3) grow();
    ++used_;
    place = table_.load(std::memory_order_relaxed)->add(slot, 0);
  }
  std::atomic_ref<uint32_t>(*place).fetch_add(1, std::memory_order_release);
}

void SlotNumbers::grow() {
  Table* old = table_.load(std::memory_order_relaxed);
  auto* table = new Table(old == nullptr ? Table::kPairsMin : old->size * 2, old);
  for (uint32_t i = 0; old != nullptr && i < old->size; ++i) {
    const uint32_t key = old->cells[size_t{2} * i];
    if (key != 0) table->add(key - 1, old->cells[size_t{2} * i + 1]);
  }
  table_.store(table, std::memory_order_release);
}

uint32_t GenerationSlots::slot_of(SlotKind kind, Slice text) const {
  const uint64_t salt = (static_cast<uint64_t>(kind) + 1) * 0x9e3779b97f4a7c15ULL;
  return static_cast<uint32_t>(hash_bytes(text, seed_ ^ salt) % SlotNumbers::kSlots);
}

void GenerationSlots::bump(uint32_t slot) {
  values_.increment(slot);
}

void GenerationSlots::add_to(InterestStamp& stamp, uint32_t slot) const {
  stamp.slots[stamp.count] = slot;
  stamp.values[stamp.count] = values_.get(slot);
  ++stamp.count;
}

void GenerationSlots::add_wildcards_to(InterestStamp& stamp, Slice subject) const {
  add_to(stamp, slot_of(SlotKind::kWildcard, Slice()));
  const Slice first = first_tokens(subject, 1);
  add_to(stamp, slot_of(SlotKind::kWildcard, first));
  const Slice two = first_tokens(subject, 2);
  if (two.size() > first.size()) add_to(stamp, slot_of(SlotKind::kWildcard, two));
}

bool GenerationSlots::is_unchanged(const InterestStamp& stamp) const {
  for (uint32_t i = 0; i < stamp.count; ++i) {
    if (values_.get(stamp.slots[i]) != stamp.values[i]) return false;
  }
  return true;
}

}  // namespace petrel::subject
