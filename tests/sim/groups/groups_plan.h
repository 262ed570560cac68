// GroupsPlan: what one seed does to many groups on the same nodes. Every class of faults is
// switched by the seed (S3). Thread: values.
#pragma once

#include "sim/raft/plan.h"

#include "petrel/base/time.h"
#include "petrel/raft/multi_raft.h"

#include <cstdint>
#include <string>

namespace petrel::sim {

struct GroupsPlan {
  Plan group;  // of each group; its nodes are those of all
  raft::MultiRaftOptions multi;
  uint32_t groups = 10;
  uint32_t groups_asked = 8;  // by the clients of one turn
  Duration chaos = Duration::seconds(6);
  bool resets = false;    // links lose what is on its way, and both ends are told
  bool corrupts = false;  // bytes of frames change on the way
  bool balances = false;  // leaders move until no node leads many more than another

  static GroupsPlan of_seed(uint64_t seed);
  std::string text() const;
};

}  // namespace petrel::sim
