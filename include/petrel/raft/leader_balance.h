// Leader balance: which groups a node should hand over so that all nodes lead about as many.
// A pure plan; the owner carries out each move with RaftNode::transfer_leadership, a few at a time.
// Thread: any.
#pragma once

#include "petrel/raft/entry.h"

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace petrel::raft {

struct GroupLead {
  GroupId group = 0;
  NodeId leader = kNoNode;
  std::vector<NodeId> voters;  // that answer and have caught up
  NodeId preferred = kNoNode;  // goes first when it is among the voters
};

struct LeaderMove {
  GroupId group = 0;
  NodeId to = kNoNode;
  friend bool operator==(const LeaderMove&, const LeaderMove&) = default;
};

// At most `moves_max` moves away from `self`. Groups go home to their preferred node; beyond that a
// group moves only while `self` leads at least two more than the node it moves to.
std::vector<LeaderMove> plan_leader_moves(std::span<const GroupLead> groups, NodeId self,
                                          size_t moves_max);

}  // namespace petrel::raft
