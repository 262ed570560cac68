// What goes wrong in a RaftWorld, and how it ends.
#include "sim/raft/raft_world.h"

#include <algorithm>
#include <string>

namespace petrel::sim {

namespace {

constexpr Duration kSuspicionAfter = Duration::millis(160);

}  // namespace

void RaftWorld::break_something() {
  switch (prng_.below(9)) {
    case 0:
    case 1:
      if (plan_.crashes) crash_somebody();
      break;
    case 2:
      if (plan_.pauses) {
        const auto node = static_cast<uint32_t>(prng_.below(plan_.nodes));
        const auto ms = static_cast<int64_t>(1 + prng_.below(1000));
        ++deeds_.pauses;
        expect_news();
        paused_until_[node] = now() + Duration::millis(ms);
        if (has_trace()) {
          trace("node " + std::to_string(node + 1) + " pauses " + std::to_string(ms) + " ms");
        }
      }
      break;
    case 3:
    case 4:
      if (plan_.partitions) cut_network();
      break;
    case 5:
      if (plan_.clocks) disturb_clock();
      break;
    case 6:
      if (plan_.memberships) change_membership();
      break;
    case 7:
      if (plan_.transfers) transfer_leadership();
      break;
    default:
      if (plan_.misdirects && prng_.chance(300)) {
        for (uint32_t node = 0; node < plan_.nodes; ++node) {
          if (((may_be_damaged_ >> node) & 1) == 0 || !replicas_[node]->is_up()) continue;
          replicas_[node]->misdirect_next_batch();
        }
      }
      if (plan_.checkpoints) {
        const auto node = static_cast<uint32_t>(prng_.below(plan_.nodes));
        if (replicas_[node]->is_up()) replicas_[node]->checkpoint();
      }
      break;
  }
}

// A memory log that restarts has lost its part: only as many as the group can spare.
bool RaftWorld::may_crash(uint32_t node) const {
  if (!replicas_[node]->is_up()) return false;
  if (!plan_.is_volatile) return true;
  const int leader = find_leader();
  if (leader < 0) return false;
  const raft::RaftNode& raft = replicas_[static_cast<uint32_t>(leader)]->raft();
  if (raft.view().is_changing || raft.membership().count(raft::kVoter) < 3) return false;
  if (raft.membership().find(node + 1) == nullptr) return true;
  return std::all_of(raft.membership().members().begin(), raft.membership().members().end(),
                     [&](const raft::Member& member) {
                       const Replica& replica = *replicas_[member.node - 1];
                       return member.has(raft::kVoter) && replica.is_up() &&
                              replica.raft().view().is_trusted &&
                              replica.raft().membership() == raft.membership();
                     });
}

void RaftWorld::crash_somebody() {
  const auto crash_one = [&](uint32_t node) {
    if (!may_crash(node)) return;
    if (plan_.damage && ((may_be_damaged_ >> node) & 1) != 0 && prng_.chance(500)) {
      if (has_trace()) trace("node " + std::to_string(node + 1) + " loses bits");
      replicas_[node]->damage_on_next_crash();
    }
    crash_replica(node, Duration::millis(1 + static_cast<int64_t>(prng_.below(2000))));
  };
  if (!plan_.is_volatile && prng_.chance(150)) {  // the power fails everywhere
    ++deeds_.power_failures;
    for (uint32_t node = 0; node < plan_.nodes; ++node) crash_one(node);
    return;
  }
  const int leader = find_leader();
  const bool takes_leader = leader >= 0 && prng_.chance(400);
  crash_one(takes_leader ? static_cast<uint32_t>(leader)
                         : static_cast<uint32_t>(prng_.below(plan_.nodes)));
}

void RaftWorld::cut_network() {
  network_.mend_all();
  // Links that healed carry heartbeats again: silence counts anew.
  std::fill(silent_.begin(), silent_.end(), false);
  const auto a = static_cast<uint32_t>(prng_.below(plan_.nodes));
  const auto b = static_cast<uint32_t>(prng_.below(plan_.nodes));
  const auto side = static_cast<uint32_t>(prng_.below(1U << plan_.nodes));
  const int leader = find_leader();
  const uint64_t kind = prng_.below(6);
  switch (kind) {
    case 0:
      network_.partition(side);
      break;
    case 1:
      network_.partition_with_bridge(side, a);
      break;
    case 2:
      if (a != b) network_.cut(a, b);
      break;
    case 3:
      network_.isolate(a);
      break;
    case 4:
      if (leader >= 0) network_.isolate(static_cast<uint32_t>(leader));
      break;
    default:
      break;  // healed
  }
  if (kind < deeds_.cuts.size()) ++deeds_.cuts[kind];
  expect_news();
  if (has_trace()) {
    static constexpr const char* kNames[] = {"sides", "bridge",       "one way",
                                             "alone", "leader alone", "whole"};
    trace(std::string("network: ") + kNames[kind]);
  }
}

void RaftWorld::disturb_clock() {
  const auto node = static_cast<uint32_t>(prng_.below(plan_.nodes));
  SimClock& clock = clocks_[node];
  const uint64_t kind = prng_.below(3);
  if (kind == 0) {
    ++deeds_.skews;
    clock.set_rate(now(), 850 + static_cast<uint32_t>(prng_.below(300)));
  } else if (kind == 1) {
    ++deeds_.jumps;
    clock.jump(now(), Duration::millis(static_cast<int64_t>(prng_.below(5000))));
  } else {
    ++deeds_.freezes;
    frozen_until_[node] = now() + Duration::millis(static_cast<int64_t>(prng_.below(300)));
    clock.freeze_until(now(), frozen_until_[node]);
  }
  if (has_trace()) trace("clock of node " + std::to_string(node + 1) + " disturbed");
}

void RaftWorld::change_membership() {
  const int leader = find_leader();
  if (leader < 0) return;
  Replica& replica = *replicas_[static_cast<uint32_t>(leader)];
  const raft::Membership today = replica.raft().membership();
  std::vector<raft::Member> members(today.members().begin(), today.members().end());
  const raft::NodeId node = 1 + prng_.below(plan_.nodes);
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const raft::Member& member) { return member.node == node; });
  if (found == members.end()) {
    const uint32_t life = plan_.is_volatile ? replicas_[node - 1]->life() - 1 : 0;
    members.push_back({.node = node, .incarnation = life, .roles = raft::kLearner});
  } else if (found->has(raft::kLearner)) {
    found->roles = raft::kVoter;
    // Often in exchange for another voter, so that both sets of the joint membership matter.
    const auto other =
        std::find_if(members.begin(), members.end(), [&](const raft::Member& member) {
          return member.has(raft::kVoter) && member.node != node && prng_.chance(400);
        });
    if (other != members.end() && prng_.chance(700)) members.erase(other);
  } else if (today.count(raft::kVoter) > (plan_.is_volatile ? 3U : 1U)) {
    members.erase(found);
  } else {
    return;
  }
  const raft::Membership target(std::move(members));
  // Often along a line that the new and the old majority do not share.
  if (plan_.partitions && prng_.chance(400)) {
    network_.mend_all();
    std::fill(silent_.begin(), silent_.end(), false);
    network_.partition(static_cast<uint32_t>(prng_.below(1U << plan_.nodes)));
    ++deeds_.cuts[0];
    expect_news();
  }
  const auto index = replica.raft().propose_membership(target);
  deeds_.memberships += index.is_ok();
  if (has_trace()) {
    trace("membership " + target.text() + (index.is_ok() ? " proposed" : " refused"));
  }
  replica.turn();
}

