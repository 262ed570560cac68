// IdRuns: the message ids of a stream that are on disk: runs in the order their ids came, written
// from what is in memory and merged eight at a time, both in bounded steps.
//
// Owner: MessageIds of a file store. Thread: its home loop.
// A run counts once it was synced. Its file goes when a checkpoint that does not name it is on
// disk. Errors: a run that cannot be written is begun anew later; until then its ids stay in
// memory. Source: docs/formats/message-ids.md; docs/design/014-message-ids-on-disk.md.
#pragma once

#include "store/id_run.h"

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/store/dedupe.h"
#include "petrel/store/disk.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace petrel::store {

// What one checkpoint record says of message ids.
struct IdsRecord {
  WallTime expired = {};  // ids up to this time are forgotten
  uint64_t recent = 0;    // so many of the last that were added count besides the runs
  std::vector<IdRunRecord> runs;
  std::string added;  // since the record before; all of `recent` in a full record
};

class IdRuns {
 public:
  IdRuns(Disk& disk, FrameCodec& codec, std::string directory,
         std::function<Status()> make_directory)
      : disk_(disk),
        codec_(codec),
        directory_(std::move(directory)),
        make_directory_(std::move(make_directory)) {}

  // --- open ---
  // A file that was found in the directory.
  void on_file(uint64_t id);
  void restore(const std::vector<IdRunRecord>& runs);

  // --- lookups ---
  bool empty() const { return runs_.empty(); }
  struct Wanted {
    Slice id;
    uint64_t hash = 0;
    uint64_t before = 0;   // only runs with ids that came before the one with this number
    WallTime oldest = {};  // and with ids after this time
  };
  // The newest one.
  IdLookup find(const Wanted& wanted, Dedupe::Entry& found) const;
  void visit(const std::function<void(const Dedupe::Entry&)>& visit) const;
  size_t memory() const;
  // What was found damaged and not told yet.
  std::string take_damage();

  // --- changes ---
  // Up to which number ids are in runs.
  uint64_t covered() const { return covered_; }
  bool is_spilling() const { return spill_ != nullptr; }
  // Begins to write what has numbers in [covered, end).
  void begin_spill(const Dedupe& recent);
  // One bounded step of what is under way.
  void step(const Dedupe& recent, WallTime expired);
  void stop();
  // Forgets the oldest runs, as wholes.
  void expire(WallTime expired);

  // --- checkpoints ---
  std::vector<IdRunRecord> describe() const;
  // Files that the checkpoint to be written does not name.
  std::vector<uint64_t> take_removed() { return std::exchange(removed_, {}); }
  void give_back(const std::vector<uint64_t>& removed) {
    removed_.insert(removed_.end(), removed.begin(), removed.end());
  }
  // Whether names are new in the directory.
  bool take_new_names() { return std::exchange(has_new_names_, false); }
  std::string path_of(uint64_t id) const { return directory_ + "/" + id_run_name(id); }
  uint64_t bytes_on_disk() const;

 private:
  struct Held {
    std::unique_ptr<IdRun> run;
    uint64_t first = 0;  // number of its first id; of those from before the start 0
  };
  struct Place {
    uint64_t hash = 0;
    uint64_t position = 0;
  };
  static constexpr size_t kBuckets = 64;
  struct Spill {
    uint64_t first = 0;
    uint64_t end = 0;
    uint64_t gathered = 0;
    std::array<std::vector<Place>, kBuckets> buckets;
    size_t bucket = 0;   // the one that is written
    size_t written = 0;  // of it; 0: it is not sorted yet
    bool is_finished = false;
    std::unique_ptr<IdRunWriter> writer;
  };
  struct Merge {
    std::vector<const IdRun*> inputs;  // oldest first
    std::vector<IdCursor> cursors;
    uint64_t first = 0;
    bool is_finished = false;
    std::unique_ptr<IdRunWriter> writer;
  };

  std::unique_ptr<IdRunWriter> begin_run(uint32_t level, uint64_t entries_max);
  void step_spill(const Dedupe& recent);
  void write_sorted(const Dedupe& recent);
  void choose_merge();
  void step_merge(WallTime expired);
  bool merge_next(WallTime expired);
  void abandon(IdRunWriter& writer);
  void abandon_merge();

  Disk& disk_;
  FrameCodec& codec_;
  const std::string directory_;
  const std::function<Status()> make_directory_;
  std::vector<Held> runs_;  // oldest first
  uint64_t next_id_ = 1;
  uint64_t covered_ = 0;
  bool has_new_names_ = false;
  uint32_t pause_ = 0;  // steps until a run that failed is begun anew
  std::unique_ptr<Spill> spill_;
  std::unique_ptr<Merge> merge_;
  std::vector<uint64_t> removed_;
  mutable std::string damage_;
  mutable uint64_t told_ = 0;  // the run that was told last
};

}  // namespace petrel::store
