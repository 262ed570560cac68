#include "raft/raft_log.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <iterator>

namespace petrel::raft {

RaftLog::RaftLog(const SnapshotMeta& base) : base_index_(base.index), base_term_(base.term) {
  memberships_.emplace_back(base.index, base.membership);
}

std::optional<Term> RaftLog::term_at(LogIndex index) const {
  if (index == base_index_) return base_term_;
  if (!has(index)) return std::nullopt;
  return entry(index).term;
}

bool RaftLog::matches(LogIndex index, Term term) const {
  const std::optional<Term> known = term_at(index);
  return known.has_value() && *known == term;
}

LogIndex RaftLog::last_with_term_up_to(LogIndex index, Term term) const {
  LogIndex low = base_index_;
  LogIndex high = std::min(index, last_index());
  if (high <= low) return low;
  while (low < high) {  // terms never fall along the log
    const LogIndex middle = low + (high - low + 1) / 2;
    if (entry(middle).term <= term) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

void RaftLog::append(Entry entry) {
  PETREL_CHECK(entry.index == last_index() + 1);
  PETREL_CHECK(entry.term >= last_term());
  bytes_ += entry_cost(entry);
  if (entry.kind == EntryKind::kMembership) {
    Result<Membership> membership = Membership::decode(entry.data.bytes());
    PETREL_CHECK(membership.is_ok());
    memberships_.emplace_back(entry.index, *std::move(membership));
  }
  entries_.push_back(std::move(entry));
}

void RaftLog::truncate_from(LogIndex index) {
  PETREL_CHECK(index > base_index_);
  while (last_index() >= index) {
    bytes_ -= entry_cost(entries_.back());
    entries_.pop_back();
  }
  while (memberships_.size() > 1 && memberships_.back().first >= index) memberships_.pop_back();
}

void RaftLog::compact(LogIndex index, uint64_t retain_bytes) {
  LogIndex base = base_index_;
  uint64_t left = bytes_;
  while (base < index && left > retain_bytes) {
    left -= entry_cost(entry(base + 1));
    ++base;
  }
  if (base > base_index_) drop_front(base, *term_at(base));
}

void RaftLog::drop_front(LogIndex base, Term base_term) {
  const size_t count = base - base_index_;
  for (size_t i = head_; i < head_ + count; ++i) {
    bytes_ -= entry_cost(entries_[i]);
    entries_[i].data = Payload();
  }
  head_ += count;
  base_index_ = base;
  base_term_ = base_term;
  if (head_ == entries_.size()) {
    entries_.clear();
    head_ = 0;
    if (entries_.capacity() > 64) entries_.shrink_to_fit();
  } else if (head_ > entries_.size() / 2) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  // Keep the last membership at or below the new base as the one that holds there.
  auto keep = memberships_.begin();
  while (std::next(keep) != memberships_.end() && std::next(keep)->first <= base) ++keep;
  memberships_.erase(memberships_.begin(), keep);
}

void RaftLog::reset(const SnapshotMeta& base) {
  entries_.clear();
  head_ = 0;
  bytes_ = 0;
  base_index_ = base.index;
  base_term_ = base.term;
  memberships_.assign(1, {base.index, base.membership});
}

std::pair<LogIndex, const Membership*> RaftLog::holding_at(LogIndex index) const {
  for (auto at = memberships_.rbegin(); at != memberships_.rend(); ++at) {
    if (at->first <= index) return {at->first, &at->second};
  }
  return {memberships_.front().first, &memberships_.front().second};
}

}  // namespace petrel::raft