void RaftWorld::transfer_leadership() {
  const int leader = find_leader();
  if (leader < 0) return;
  Replica& replica = *replicas_[static_cast<uint32_t>(leader)];
  const raft::NodeId to = 1 + prng_.below(plan_.nodes);
  const Status status = replica.raft().transfer_leadership(to);
  deeds_.transfers += status.is_ok();
  if (has_trace()) {
    trace("transfer to node " + std::to_string(to) + (status.is_ok() ? "" : " refused"));
  }
  replica.turn();
}

void RaftWorld::expect_news() {
  if (is_news_due_) return;
  is_news_due_ = true;
  queue_.push(now() + kSuspicionAfter, {EventKind::kNews, 0, 0});
}

// What failure detectors would say: who has been silent for two looks in a row is suspected.
void RaftWorld::tell_suspicions() {
  bool is_any_silent = false;
  for (uint32_t observer = 0; observer < plan_.nodes; ++observer) {
    for (uint32_t node = 0; node < plan_.nodes; ++node) {
      const size_t place = observer * plan_.nodes + node;
      const bool is_silent =
          node != observer && (!replicas_[node]->is_up() || paused_until_[node] > now() ||
                               network_.is_cut(node, observer));
      const bool was_silent = silent_[place];
      silent_[place] = is_silent;
      is_any_silent = is_any_silent || is_silent;
      if (!is_silent || !was_silent || !replicas_[observer]->is_up()) continue;
      if (paused_until_[observer] > now()) continue;
      ++deeds_.suspicions;
      replicas_[observer]->raft().on_node_suspected(node + 1,
                                                    static_cast<uint32_t>(prng_.below(20)));
      replicas_[observer]->turn();
      watch(observer);
    }
  }
  if (is_any_silent) expect_news();
}

