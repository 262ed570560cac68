#include "sim/raft/clients.h"

#include <string>
#include <utility>

namespace petrel::sim {

Clients::Clients(const Plan& plan, Checker& checker, Prng& prng, std::vector<Replica*> replicas)
    : plan_(&plan),
      checker_(&checker),
      prng_(&prng),
      replicas_(std::move(replicas)),
      proposals_(replicas_.size()) {}

void Clients::ask(uint32_t node) {
  const bool is_leader = replicas_[node]->raft().role() == raft::RaftRole::kLeader;
  if (is_leader || prng_->chance(20)) propose(node);
  if (prng_->chance(is_leader ? 150 : 30)) read(node);
}

void Clients::propose(uint32_t node) {
  Replica& replica = *replicas_[node];
  std::vector<raft::Payload> batch;
  const uint64_t count = 1 + prng_->below(prng_->chance(100) ? 20 : 3);
  const uint64_t first = operations_ + 1;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t operation = ++operations_;
    std::string bytes(reinterpret_cast<const char*>(&operation), sizeof(operation));
    bytes.append(prng_->below(40), 'x');
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

void Clients::read(uint32_t node) {
  const uint64_t context = ++operations_;
  const raft::LogIndex acknowledged = checker_->acknowledged();
  if (replicas_[node]->raft().read_index(context).is_ok()) reads_[context] = acknowledged;
  replicas_[node]->turn();
}

void Clients::on_applied(const Replica& replica, const raft::Entry& entry) {
  auto& waiting = proposals_[replica.node()];
  const auto found = waiting.find(entry.index);
  if (found == waiting.end()) return;
  const Proposal proposal = found->second;
  waiting.erase(waiting.begin(), ++waiting.find(entry.index));
  if (proposal.term != entry.term) return;  // lost to another leader: no answer
  checker_->on_acknowledged(entry.index, entry.term, is_on_majority(replica, entry));
}

void Clients::on_read(const raft::ReadGrant& grant) {
  const auto found = reads_.find(grant.context);
  if (found == reads_.end()) return;
  if (!grant.refused) checker_->on_read(grant.index, found->second);
  reads_.erase(found);
}

bool Clients::is_on_majority(const Replica& replica, const raft::Entry& entry) const {
  // Damaged disks have held it when they said so.
  if (plan_->damage || plan_->memberships || plan_->is_volatile) return true;
  const auto holds_for = [&](const raft::Membership& membership) {
    size_t incoming = 0;
    size_t outgoing = 0;
    for (const raft::Member& member : membership.members()) {
      if (!replicas_[member.node - 1]->holds_durably(entry.index, entry.term)) continue;
      incoming += member.has(raft::kVoter);
      outgoing += member.has(raft::kOutgoing);
    }
    const size_t outgoing_all = membership.count(raft::kOutgoing);
    return incoming > membership.count(raft::kVoter) / 2 &&
           (outgoing_all == 0 || outgoing > outgoing_all / 2);
  };
  return holds_for(replica.raft().membership());
}

}  // namespace petrel::sim
