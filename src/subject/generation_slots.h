// GenerationSlots: what changed, coarsely. Subjects and prefixes fall into 65,536 slots by hash; a
// change of interest moves its slot on, a stamp remembers the slots a result depends on.
//
// Owner: SubjectIndex. Thread: bumps under its exclusive lock, `add_to` and `is_unchanged` any,
// without a lock. There are as many indexes as accounts, and most of those are small or silent:
// memory comes with the changes.
#pragma once

#include "petrel/subject/subject_index.h"

#include <atomic>
#include <cstdint>

namespace petrel::subject {

// Which kind of change a slot tells of; keeps equal texts of two kinds apart.
enum class SlotKind : uint8_t {
  kSubject,   // a literal subscription to this subject
  kWildcard,  // a wildcard one that begins with these literal tokens (two at most)
  kBelow,     // a literal one to this prefix and one token
};

// 65,536 numbers, all 0 at first; memory follows how many of them are not. One thread counts up at
// a time, any read meanwhile: tables that became too small are kept for them until the end.
class SlotNumbers {
 public:
  static constexpr uint32_t kSlots = 65536;

  SlotNumbers() = default;
  ~SlotNumbers();
  SlotNumbers(const SlotNumbers&) = delete;
  SlotNumbers& operator=(const SlotNumbers&) = delete;

  uint32_t get(uint32_t slot) const;
  void increment(uint32_t slot);

 private:
  struct Table;
  void grow();

  std::atomic<Table*> table_{nullptr};  // null: nothing was counted
  uint32_t used_ = 0;                   // slots in it
};

class GenerationSlots {
 public:
  explicit GenerationSlots(uint64_t seed) : seed_(seed) {}
  GenerationSlots(const GenerationSlots&) = delete;
  GenerationSlots& operator=(const GenerationSlots&) = delete;

  uint32_t slot_of(SlotKind kind, Slice text) const;
  void bump(uint32_t slot);

  // Adds the slot and its present value to what the stamp depends on.
  void add_to(InterestStamp& stamp, uint32_t slot) const;
  // Adds the slots of the wildcards that may admit a subject.
  void add_wildcards_to(InterestStamp& stamp, Slice subject) const;
  bool is_unchanged(const InterestStamp& stamp) const;

 private:
  uint64_t seed_;
  SlotNumbers values_;
};

// The literal tokens that a subscribed subject begins with, two at most.
Slice literal_prefix(Slice pattern);

}  // namespace petrel::subject