void RaftWorld::start_faults() {
  if (has_trace()) trace("faults begin");
  network_.set_options(plan_.network);
  plan_.disk = faulty_disk_;
  for (auto& replica : replicas_) replica->disk().set_options(plan_.disk);
  client_every_ = plan_.client_every;
  queue_.push(now() + client_every_, {EventKind::kClient, 0, ++client_turn_});
  queue_.push(now() + Duration::seconds(1), {EventKind::kFault, 0, ++fault_turn_});
}

void RaftWorld::stop_faults() {
  ++fault_turn_;
  if (has_trace()) trace("faults stop");
  network_.mend_all();
  network_.set_options({});
  plan_.disk = {};
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    paused_until_[node] = Instant{};
    replicas_[node]->disk().set_options(plan_.disk);
    clocks_[node].set_rate(now(), 1000);
    clocks_[node].freeze_until(now(), now());
    frozen_until_[node] = Instant{};
    if (!replicas_[node]->is_up()) start_replica(node);
  }
}

// Hours in which little happens: a proposal now and then, rarely a crash. Whoever asks is answered.
std::string RaftWorld::sleep() {
  const Instant begun = now();
  while (now() - begun < plan_.sleep && !checker_.has_failed()) {
    run_until(now() + Duration::seconds(60 + static_cast<int64_t>(prng_.below(7200))));
    for (uint32_t node = 0; node < plan_.nodes; ++node) {
      if (replicas_[node]->is_up() && !replicas_[node]->raft().is_quiesced()) {
        return "node " + std::to_string(node + 1) + " does not fall asleep";
      }
    }
    if (plan_.crashes && prng_.chance(200)) {
      const int leader = find_leader();
      const auto node = leader >= 0 && prng_.chance(500)
                            ? static_cast<uint32_t>(leader)
                            : static_cast<uint32_t>(prng_.below(plan_.nodes));
      if (may_crash(node)) crash_replica(node, Duration::seconds(1));
      run_until(now() + Duration::seconds(8));
    }
    for (uint32_t node = 0; node < plan_.nodes; ++node) {
      deeds_.wakes += replicas_[node]->is_up() && replicas_[node]->raft().is_quiesced();
    }
    const uint64_t before = checker_.acknowledgements();
    for (int i = 0; i < 10 && checker_.acknowledgements() == before; ++i) {
      client_turn();
      run_until(now() + Duration::seconds(1));
    }
    if (checker_.has_failed()) break;
    if (checker_.acknowledgements() == before) return "a sleeping group does not wake up";
  }
  slept_ = slept_ + (now() - begun);
  return checker_.failure();
}

// All members have applied the same, nobody is untrusted or damaged, no change is left half-way.
bool RaftWorld::has_converged() const {
  const int leader = find_leader();
  if (leader < 0) return false;
  const raft::RaftNode& raft = replicas_[static_cast<uint32_t>(leader)]->raft();
  if (raft.view().is_changing) return false;
  for (const raft::Member& member : raft.membership().members()) {
    const raft::RaftView view = replicas_[member.node - 1]->raft().view();
    if (view.applied != raft.commit() || !view.is_trusted || !view.damage.is_empty()) return false;
    if (member.has(raft::kReturning)) return false;
  }
  return true;
}

std::string RaftWorld::check_liveness() {
  run_until(now() + plan_.calm / 2);
  const uint64_t before = checker_.acknowledgements();
  run_until(now() + plan_.calm / 4);
  if (checker_.has_failed()) return checker_.failure();
  if (checker_.acknowledgements() == before) return "nothing is acknowledged after faults stopped";
  ++client_turn_;  // no more clients: all must become equal
  run_until(now() + Duration::millis(1000));
  for (Duration waited; waited < plan_.calm / 4; waited = waited + Duration::millis(50)) {
    if (checker_.has_failed()) return checker_.failure();
    if (has_converged()) return {};
    run_until(now() + Duration::millis(50));
  }
  return checker_.has_failed() ? checker_.failure() : "replicas do not become equal";
}

}  // namespace petrel::sim
