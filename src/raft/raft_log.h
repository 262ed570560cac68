// RaftLog: the entries of one group that are in memory, and which membership holds where.
// It starts after `base`, an index whose term is known though its entry is gone. Entries between
// base and the owner's checkpoint are kept for slow followers, up to a byte limit. Owner: RaftCore.
// Thread: owner only.
#pragma once

#include "petrel/raft/entry.h"
#include "petrel/raft/message.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace petrel::raft {

class RaftLog {
 public:
  explicit RaftLog(const SnapshotMeta& base);

  LogIndex base_index() const { return base_index_; }
  Term base_term() const { return base_term_; }
  LogIndex first_index() const { return base_index_ + 1; }
  LogIndex last_index() const { return base_index_ + (entries_.size() - head_); }
  Term last_term() const { return entries_.size() == head_ ? base_term_ : entries_.back().term; }
  uint64_t bytes() const { return bytes_; }

  bool has(LogIndex index) const { return index > base_index_ && index <= last_index(); }
  const Entry& entry(LogIndex index) const { return entries_[head_ + (index - base_index_ - 1)]; }
  // The term at `index`, which may be the base; empty when it is not known.
  std::optional<Term> term_at(LogIndex index) const;
  bool matches(LogIndex index, Term term) const;
  // The largest index, at most `index`, whose term is at most `term`: where a diverged log may
  // still agree. The base when nothing above it fits.
  LogIndex last_with_term_up_to(LogIndex index, Term term) const;

  // REQUIRES: the next index, a term that does not fall; a membership entry decodes.
  void append(Entry entry);
  void truncate_from(LogIndex index);
  // Moves the base up to `index` at most, keeping the newest entries worth `retain_bytes`.
  void compact(LogIndex index, uint64_t retain_bytes);
  // Replaces everything: the log now starts after `base`.
  void reset(const SnapshotMeta& base);

  const Membership& membership() const { return memberships_.back().second; }
  LogIndex membership_index() const { return memberships_.back().first; }
  const Membership& membership_at(LogIndex index) const { return *holding_at(index).second; }
  // Where the membership that holds at `index` stands, and the membership.
  std::pair<LogIndex, const Membership*> holding_at(LogIndex index) const;

 private:
  void drop_front(LogIndex base, Term base_term);

  std::vector<Entry> entries_;  // the first head_ of them are dropped already
  size_t head_ = 0;
  LogIndex base_index_;
  Term base_term_;
  uint64_t bytes_ = 0;
  std::vector<std::pair<LogIndex, Membership>> memberships_;  // the first holds at the base
};

}  // namespace petrel::raft
