// SegmentIndex: what is known about the messages of one segment without reading them: sequence,
// time, place, subject. Segment: one run of consecutive sequences with its index and deletions.
//
// Owner: a MessageIndex. Thread: its home loop.
// Limits: 65,535 entries and 2 GiB of records a segment, so that places in it fit 16 and 31 bits.
// Cost: 14 bytes a message (16 with postings, 20 when sequences are missing), 16 a subject.
#pragma once

#include "store/segment_frames.h"
#include "store/subject_table.h"

#include "petrel/base/time.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace petrel::store {

inline constexpr uint32_t kSegmentEntriesMax = 65535;
// A segment ends before its sequences are further apart, so that deletions fit a bitmap.
inline constexpr uint32_t kSegmentSpanMax = 1 << 18;
inline constexpr uint32_t kNoEntry = UINT32_MAX;
inline constexpr uint16_t kNoLocal = UINT16_MAX;

// Where a record lies among the records of its segment, put end to end.
struct EntryPlace {
  uint32_t offset = 0;
  uint32_t bytes = 0;
  bool has_header = false;
};

class SegmentIndex {
 public:
  struct Subject {
    SubjectNode* node = nullptr;
    uint32_t live = 0;  // messages that are not deleted
  };

  uint32_t entries() const { return static_cast<uint32_t>(times_.size()); }
  // REQUIRES: position ascending, entries() < kSegmentEntriesMax.
  void add(uint32_t position, WallTime time, uint16_t local, const EntryPlace& place);
  // Adds the subject to the dictionary, which then refers to the node.
  uint16_t add_subject(SubjectNode& node);
  // The dictionary lets go of its nodes; the index is not to be used after it.
  void release_subjects();

  // Entry at `position` or the first behind it; entries() when there is none.
  uint32_t lower_bound(uint32_t position) const;
  uint32_t position(uint32_t entry) const { return positions_.empty() ? entry : positions_[entry]; }
  WallTime time(uint32_t entry) const { return {times_[entry]}; }
  EntryPlace place(uint32_t entry) const {
    const uint32_t offset = offsets_[entry] & ~kHeaderBit;
    const uint32_t end = entry + 1 < entries() ? offsets_[entry + 1] & ~kHeaderBit : end_offset_;
    return {offset, end - offset, (offsets_[entry] & kHeaderBit) != 0};
  }
  uint16_t local(uint32_t entry) const { return locals_[entry]; }
  // First entry whose record lies at `offset` or behind it.
  uint32_t entry_at_offset(uint32_t offset) const;
  SubjectNode& subject(uint32_t entry) const { return *subjects_[locals_[entry]].node; }
  std::vector<Subject>& subjects() { return subjects_; }
  const std::vector<Subject>& subjects() const { return subjects_; }
  // Place of the subject in the dictionary or kNoLocal.
  uint16_t find_subject(const SubjectNode& node, uint32_t serial);
  uint32_t end_offset() const { return end_offset_; }
  // First entry with time >= `time`; entries() when there is none.
  uint32_t first_at_or_after(WallTime time) const;

  // First entry >= `from` of the subject; kNoEntry: none.
  uint32_t next_of(uint16_t local, uint32_t from);
  // All entries of the subject, ascending. REQUIRES: sealed.
  std::span<const uint16_t> entries_of(uint16_t local);
  bool is_sealed() const { return is_sealed_; }
  // Asks for what place() reads.
  void prefetch_place(uint32_t entry) const { __builtin_prefetch(&offsets_[entry]); }
  // Last entry <= `at_most` of the subject; kNoEntry: none.
  uint32_t last_of(uint16_t local, uint32_t at_most);
  // Nothing will be added: gives spare memory back.
  void seal();
  size_t memory_bytes() const;

 private:
  friend class SegmentIndexCodec;
  static constexpr uint32_t kHeaderBit = uint32_t{1} << 31;

  void build_postings();
  uint16_t& slot_of(const SubjectNode& node);
  void build_slots();

  std::vector<uint32_t> positions_;  // sequence - base; empty: entry n has position n
  std::vector<int64_t> times_;
  std::vector<uint32_t> offsets_;  // bit 31: has a header
  std::vector<uint16_t> locals_;
  std::vector<Subject> subjects_;
  std::vector<uint16_t> slots_;  // of subjects by node, built on first need
  // Entries of each subject, built on first need once sealed.
  std::vector<uint32_t> posting_starts_;
  std::vector<uint16_t> postings_;
  uint32_t end_offset_ = 0;
  bool is_sealed_ = false;
};

struct SegmentFile;

// One run of sequences. Segments of a store do not overlap and ascend.
struct Segment {
  uint64_t id = 0;      // of its file; never used again
  uint32_t serial = 0;  // of the segment in memory, not 0
  bool is_sealed = false;
  uint64_t base = 0;  // sequence of position 0
  uint64_t last = 0;  // sequence of the last entry; below base: none
  uint32_t entries = 0;
  uint32_t live = 0;
  uint64_t live_bytes = 0;              // as counted by StoreState
  uint64_t record_bytes = 0;            // all records
  uint64_t deleted_bytes = 0;           // records of deleted messages
  WallTime first_time = {};             // of the first entry
  WallTime last_time = {};              // of the last entry
  std::vector<uint64_t> deleted;        // bit per position without a message; behind its end: none
  std::unique_ptr<SegmentIndex> index;  // null: not in memory
  SegmentFrames frames;
  std::shared_ptr<SegmentFile> file;  // of a file store

  // Positions in use.
  uint32_t span() const { return static_cast<uint32_t>(last + 1 - base); }
  bool is_deleted(uint32_t position) const {
    return position / 64 < deleted.size() && (deleted[position / 64] >> (position % 64) & 1) != 0;
  }
  void set_deleted(uint32_t position) {
    if (deleted.size() <= position / 64) deleted.resize(position / 64 + 1);
    deleted[position / 64] |= uint64_t{1} << (position % 64);
  }
  // Position of the sequence, or of the first one behind it; span() when that is the end.
  uint32_t position_at(uint64_t sequence) const {
    if (sequence <= base) return 0;
    return sequence > last ? span() : static_cast<uint32_t>(sequence - base);
  }
  // First position >= `from` with a message; kNoEntry: none.
  uint32_t next_live(uint32_t from) const;
  // Last position <= `at_most` with a message; kNoEntry: none.
  uint32_t last_live(uint32_t at_most) const;
  // Messages at positions >= `from`.
  uint32_t count_live(uint32_t from) const;
};

}  // namespace petrel::store
