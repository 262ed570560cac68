// Checker: knows what all replicas did and says at once when they contradict each other.
//   one leader per term; a new leader holds everything committed before its term;
//   a leader commits through entries of its own term only; what is committed at an index never
//   differs; equal state at equal index; what was acknowledged is on the disks of a majority; reads
//   see what was acknowledged before them; while a leader has a lease nobody else becomes leader.
#pragma once

#include "petrel/raft/raft_node.h"

#include <map>
#include <string>
#include <vector>

namespace petrel::sim {

class Checker {
 public:
  // What was committed before anybody looked, from index 1 on.
  void on_history(const raft::Entry& entry);
  void on_leader(uint64_t node, const raft::RaftNode& raft);
  void on_committed(uint64_t node, const raft::RaftNode& raft, raft::LogIndex from);
  void on_applied(uint64_t node, raft::LogIndex index, uint64_t state_hash);
  void on_acknowledged(raft::LogIndex index, raft::Term term, bool on_majority);
  void on_read(raft::LogIndex granted, raft::LogIndex acknowledged_before);
  void fail(std::string text) {
    if (failure_.empty()) failure_ = std::move(text);
  }

  bool has_failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  raft::LogIndex committed() const { return committed_.size(); }
  raft::LogIndex acknowledged() const { return acknowledged_; }
  uint64_t acknowledgements() const { return acknowledgements_; }

 private:
  struct Committed {
    raft::Term term;
    raft::Term by_term;  // the term in which it was first seen to be committed
    uint64_t hash;
  };
  std::vector<Committed> committed_;  // index 1 first
  std::vector<uint64_t> states_;      // state after index i + 1; 0: not known yet
  std::map<raft::Term, uint64_t> leaders_;
  raft::LogIndex acknowledged_ = 0;
  uint64_t acknowledgements_ = 0;
  std::string failure_;
};

}  // namespace petrel::sim
