#include "petrel/raft/leader_balance.h"

#include <algorithm>
#include <unordered_map>

namespace petrel::raft {

namespace {

bool has_voter(const GroupLead& group, NodeId node) {
  return std::find(group.voters.begin(), group.voters.end(), node) != group.voters.end();
}

}  // namespace

std::vector<LeaderMove> plan_leader_moves(std::span<const GroupLead> groups, NodeId self,
                                          size_t moves_max) {
  std::unordered_map<NodeId, size_t> led;
  for (const GroupLead& group : groups) ++led[group.leader];
  std::vector<LeaderMove> moves;
  const auto move = [&](const GroupLead& group, NodeId to) {
    moves.push_back({group.group, to});
    --led[self];
    ++led[to];
  };
  for (const GroupLead& group : groups) {  // home first
    if (moves.size() >= moves_max) return moves;
    const bool is_away = group.leader == self && group.preferred != self;
    if (is_away && has_voter(group, group.preferred)) move(group, group.preferred);
  }
  for (const GroupLead& group : groups) {
    if (moves.size() >= moves_max) return moves;
    if (group.leader != self || has_voter(group, group.preferred)) continue;
    NodeId least = self;
    for (NodeId voter : group.voters) {
      if (voter != self && (least == self || led[voter] < led[least])) least = voter;
    }
    if (least != self && led[self] >= led[least] + 2) move(group, least);
  }
  return moves;
}

}  // namespace petrel::raft
