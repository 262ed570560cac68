// Journal: the one log of a loop, shared by all groups on it. Records gather while the last batch
// is being written; one write + sync is in flight at a time.
//
// Owner: one per loop. Thread: its loop.
// Limits: gathered bytes at most JournalOptions::gather_bytes_max (append then answers kFull);
// segments start at 1 MiB and double with the rate to 64 MiB.
// Errors: a failed write or sync is final for what it carried (Listener::on_failed), never retried
// as success. A full disk is not: the reserve is given up for what must go on (is_disk_full), and
// append answers kFull when that is used up too; both end when there is room again.
// Destruction: after the disk is idle or gone.
// Source: architecture section 4 (journal rules), D5; docs/formats/journal.md.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/store/disk.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::store {

using GroupId = uint64_t;  // unique for all time within a store directory

struct JournalRecord {
  GroupId group = 0;
  uint64_t index = 0;
  uint64_t term = 0;
  uint8_t kind = 0;  // what the owner of the group makes of it; 0xf0 and above are the journal's
  Slice bytes;
};

inline constexpr size_t kJournalSeedBytes = 16;
inline constexpr uint16_t kJournalsMax = 256;  // of one directory at a time

struct JournalOptions {
  std::string directory;
  uint16_t loop = 0;  // below kJournalsMax
  uint64_t segment_bytes_min = 1 << 20;
  uint64_t segment_bytes_max = 64 << 20;
  uint64_t total_bytes_max = 256 << 20;  // half of it: the oldest pinning groups shall checkpoint
  size_t gather_bytes_max = 64 << 20;
  // Kept free for acks, purges and a checkpoint when the disk is full; 0: nothing.
  uint64_t reserve_bytes = 4 << 20;
  // 32 bytes, or empty: records are not encrypted.
  std::string key = {};
  // 16 bytes from a source of secrets, fresh for each open. REQUIRED with a key.
  std::string seed = {};
};

class Journal {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // Every record up to `position` is on disk.
    virtual void on_synced(uint64_t position) = 0;
    // Records above the last synced position are not, and will not be by themselves.
    virtual void on_failed(int error, uint64_t last_synced) = 0;
    // The group holds back the oldest segment: it should checkpoint soon.
    virtual void on_checkpoint_wanted(GroupId group) = 0;
  };
  virtual ~Journal() = default;

  // Waits until it takes records; kFull: there is no room for it. Once, after begin_journal.
  virtual Status await_room() { return Status::ok(); }
  // Adds a record to the gathering batch. Returns its position (strictly ascending), or kFull.
  virtual Result<uint64_t> append(const JournalRecord& record) = 0;
  // Begins to write what was gathered unless a write is in flight; what gathers meanwhile follows
  // by itself.
  virtual void commit() = 0;
  // Once per turn, instead of commit: after a batch of several records it waits a moment, for those
  // who were answered send again at once, and one batch costs little more than half a batch. True:
  // it waits and wants another turn within some 50 us.
  virtual bool turn(Instant /*now*/) {
    commit();
    return false;
  }
  // Records of the group with index <= `index` are not needed any more (checkpointed).
  virtual void release(GroupId group, uint64_t index) = 0;
  // A checkpoint that was wanted failed: the group is asked again while it holds something back.
  virtual void checkpoint_failed(GroupId group) = 0;
  // The group is gone with all its records. They are let go once old_journals_removed was called:
  // until then what an old journal says of the group would bring it back.
  virtual void forget(GroupId group) = 0;
  // What read_journals found is not on the disk any more (remove_journals), or nothing was.
  virtual void old_journals_removed() = 0;
  virtual uint64_t synced_position() const = 0;
  virtual uint64_t bytes_on_disk() const = 0;
  // The reserve is in use: take no publishes, so that acks, purges and checkpoints still fit.
  virtual bool is_disk_full() const = 0;
};

// What recovery found: the records of all journals of the store directory (whatever loop wrote
// them), in order of index within each group. Torn tails are cut, damage in the middle is an error
// that names file and offset.
class JournalTail {
 public:
  virtual ~JournalTail() = default;
  virtual std::vector<GroupId> groups() const = 0;
  // The files that were read, for remove_journals once every group is checkpointed.
  virtual std::vector<std::string> files() const = 0;
  // Calls `visit` for each record of the group in order of index. A gap behind what the group has
  // in its checkpoint is damage that only the caller can see.
  virtual Status visit(GroupId group, const std::function<void(const JournalRecord&)>& visit) = 0;
};

// At start: reads all journals under `directory`. `keys`: what they may be encrypted with.
Result<std::unique_ptr<JournalTail>> read_journals(Disk& disk, const std::string& directory,
                                                   const std::vector<std::string>& keys = {});
// Removes the files of a tail one after the other, oldest first, so that nothing old outlives what
// was written after it. `done`: of the first that cannot be removed; the rest is kept.
void remove_journals(Disk& disk, std::vector<std::string> files, Disk::Done done);
// A fresh journal of one loop, beside what read_journals found.
Result<std::unique_ptr<Journal>> open_journal(Disk& disk, const JournalOptions& options,
                                              Journal::Listener& listener);
// The same without waiting for its first file; await_room() does.
Result<std::unique_ptr<Journal>> begin_journal(Disk& disk, const JournalOptions& options,
                                               Journal::Listener& listener);

}  // namespace petrel::store
