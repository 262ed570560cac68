// SegmentPool: files ready to be written by a journal: preallocated, with a synced header. Retired
// ones are used again. When the disk is full the reserve is given up for one more segment.
//
// Owner: a SegmentJournal. Thread: its loop.
// Order: one file is prepared or retired at a time, so that numbers have no gaps and old segments
// vanish oldest first.
#pragma once

#include "store/journal_format.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace petrel::store {

struct PreparedSegment {
  FileId file = 0;
  std::string path;
  uint64_t number = 0;
  uint64_t bytes = 0;  // of the file
};

class SegmentPool {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A segment can be taken.
    virtual void on_prepared() = 0;
    // The disk fails, other than by being full: nobody knows what is on it.
    virtual void on_pool_failed(int error) = 0;
  };

  SegmentPool(Disk& disk, const JournalOptions& options, Owner& owner, uint64_t first_number);
  ~SegmentPool();
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  // Has one prepared that takes `at_least` bytes of records, unless one is being prepared. New ones
  // double in size up to `most` bytes.
  void prepare(uint64_t at_least, uint64_t most);
  // The next one to be taken; null: none is ready.
  const PreparedSegment* next() const { return ready_.empty() ? nullptr : &ready_.front(); }
  // REQUIRES: next() is not null.
  PreparedSegment take();
  // Nothing in it is needed any more.
  void retire(PreparedSegment segment);
  // Looks whether there is room again. Once per turn.
  void tend();

  bool is_disk_full() const { return is_full_; }
  // Nothing can be prepared at present.
  bool is_exhausted() const { return is_full_ && !has_reserve_ && wanted_bytes_ == 0; }
  uint64_t bytes() const;
  SegmentHeader header_of(const PreparedSegment& segment) const;

 private:
  void step();
  void create();
  void on_created(PreparedSegment segment, int error);
  void on_no_room(int error);
  void remove(PreparedSegment segment);
  void write_header(PreparedSegment segment);
  void make_reserve();
  std::string reserve_path() const;
  bool has_room_for(uint64_t bytes);

  Disk& disk_;
  const JournalOptions& options_;
  Owner& owner_;
  const uint64_t journal_;
  uint64_t next_number_;
  uint64_t next_file_;  // in names of files
  uint64_t segment_bytes_;
  uint64_t segment_bytes_max_;
  uint64_t wanted_bytes_ = 0;  // of the next file; 0: none is wanted
  uint64_t needed_bytes_ = 0;  // it must not be smaller
  std::deque<PreparedSegment> ready_;
  std::deque<PreparedSegment> retired_;
  bool is_busy_ = false;  // a file is being prepared or retired
  bool is_full_ = false;
  bool has_reserve_ = false;
  bool is_making_reserve_ = false;
};

}  // namespace petrel::store
