// SegmentJournal: the Journal over preallocated, reused segment files.
//
// Owner: one per loop. Thread: its loop.
#pragma once

#include "store/gather_wait.h"
#include "store/journal_format.h"
#include "store/segment_pool.h"

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace petrel::store {

class SegmentJournal final : public Journal, private SegmentPool::Owner {
 public:
  // `first_number` is above that of every segment in the directory.
  SegmentJournal(Disk& disk, const JournalOptions& options, Listener& listener,
                 uint64_t first_number);
  ~SegmentJournal() override;
  // Has the first segment prepared.
  void begin();
  Status await_room() override;

  Result<uint64_t> append(const JournalRecord& record) override;
  void commit() override;
  bool turn(Instant now) override;
  void release(GroupId group, uint64_t index) override;
  void forget(GroupId group) override;
  void old_journals_removed() override;
  uint64_t synced_position() const override { return synced_; }
  uint64_t bytes_on_disk() const override;
  void checkpoint_failed(GroupId group) override { asked_.erase(group); }
  bool is_disk_full() const override { return pool_.is_disk_full(); }

 private:
  struct Segment {
    PreparedSegment file;
    uint64_t used = kSegmentHeaderBytes;
    std::unordered_map<GroupId, uint64_t> last_index;  // of what it still has to keep
    uint64_t free() const { return file.bytes - used; }
  };

  // What a turn lets wait is for a later turn.
  void on_prepared() override {
    if (!gather_.is_waiting()) write_gathered();
  }
  void on_pool_failed(int error) override { fail(error); }

  void write_gathered();
  // Whether a record fits into the current segment, or into one that is ready.
  bool has_room(size_t bytes);
  uint64_t segment_bytes_max() const;
  void fill_segment();
  // Takes from the gathered records those that fit into the current segment.
  std::string take_batch(uint64_t& last_position);
  void begin_segment(PreparedSegment file);
  void fail(int error);
  void on_written(int error, uint64_t position);
  void retire_released();
  void ask_for_checkpoints();
  bool has_space_for(size_t bytes) const;

  Disk& disk_;
  const JournalOptions options_;
  Listener& listener_;
  RecordWriter writer_;
  SegmentPool pool_;
  std::deque<Segment> segments_;  // the last one is written
  std::string gathered_;
  size_t batch_bytes_ = 0;  // of the last batch: what the next one is likely to need
  uint64_t batch_ = 0;
  uint64_t position_ = 0;  // of the last record appended
  uint64_t written_ = 0;   // and of the last one given to the disk
  uint64_t synced_ = 0;
  std::unordered_set<GroupId> asked_;  // for a checkpoint, of those in the oldest segment
  std::vector<GroupId> forgotten_;     // while old journals are there
  bool has_old_journals_ = true;
  GatherWait gather_;
  bool is_patient_ = false;  // turn() is called
  bool is_writing_ = false;
  bool has_failed_ = false;
};

}  // namespace petrel::store
