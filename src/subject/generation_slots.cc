#include "subject/generation_slots.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"
#include "petrel/subject/subject.h"

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

SlotNumbers::~SlotNumbers() {
  const Directory* directory = directory_.load();
  if (directory == nullptr) return;
  for (const auto& part : *directory) delete[] part.load();
  delete directory;
}

void SlotNumbers::add(uint32_t slot, uint32_t by) {
  Directory* directory = directory_.load(std::memory_order_relaxed);
  if (directory == nullptr) {
    directory = new Directory();
    directory_.store(directory, std::memory_order_release);
  }
  std::atomic<uint32_t*>& part = (*directory)[slot / kPart];
  if (part.load(std::memory_order_relaxed) == nullptr) {
    part.store(new uint32_t[kPart](), std::memory_order_release);
  }
  std::atomic_ref<uint32_t>(part.load(std::memory_order_relaxed)[slot % kPart])
      .fetch_add(by, std::memory_order_release);
}

uint32_t GenerationSlots::slot_of(SlotKind kind, Slice text) const {
  const uint64_t salt = (static_cast<uint64_t>(kind) + 1) * 0x9e3779b97f4a7c15ULL;
  return static_cast<uint32_t>(hash_bytes(text, seed_ ^ salt) % SlotNumbers::kSlots);
}

void GenerationSlots::bump(uint32_t slot) {
  values_.add(slot, 1);
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
