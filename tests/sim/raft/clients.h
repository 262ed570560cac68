// Clients: who proposes to one group and reads from it, and what must hold when they are answered.
// Owner: RaftWorld, or GroupsWorld one per group. Thread: one.
#pragma once

#include "sim/raft/checker.h"
#include "sim/raft/plan.h"
#include "sim/raft/replica.h"

#include "petrel/base/prng.h"

#include <map>
#include <vector>

namespace petrel::sim {

class Clients {
 public:
  // REQUIRES: everything outlives this. `replicas`: of one group, by node.
  Clients(const Plan& plan, Checker& checker, Prng& prng, std::vector<Replica*> replicas);

  // They do not know better than to ask whoever thinks to be leader, sometimes anybody.
  void ask(uint32_t node);
  void propose(uint32_t node);
  void read(uint32_t node);

  void on_applied(const Replica& replica, const raft::Entry& entry);
  void on_read(const raft::ReadGrant& grant);
  void on_crash(uint32_t node) { proposals_[node].clear(); }

 private:
  struct Proposal {
    raft::Term term;
    uint64_t operation;
  };
  bool is_on_majority(const Replica& replica, const raft::Entry& entry) const;

  const Plan* plan_;
  Checker* checker_;
  Prng* prng_;
  std::vector<Replica*> replicas_;
  std::vector<std::map<raft::LogIndex, Proposal>> proposals_;
  std::map<uint64_t, raft::LogIndex> reads_;  // context -> acknowledged when it was asked
  uint64_t operations_ = 0;
};

}  // namespace petrel::sim
