// SegmentJournal: the Journal over preallocated, reused segment files.
//
// Owner: one per loop. Thread: its loop.
#pragma once

#include "store/journal_format.h"

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace petrel::store {

class SegmentJournal final : public Journal {
 public:
  // `first_number` is above that of every segment in the directory.
  SegmentJournal(Disk& disk, const JournalOptions& options, Listener& listener,
                 uint64_t first_number);
  ~SegmentJournal() override;
  // Makes the first segment.
  Status open();

  Result<uint64_t> append(const JournalRecord& record) override;
  void commit() override;
  void release(GroupId group, uint64_t index) override;
  void forget(GroupId group) override;
  uint64_t synced_position() const override { return synced_; }
  uint64_t bytes_on_disk() const override;

 private:
  struct Segment {
    FileId file = 0;
    std::string path;
    uint64_t number = 0;
    uint64_t bytes = 0;  // size of the file
    uint64_t used = 0;
    std::unordered_map<GroupId, uint64_t> last_index;  // of what it still has to keep
  };

  // Whether the batch fits into the current segment or a spare one; else commit() is called when
  // one is ready.
  bool has_room(size_t bytes);
  void prepare(size_t bytes);
  void begin_segment(Segment segment);
  void fail(int error);
  void on_written(int error, uint64_t position);
  void retire_released();
  void ask_for_checkpoints();

  Disk& disk_;
  const JournalOptions options_;
  Listener& listener_;
  const uint64_t journal_;
  uint64_t next_number_;  // of segments
  uint64_t next_file_;    // in names of files
  uint64_t batch_ = 1;
  uint64_t segment_bytes_;
  std::deque<Segment> segments_;  // the last one is written
  std::vector<Segment> spare_;    // new or retired, without a header on the disk
  std::string gathered_;
  std::vector<size_t> record_offsets_;
  std::unordered_map<GroupId, uint64_t> gathered_index_;
  uint64_t position_ = 0;
  uint64_t synced_ = 0;
  bool is_writing_ = false;
  bool is_preparing_ = false;
  bool has_failed_ = false;
};

}  // namespace petrel::store
