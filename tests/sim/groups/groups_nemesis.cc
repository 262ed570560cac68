// What goes wrong in a GroupsWorld, and how it ends.
#include "sim/groups/groups_world.h"

#include "petrel/raft/leader_balance.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace petrel::sim {

void GroupsWorld::break_something() {
  const Plan& plan = plan_.group;
  const auto node = static_cast<uint32_t>(prng_.below(plan.nodes));
  const raft::GroupId id = 1 + prng_.below(plan_.groups);
  switch (prng_.below(10)) {
    case 0:
      if (plan.crashes) crash_nodes();
      break;
    case 1:
      if (!plan.pauses) break;
      ++deeds_["pauses"];
      if (trace_) trace("node " + std::to_string(node + 1) + " pauses");
      nodes_[node].paused_until =
          now() + Duration::millis(1 + static_cast<int64_t>(prng_.below(1000)));
      break;
    case 2:
    case 3:
      if (plan.partitions) cut_network();
      break;
    case 4:
      if (plan.clocks) disturb_clock();
      break;
    case 5:
      for (int i = 0; plan.memberships && i < 5; ++i) {
        change_membership(1 + prng_.below(plan_.groups));
      }
      break;
    case 6:
      for (int i = 0; plan.transfers && i < 5; ++i) transfer(1 + prng_.below(plan_.groups));
      break;
    case 7:
      if (plan_.resets) reset_link();
      break;
    case 8:
      if (plan_.balances) balance(node);
      break;
    default:
      if (plan.misdirects) misdirect_writes(node);
      if (!plan.checkpoints) break;
      if (prng_.chance(200) && !is_out(node)) stop_replica(node, id);
      for (raft::GroupId each = 1; each <= plan_.groups && !is_out(node); ++each) {
        if (prng_.chance(300) && replica(each, node) != nullptr) replica(each, node)->checkpoint();
      }
      break;
  }
}

void GroupsWorld::crash_nodes() {
  if (prng_.chance(100)) {  // the power fails everywhere
    ++deeds_["power failures everywhere"];
    for (uint32_t node = 0; node < plan_.group.nodes; ++node) crash_node(node);
    return;
  }
  crash_node(static_cast<uint32_t>(prng_.below(plan_.group.nodes)));
}

void GroupsWorld::crash_node(uint32_t node) {
  if (nodes_[node].multi == nullptr) return;
  ++deeds_["crashes"];
  if (trace_) trace("node " + std::to_string(node + 1) + " crashes");
  const raft::MultiRaftCounters& counts = nodes_[node].multi->counters();
  deeds_["frames refused"] += counts.refused_frames;
  deeds_["messages for unknown groups"] += counts.refused_groups;
  deeds_["messages too many for a link"] += counts.dropped_messages;
  deeds_["suspicions"] += counts.suspicions;
  const bool loses_bits = plan_.group.damage && prng_.chance(500);
  for (raft::GroupId id = 1; id <= plan_.groups; ++id) {
    Replica& each = *group(id).replicas[node];
    if (!each.is_up()) continue;
    if (loses_bits && may_be_damaged(id, node)) each.damage_on_next_crash();
    each.crash();
    group(id).clients->on_crash(node);
  }
  nodes_[node].multi.reset();
  const auto down = Duration::millis(1 + static_cast<int64_t>(prng_.below(1500)));
  queue_.push(now() + down, {EventKind::kStart, node, 0, 0});
}

// Of each group only the first voters, a minority: the others keep what was acknowledged.
bool GroupsWorld::may_be_damaged(raft::GroupId id, uint32_t node) const {
  const uint32_t place = static_cast<uint32_t>((node + plan_.group.nodes - id % plan_.group.nodes) %
                                               plan_.group.nodes);
  return place < (plan_.group.voters - 1) / 2;
}

void GroupsWorld::misdirect_writes(uint32_t node) {
  if (is_out(node)) return;
  for (raft::GroupId id = 1; id <= plan_.groups; ++id) {
    Replica* each = may_be_damaged(id, node) ? replica(id, node) : nullptr;
    if (each != nullptr && prng_.chance(300)) each->misdirect_next_batch();
  }
}

