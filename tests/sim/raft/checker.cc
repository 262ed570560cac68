#include "sim/raft/checker.h"

#include "petrel/base/hash.h"

#include <algorithm>

namespace petrel::sim {

namespace {

constexpr raft::LogIndex kLookBack = 64;

std::string at(uint64_t node, raft::LogIndex index) {
  return " (node " + std::to_string(node) + ", index " + std::to_string(index) + ")";
}

}  // namespace

void Checker::on_history(const raft::Entry& entry) {
  committed_.push_back({entry.term, entry.term, hash_bytes(entry.data.bytes())});
}

void Checker::on_leader(uint64_t node, const raft::RaftNode& raft) {
  const raft::Term term = raft.term();
  const auto [known, is_first] = leaders_.emplace(term, node);
  if (!is_first && known->second != node) {
    return fail("two leaders in term " + std::to_string(term) + ": nodes " +
                std::to_string(known->second) + " and " + std::to_string(node));
  }
  const raft::LogIndex lowest = committed_.size() > kLookBack ? committed_.size() - kLookBack : 0;
  for (raft::LogIndex index = committed_.size(); index > lowest; --index) {
    const Committed& entry = committed_[index - 1];
    if (entry.by_term >= term) continue;
    const auto held = raft.term_at(index);
    const bool is_compacted = !held.is_ok() && raft.view().first > index;
    if (!is_compacted && (!held.is_ok() || *held != entry.term)) {
      return fail("a leader lacks a committed entry" + at(node, index));
    }
  }
}

void Checker::on_committed(uint64_t node, const raft::RaftNode& raft, raft::LogIndex from) {
  const bool is_leader = raft.role() == raft::RaftRole::kLeader;
  if (is_leader && raft.entry(raft.commit()).term != raft.term()) {
    return fail("a leader commits an entry of an earlier term by itself" + at(node, raft.commit()));
  }
  for (raft::LogIndex index = from + 1; index <= raft.commit(); ++index) {
    const raft::Entry& entry = raft.entry(index);
    const Committed seen{entry.term, raft.term(), hash_bytes(entry.data.bytes())};
    if (index > committed_.size() + 1) {
      return fail("committed beyond what anybody committed" + at(node, index));
    }
    if (index == committed_.size() + 1) {
      committed_.push_back(seen);
      continue;
    }
    Committed& known = committed_[index - 1];
    if (known.term != seen.term || known.hash != seen.hash) {
      return fail("different entries committed" + at(node, index));
    }
    known.by_term = std::min(known.by_term, seen.by_term);
  }
}

void Checker::on_applied(uint64_t node, raft::LogIndex index, uint64_t state_hash) {
  if (index == 0) return;
  if (states_.size() < index) states_.resize(index);
  uint64_t& known = states_[index - 1];
  if (known == 0) known = state_hash;
  if (known != state_hash) fail("different state" + at(node, index));
}

void Checker::on_acknowledged(raft::LogIndex index, raft::Term term, bool on_majority) {
  ++acknowledgements_;
  acknowledged_ = std::max(acknowledged_, index);
  if (index > committed_.size() || committed_[index - 1].term != term) {
    return fail("acknowledged what is not committed" + at(0, index));
  }
  if (!on_majority) fail("acknowledged what a majority has not on disk" + at(0, index));
}

void Checker::on_read(raft::LogIndex granted, raft::LogIndex acknowledged_before) {
  if (granted < acknowledged_before) {
    fail("a read at " + std::to_string(granted) + " misses what was acknowledged at " +
         std::to_string(acknowledged_before));
  }
}

}  // namespace petrel::sim
