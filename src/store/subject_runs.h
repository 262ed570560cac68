// SubjectRuns: what a SubjectTable knows of subjects that are not in memory: sorted runs, the newer
// of which override the older. RunMerge: several runs as one.
//
// Owner: a SubjectTable. Thread: its home loop.
// Merges: a run is merged with the ones after it when they have become as large together, so that
// a subject is written about log2(runs) times and a lookup asks few bloom filters.
#pragma once

#include "store/sorted_run.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace petrel::store {

struct SubjectCounts {
  uint64_t first = 0;
  uint64_t last = 0;
  uint32_t messages = 0;  // 0: the subject is gone
  bool first_is_stale = false;
  bool last_is_stale = false;
};

std::string encode_counts(const SubjectCounts& counts);
SubjectCounts decode_counts(Slice value);

class RunMerge {
 public:
  // Oldest first.
  explicit RunMerge(const std::vector<const SortedRun*>& runs);
  void seek(Slice key);
  void next();
  bool is_at_end() const { return same_.empty(); }
  // At the end, because a block could not be read.
  bool is_damaged() const { return is_damaged_; }
  Slice key() const { return cursors_[same_.front()].key(); }
  // Of the newest run that holds the key.
  SubjectCounts newest() const;
  // Of all runs that hold it together.
  SubjectCounts sum() const;

 private:
  bool is_behind(size_t a, size_t b) const;
  void enter(size_t cursor);
  void gather();

  std::vector<RunCursor> cursors_;
  std::vector<size_t> heap_;
  std::vector<size_t> same_;  // those that stand at the least key
  bool is_damaged_ = false;
};

class SubjectRuns {
 public:
  SubjectRuns(Disk& disk, std::string directory, uint64_t& next_id)
      : disk_(disk), directory_(std::move(directory)), next_id_(next_id) {}

  enum class Answer : uint8_t { kMissing, kFound, kDamaged };
  // `hash`: hash_bytes(subject).
  Answer find(Slice subject, uint64_t hash, SubjectCounts& counts);
  bool is_empty() const { return runs_.empty(); }
  std::vector<const SortedRun*> all() const;

  std::unique_ptr<SortedRun> begin_run(size_t keys_max) {
    return std::make_unique<SortedRun>(disk_, directory_, next_id_++, keys_max);
  }
  // The newest one from now on.
  void adopt(std::unique_ptr<SortedRun> run) { runs_.push_back(std::move(run)); }
  void clear();
  // All runs become one, in which each subject has the sum of what they say. `may_drain`: the disk
  // is waited for. False: damaged.
  bool sum_up(uint64_t& subjects, bool may_drain);

  // Merges about this many entries. True: there is more to do.
  bool step_merge(size_t entries);
  // A merge met a damaged block.
  bool is_damaged() const { return is_damaged_; }
  void retry_writes();
  size_t unwritten_bytes() const;
  size_t memory_bytes() const;

 private:
  struct Merge {
    size_t at = 0;  // runs at this place and behind it
    size_t count = 0;
    RunMerge input;
    std::unique_ptr<SortedRun> output;
  };
  struct CachedBlock {
    uint64_t run = 0;
    size_t block = 0;
    std::string bytes;
  };

  bool choose_merge();
  const std::string* block(const SortedRun& run, size_t block);

  Disk& disk_;
  const std::string directory_;
  uint64_t& next_id_;
  std::vector<std::unique_ptr<SortedRun>> runs_;  // oldest first
  std::unique_ptr<Merge> merge_;
  bool is_damaged_ = false;
  std::vector<CachedBlock> cache_;
};

}  // namespace petrel::store