void GroupsWorld::cut_network() {
  network_.mend_all();
  const auto a = static_cast<uint32_t>(prng_.below(plan_.group.nodes));
  const auto b = static_cast<uint32_t>(prng_.below(plan_.group.nodes));
  const auto side = static_cast<uint32_t>(prng_.below(1U << plan_.group.nodes));
  static constexpr std::array<const char*, 5> kNames = {
      "partitions in two", "partitions with a bridge", "one-way cuts", "nodes alone", "healed"};
  const uint64_t kind = prng_.below(kNames.size());
  if (kind == 0) network_.partition(side);
  if (kind == 1) network_.partition_with_bridge(side, a);
  if (kind == 2 && a != b) network_.cut(a, b);
  if (kind == 3) network_.isolate(a);
  ++deeds_[kNames[kind]];
  if (trace_) trace(std::string("network: ") + kNames[kind]);
}

// What is on its way is lost, and both ends know.
void GroupsWorld::reset_link() {
  const auto a = static_cast<uint32_t>(prng_.below(plan_.group.nodes));
  const auto b = static_cast<uint32_t>(prng_.below(plan_.group.nodes));
  if (a == b || is_out(a) || is_out(b)) return;
  ++deeds_["links reset"];
  ++generation(a, b);
  nodes_[a].multi->on_link_reset(b + 1);
  work(a);
  nodes_[b].multi->on_link_reset(a + 1);
  work(b);
}

void GroupsWorld::disturb_clock() {
  Node& node = nodes_[prng_.below(plan_.group.nodes)];
  const uint64_t kind = prng_.below(3);
  if (trace_) {
    const auto at = static_cast<size_t>(&node - nodes_.data());
    trace("clock of node " + std::to_string(at + 1) + " disturbed");
  }
  if (kind == 0) {
    ++deeds_["clocks skewed"];
    node.clock.set_rate(now(), 850 + static_cast<uint32_t>(prng_.below(300)));
  } else if (kind == 1) {
    ++deeds_["clocks that jump"];
    node.clock.jump(now(), Duration::millis(static_cast<int64_t>(prng_.below(5000))));
  } else {
    ++deeds_["clocks that freeze"];
    node.frozen_until = now() + Duration::millis(static_cast<int64_t>(prng_.below(300)));
    node.clock.freeze_until(now(), node.frozen_until);
  }
}

// One voter moves to a node that has no replica yet, in three steps over time.
void GroupsWorld::change_membership(raft::GroupId id) {
  const int leader = find_leader(id);
  if (leader < 0) return;
  const auto at = static_cast<uint32_t>(leader);
  Replica& led = *group(id).replicas[at];
  const auto today = led.raft().membership().members();
  std::vector<raft::Member> members(today.begin(), today.end());
  const raft::NodeId node = 1 + prng_.below(plan_.group.nodes);
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const raft::Member& member) { return member.node == node; });
  if (found == members.end()) {
    const auto place = static_cast<uint32_t>(node - 1);
    if (nodes_[place].multi == nullptr) return;
    if (nodes_[place].multi->find(id) == nullptr) start_replica(group(id), place);
    members.push_back({.node = node, .roles = raft::kLearner});
  } else if (found->has(raft::kLearner)) {
    found->roles = raft::kVoter;
    const auto other =
        std::find_if(members.begin(), members.end(), [&](const raft::Member& member) {
          return member.has(raft::kVoter) && member.node != node && prng_.chance(400);
        });
    if (other != members.end()) members.erase(other);
  } else if (members.size() > plan_.group.voters) {
    members.erase(found);
  }
  deeds_["membership changes"] +=
      led.raft().propose_membership(raft::Membership(std::move(members))).is_ok();
  led.turn();
  nodes_[at].multi->touch(id);
  work(at);
}

