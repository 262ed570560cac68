// GenerationSlots: what changed, coarsely. Subjects and prefixes fall into 65,536 slots by hash; a
// change of interest moves its slot on, a stamp remembers the slots a result depends on.
//
// Owner: SubjectIndex. Thread: bumps under its exclusive lock, `fill` and `is_unchanged` any,
// without a lock. Untouched pages of the array cost no memory.
#pragma once

#include "petrel/subject/subject_index.h"

#include <cstdint>
#include <memory>

namespace petrel::subject {

// Which kind of change a slot tells of; keeps equal texts of two kinds apart.
enum class SlotKind : uint8_t {
  kSubject,   // a literal subscription to this subject
  kWildcard,  // a wildcard one that begins with these literal tokens (two at most)
  kBelow,     // a literal one to this prefix and one token
};

class GenerationSlots {
 public:
  static constexpr uint32_t kSlots = 65536;

  explicit GenerationSlots(uint64_t seed);
  ~GenerationSlots();
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
  uint32_t* values_;  // atomic access only
};

// The literal tokens that a subscribed subject begins with, two at most.
Slice literal_prefix(Slice pattern);

}  // namespace petrel::subject
