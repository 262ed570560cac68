#include "subject/generation_slots.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"
#include "petrel/subject/subject.h"

#include <atomic>
#include <cstdlib>

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

GenerationSlots::GenerationSlots(uint64_t seed)
    : seed_(seed), values_(static_cast<uint32_t*>(std::calloc(kSlots, sizeof(uint32_t)))) {
  PETREL_CHECK(values_ != nullptr);
}

GenerationSlots::~GenerationSlots() {
  std::free(values_);
}

uint32_t GenerationSlots::slot_of(SlotKind kind, Slice text) const {
  const uint64_t salt = (static_cast<uint64_t>(kind) + 1) * 0x9e3779b97f4a7c15ULL;
  return static_cast<uint32_t>(hash_bytes(text, seed_ ^ salt) % kSlots);
}

void GenerationSlots::bump(uint32_t slot) {
  std::atomic_ref<uint32_t>(values_[slot]).fetch_add(1, std::memory_order_release);
}

void GenerationSlots::add_to(InterestStamp& stamp, uint32_t slot) const {
  stamp.slots[stamp.count] = slot;
  stamp.values[stamp.count] =
      std::atomic_ref<uint32_t>(values_[slot]).load(std::memory_order_acquire);
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
    const uint32_t value =
        std::atomic_ref<uint32_t>(values_[stamp.slots[i]]).load(std::memory_order_acquire);
    if (value != stamp.values[i]) return false;
  }
  return true;
}

}  // namespace petrel::subject
