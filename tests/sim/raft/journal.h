// Journal: one replica's log and hard state on a SimDisk, as a driver of the server would keep
// them. Records carry a checksum, the number of their batch and their own place in the file;
// batches are synced one after another, so a record of batch n proves that batch n-1 was durable. A
// bad record that such a proof follows is damage; without it the last write was torn and promised
// nothing. A good record at another place than its own is damage too: the disk put a write over
// older ones. What it says about the length of the log and about votes still counts.
#pragma once

#include "sim/world/sim_disk.h"

#include "petrel/raft/ready.h"

#include <optional>
#include <string>
#include <vector>

namespace petrel::sim {

// What the state machine had at some index, as it lies in the file "checkpoint".
struct Checkpoint {
  raft::SnapshotMeta meta;
  std::string state;
};

// What a restart finds.
struct Recovered {
  raft::HardState hard;
  std::optional<Checkpoint> checkpoint;
  std::vector<raft::Entry> entries;
  raft::LogRange damage;
};

class Journal {
 public:
  explicit Journal(SimDisk& disk) : disk_(&disk) {}

  void add(const raft::Entry& entry);
  // Writes what was added, and `hard` as the end of the batch, and starts a sync.
  void start_batch(const raft::HardState& hard);
  Status finish_batch();

  void save_checkpoint(const Checkpoint& checkpoint);
  void reset_after_snapshot(const Checkpoint& checkpoint, const raft::HardState& hard);
  // Rewrites the file without what the checkpoint covers. REQUIRES: nothing unwritten or in flight.
  void rotate_if_large(const raft::HardState& hard);

  Recovered recover();  // after a crash
  // Damages a byte that an earlier batch made durable. False: there is none.
  bool damage_old_batch(Prng& prng);
  // The next batch is written over older ones instead of after them, once per file.
  void misdirect_next_batch(Prng& prng);

  bool holds_durably(raft::LogIndex index, raft::Term term) const;
  const raft::HardState& durable_hard() const { return hard_synced_; }

 private:
  struct Scan;
  void add(const raft::HardState& hard);
  void add_record(char type, const std::string& body);
  void rewrite(const raft::HardState& hard);
  void drop_covered();
  void scan_file(Scan& scan) const;
  static void scan_record(Scan& scan, Slice payload, uint64_t at);
  static void break_off(Scan& scan);

  SimDisk* disk_;
  std::string buffer_;
  uint64_t offset_ = 0;
  uint64_t rewritten_bytes_ = 0;
  uint64_t misdirect_to_ = 0;
  bool is_misdirected_ = false;  // in this file
  uint64_t batch_ = 1;
  uint64_t old_end_ = 0;    // bytes of batches before the last durable one
  uint64_t batch_end_ = 0;  // bytes of all durable batches
  SimDisk::Ticket ticket_ = 0;
  std::optional<Checkpoint> checkpoint_;
  std::vector<raft::Entry> entries_;  // as handed over, after the checkpoint or an earlier one
  // Per entry in entries_: durable. Kept as the index up to which all are.
  raft::HardState hard_syncing_;
  raft::HardState hard_synced_;
  raft::LogIndex synced_last_ = 0;
  raft::LogIndex syncing_last_ = 0;
};

}  // namespace petrel::sim
