// The clients of a RaftWorld: proposals and reads, and what must hold when they are answered.
#include "sim/raft/raft_world.h"

#include <string>

namespace petrel::sim {

int RaftWorld::find_leader() const {
  int found = -1;
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    if (!replicas_[node]->is_up() || paused_until_[node] > now()) continue;
    const raft::RaftNode& raft = replicas_[node]->raft();
    if (raft.role() != raft::RaftRole::kLeader) continue;
    if (found < 0 || raft.term() > replicas_[static_cast<uint32_t>(found)]->raft().term()) {
      found = static_cast<int>(node);
    }
  }
  return found;
}

// Clients do not know better than to ask whoever thinks to be leader, sometimes anybody.
void RaftWorld::client_turn() {
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    if (!replicas_[node]->is_up() || paused_until_[node] > now()) continue;
    const bool is_leader = replicas_[node]->raft().role() == raft::RaftRole::kLeader;
    if (is_leader || prng_.chance(20)) propose_to(node);
    if (prng_.chance(is_leader ? 150 : 30)) read_from(node);
    watch(node);
  }
}

void RaftWorld::propose_to(uint32_t node) {
  Replica& replica = *replicas_[node];
  std::vector<raft::Payload> batch;
  const uint64_t count = 1 + prng_.below(prng_.chance(100) ? 20 : 3);
  const uint64_t first = operations_ + 1;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t operation = ++operations_;
    std::string bytes(reinterpret_cast<const char*>(&operation), sizeof(operation));
    bytes.append(prng_.below(40), 'x');
    batch.push_back(raft::Payload::copy_of(bytes));
  }
  const Result<raft::LogRange> range = replica.raft().propose(batch);
  if (range.is_ok()) {
    for (raft::LogIndex i = range->first; i <= range->last; ++i) {
      proposals_[node][i] = {replica.raft().term(), first + (i - range->first)};
    }
  }
  replica.turn();
}

void RaftWorld::read_from(uint32_t node) {
  const uint64_t context = ++operations_;
  const raft::LogIndex acknowledged = checker_.acknowledged();
  if (replicas_[node]->raft().read_index(context).is_ok()) reads_[context] = acknowledged;
  replicas_[node]->turn();
}

void RaftWorld::on_applied(uint32_t node, const raft::Entry& entry) {
  auto& waiting = proposals_[node];
  const auto found = waiting.find(entry.index);
  if (found == waiting.end()) return;
  const Proposal proposal = found->second;
  waiting.erase(waiting.begin(), ++waiting.find(entry.index));
  if (proposal.term != entry.term) return;  // lost to another leader: no answer
  checker_.on_acknowledged(entry.index, entry.term, is_on_majority(node, entry.index, entry.term));
}

void RaftWorld::on_read(uint32_t, const raft::ReadGrant& grant) {
  const auto found = reads_.find(grant.context);
  if (found == reads_.end()) return;
  if (!grant.refused) checker_.on_read(grant.index, found->second);
  reads_.erase(found);
}

bool RaftWorld::is_on_majority(uint32_t node, raft::LogIndex index, raft::Term term) const {
  // Damaged disks have held it when they said so.
  if (plan_.damage) return true;
  const raft::RaftNode& leader = replicas_[node]->raft();
  // The membership that committed the entry is the one of then or of now; either may be asked.
  const auto holds_for = [&](const raft::Membership& membership) {
    size_t incoming = 0;
    size_t outgoing = 0;
    for (const raft::Member& member : membership.members()) {
      if (!replicas_[member.node - 1]->holds_durably(index, term)) continue;
      incoming += member.has(raft::kVoter);
      outgoing += member.has(raft::kOutgoing);
    }
    const size_t outgoing_all = membership.count(raft::kOutgoing);
    return incoming > membership.count(raft::kVoter) / 2 &&
           (outgoing_all == 0 || outgoing > outgoing_all / 2);
  };
  return holds_for(leader.membership_at(index)) || holds_for(leader.membership()) ||
         plan_.memberships || plan_.is_volatile;
}

// A lease says that nobody else can be leader: a new one proves it wrong.
void RaftWorld::check_leases(uint32_t new_leader) {
  const raft::Term term = replicas_[new_leader]->raft().term();
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    if (node == new_leader || !replicas_[node]->is_up()) continue;
    const raft::RaftNode& raft = replicas_[node]->raft();
    if (raft.term() < term && raft.has_lease(replicas_[node]->clock().read(now()))) {
      checker_.fail("node " + std::to_string(node + 1) + " has a lease while node " +
                    std::to_string(new_leader + 1) + " becomes leader");
    }
  }
}

}  // namespace petrel::sim