void GroupsWorld::transfer(raft::GroupId id) {
  const int leader = find_leader(id);
  if (leader < 0) return;
  const auto at = static_cast<uint32_t>(leader);
  Replica& led = *group(id).replicas[at];
  deeds_["leadership transfers"] +=
      led.raft().transfer_leadership(1 + prng_.below(plan_.group.nodes)).is_ok();
  led.turn();
  nodes_[at].multi->touch(id);
  work(at);
}

void GroupsWorld::balance(uint32_t node) {
  if (is_out(node)) return;
  std::vector<raft::GroupLead> led;
  for (raft::GroupId id = 1; id <= plan_.groups; ++id) {
    const Replica* here = replica(id, node);
    if (here == nullptr) continue;
    raft::GroupLead lead{
        .group = id, .leader = here->raft().leader(), .voters = {}, .preferred = raft::kNoNode};
    for (const raft::Member& member : here->raft().membership().members()) {
      if (member.is_voter()) lead.voters.push_back(member.node);
    }
    led.push_back(std::move(lead));
  }
  for (const raft::LeaderMove& move : raft::plan_leader_moves(led, node + 1, 10)) {
    Replica& here = *group(move.group).replicas[node];
    deeds_["leaders moved by balance"] += here.raft().transfer_leadership(move.to).is_ok();
    here.turn();
    nodes_[node].multi->touch(move.group);
  }
  work(node);
}

void GroupsWorld::stop_faults() {
  ++fault_series_;
  may_corrupt_ = false;
  if (trace_) trace("faults stop");
  network_.mend_all();
  network_.set_options({});
  plan_.group.disk = {};
  plan_.multi.link_bytes_max = raft::MultiRaftOptions{}.link_bytes_max;
  for (uint32_t node = 0; node < plan_.group.nodes; ++node) {
    nodes_[node].paused_until = Instant{};
    nodes_[node].frozen_until = Instant{};
    nodes_[node].clock.set_rate(now(), 1000);
    nodes_[node].clock.freeze_until(now(), now());
    if (nodes_[node].multi == nullptr) start_node(node);
  }
  for (auto& each : groups_) {
    for (auto& replica : each->replicas) replica->disk().set_options(plan_.group.disk);
  }
}

// Every group answers, its members agree, and then all of them sleep.
std::string GroupsWorld::check_liveness() {
  run_until(now() + Duration::seconds(5));
  ++client_series_;
  std::vector<uint64_t> before;
  for (const auto& each : groups_) before.push_back(each->checker.acknowledgements());
  for (int turn = 0; turn < 5; ++turn) {
    for (raft::GroupId id = 1; id <= plan_.groups; ++id) {
      if (group(id).checker.acknowledgements() == before[id - 1]) ask(id);
    }
    run_until(now() + Duration::seconds(1));
  }
  for (raft::GroupId id = 1; id <= plan_.groups; ++id) {
    if (group(id).checker.acknowledgements() == before[id - 1]) {
      return "group " + std::to_string(id) + " answers nobody after faults stopped";
    }
  }
  run_until(now() + Duration::seconds(5));
  for (raft::GroupId id = 1; id <= plan_.groups; ++id) {
    std::string found = check_group(id);
    if (!found.empty()) return "group " + std::to_string(id) + ": " + found;
  }
  for (const Node& node : nodes_) {
    if (node.multi->awake_groups() > 0) return "groups do not fall asleep";
  }
  return {};
}

std::string GroupsWorld::check_group(raft::GroupId id) {
  const int leader = find_leader(id);
  if (leader < 0) return "no leader";
  const raft::RaftNode& led = group(id).replicas[static_cast<uint32_t>(leader)]->raft();
  if (led.view().is_changing) return "a change is left half-way";
  for (const raft::Member& member : led.membership().members()) {
    const Replica* each = replica(id, static_cast<uint32_t>(member.node - 1));
    if (each == nullptr) return "a member is down";
    if (each->raft().applied() != led.commit()) return "replicas do not become equal";
  }
  return {};
}

}  // namespace petrel::sim
