#include "sim/groups/groups_world.h"

#include "sim/world/raft_message_text.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace petrel::sim {

namespace {

// After a clock stood still its leases prove nothing (docs/design/010-raft.md, 4).
constexpr Duration kLeaseDoubt = Duration::millis(300);
constexpr uint32_t kCorruptPerMille = 20;

void add_link_counts(FaultCounts& total, const raft::MultiRaftCounters& counts) {
  total["frames refused"] += counts.refused_frames;
  total["messages for unknown groups"] += counts.refused_groups;
  total["messages too many for a link"] += counts.dropped_messages;
  total["suspicions"] += counts.suspicions;
}

}  // namespace

GroupsWorld::GroupsWorld(const GroupsPlan& plan, Trace trace)
    : plan_(plan),
      trace_(std::move(trace)),
      prng_(plan.group.seed + 5),
      network_(plan.group.nodes, plan.group.network, plan.group.seed + 1),
      nodes_(plan.group.nodes),
      generations_(static_cast<size_t>(plan.group.nodes) * plan.group.nodes),
      may_corrupt_(plan.corrupts) {
  for (Node& node : nodes_) {
    if (!plan_.group.clocks) continue;
    node.clock.set_rate(now(), 850 + static_cast<uint32_t>(prng_.below(300)));
  }
  for (raft::GroupId id = 1; id <= plan_.groups; ++id) make_group(id);
}

GroupsWorld::~GroupsWorld() = default;

// Groups stand on different nodes: the first voter of each is the next one.
void GroupsWorld::make_group(raft::GroupId id) {
  groups_.push_back(std::make_unique<Group>());
  Group& made = *groups_.back();
  std::vector<raft::NodeId> voters;
  for (uint32_t i = 0; i < plan_.group.voters; ++i) {
    voters.push_back(1 + (id + i) % plan_.group.nodes);
  }
  made.first = raft::Membership::of_voters(voters);
  made.parts.resize(plan_.group.nodes);
  std::vector<Replica*> all;
  for (uint32_t node = 0; node < plan_.group.nodes; ++node) {
    made.replicas.push_back(std::make_unique<Replica>(plan_.group, node, id, *this, made.checker));
    all.push_back(made.replicas.back().get());
  }
  made.clients = std::make_unique<Clients>(plan_.group, made.checker, prng_, std::move(all));
}

std::string GroupsWorld::run() {
  for (uint32_t node = 0; node < plan_.group.nodes; ++node) start_node(node);
  queue_.push(now() + plan_.group.client_every, {EventKind::kClient, 0, client_series_, 0});
  queue_.push(now() + Duration::seconds(1), {EventKind::kFault, 0, fault_series_, 0});
  run_until(now() + plan_.chaos);
  if (has_failed()) return failure_;
  stop_faults();
  std::string found = check_liveness();
  return has_failed() ? failure_ : found;
}

void GroupsWorld::run_until(Instant end) {
  while (!queue_.is_empty() && queue_.next_at() < end && !has_failed()) {
    const Event event = queue_.pop();
    ++events_;
    if (!is_deferred(event)) dispatch(event);
  }
  if (!has_failed()) queue_.pass_to(end);
}

bool GroupsWorld::is_out(uint32_t node) const {
  return nodes_[node].multi == nullptr || nodes_[node].paused_until > now();
}

// A paused process does nothing; what was meant for it waits.
bool GroupsWorld::is_deferred(const Event& event) {
  const bool is_of_world = event.kind == EventKind::kClient || event.kind == EventKind::kFault ||
                           event.kind == EventKind::kStart;
  if (is_of_world || nodes_[event.node].paused_until <= now()) return false;
  queue_.push(nodes_[event.node].paused_until, event);
  return true;
}

void GroupsWorld::dispatch(const Event& event) {
  switch (event.kind) {
    case EventKind::kTick:
      return tick(event);
    case EventKind::kFrame:
      return deliver(event);
    case EventKind::kSync:
      return finish_sync(event);
    case EventKind::kClient:
      if (event.number != client_series_) return;
      client_turn();
      return queue_.push(now() + plan_.group.client_every, event);
    case EventKind::kFault:
      if (event.number != fault_series_) return;
      break_something();
      return queue_.push(now() + plan_.group.fault_every, event);
    case EventKind::kStart:
      if (nodes_[event.node].multi == nullptr) start_node(event.node);
      return;
    case EventKind::kStop:
      return stop_replica(event.node, event.group);
    case EventKind::kRejoin:
      if (nodes_[event.node].multi == nullptr) return;
      if (nodes_[event.node].multi->find(event.group) != nullptr) return;
      start_replica(group(event.group), event.node);
      return work(event.node);
  }
}

void GroupsWorld::tick(const Event& event) {
  Node& node = nodes_[event.node];
  if (node.multi == nullptr || event.number != node.epoch) return;
  // A clock that stands still moves no timer; frames are answered all the same.
  if (node.frozen_until <= now()) node.multi->tick(node.clock.read(now()));
  queue_.push(now() + node.clock.world_time(plan_.group.raft.tick), event);
  work(event.node);
}

void GroupsWorld::deliver(const Event& event) {
  Frame frame = std::move(frames_[event.number]);
  free_frames_.push_back(event.number);
  raft::MultiRaft* multi = nodes_[event.node].multi.get();
  if (multi == nullptr || frame.generation != generation(frame.from, event.node)) return;
  bool is_damaged = false;
  if (may_corrupt_ && prng_.chance(kCorruptPerMille)) {
    is_damaged = true;
    ++deeds_["frames damaged"];
    char& byte = frame.bytes[prng_.below(frame.bytes.size())];
    byte = static_cast<char>(byte ^ (1 << prng_.below(8)));
  }
  if (trace_) {
    trace("frame " + std::to_string(frame.from + 1) + "->" + std::to_string(event.node + 1));
  }
  const bool is_taken = multi->on_frame(frame.from + 1, BlockRef(), frame.bytes).is_ok();
  if (is_taken && is_damaged) failure_ = "a damaged frame was believed";
  work(event.node);
}

void GroupsWorld::finish_sync(const Event& event) {
  Replica* found = replica(event.group, event.node);
  if (found == nullptr) return;
  found->on_sync_done(event.number);
  if (nodes_[event.node].multi == nullptr) return;
  nodes_[event.node].multi->touch(event.group);
  watch(event.group, event.node);
  work(event.node);
}

Replica* GroupsWorld::replica(raft::GroupId id, uint32_t node) {
  Replica* found = group(id).replicas[node].get();
  return found->is_up() ? found : nullptr;
}

void GroupsWorld::start_node(uint32_t node) {
  Node& started = nodes_[node];
  ++started.epoch;
  started.multi = std::make_unique<raft::MultiRaft>(plan_.multi, node + 1, started.epoch);
  for (uint32_t peer = 0; peer < plan_.group.nodes; ++peer) started.multi->add_peer(peer + 1);
  for (auto& each : groups_) {
    if (each->first.find(node + 1) != nullptr || each->replicas[node]->life() > 0) {
      start_replica(*each, node);
    }
  }
  if (trace_) trace("node " + std::to_string(node + 1) + " starts");
  queue_.push(now() + started.clock.world_time(plan_.group.raft.tick),
              {EventKind::kTick, node, started.epoch, 0});
  work(node);
}

void GroupsWorld::start_replica(Group& group, uint32_t node) {
  const bool is_first_member = group.first.find(node + 1) != nullptr;
  group.parts[node] = Part{};
  group.replicas[node]->start(is_first_member ? group.first : raft::Membership());
  nodes_[node].multi->touch(group.replicas[node]->group());
}

// One group on one node: its disk failed, or its owner takes it away for a while.
void GroupsWorld::stop_replica(uint32_t node, raft::GroupId id) {
  if (replica(id, node) == nullptr) return;
  ++deeds_["single replicas restarted"];
  if (trace_) {
    trace("group " + std::to_string(id) + " stops on node " + std::to_string(node + 1));
  }
  group(id).replicas[node]->crash();
  group(id).clients->on_crash(node);
  nodes_[node].multi->remove_group(id);
  queue_.push(now() + Duration::millis(300), {EventKind::kRejoin, node, 0, id});
}

// Everything that may have given a node work is followed by this.
void GroupsWorld::work(uint32_t node) {
  raft::MultiRaft& multi = *nodes_[node].multi;
  raft::GroupId id = 0;
  raft::Ready ready;
  while (!has_failed() && multi.next_ready(id, ready)) {
    group(id).replicas[node]->take(std::move(ready));
    multi.touch(id);
    watch(id, node);
  }
  send_frames(node);
}

void GroupsWorld::send_frames(uint32_t node) {
  for (raft::OutFrame& frame : nodes_[node].multi->take_frames()) {
    const auto to = static_cast<uint32_t>(frame.to - 1);
    const Deliveries deliveries = network_.send(node, to, now());
    for (uint32_t i = 0; i < deliveries.count; ++i) {
      auto slot = static_cast<uint32_t>(frames_.size());
      if (free_frames_.empty()) {
        frames_.emplace_back();
      } else {
        slot = free_frames_.back();
        free_frames_.pop_back();
      }
      frames_[slot] = {node, generation(node, to), frame.bytes};
      queue_.push(deliveries.at[i], {EventKind::kFrame, to, slot, 0});
    }
  }
}

uint64_t& GroupsWorld::generation(uint32_t a, uint32_t b) {
  return generations_[std::min(a, b) * plan_.group.nodes + std::max(a, b)];
}

// Notices what a step has done to a replica.
void GroupsWorld::watch(raft::GroupId id, uint32_t node) {
  Group& watched = group(id);
  if (watched.checker.has_failed()) {
    failure_ = "group " + std::to_string(id) + ": " + watched.checker.failure();
  }
  const Replica* found = replica(id, node);
  if (found == nullptr) return;
  const Part part{found->raft().role(), found->raft().term()};
  Part& known = watched.parts[node];
  const bool is_new = part.role != known.role || part.term != known.term;
  known = part;
  if (!is_new || part.role != raft::RaftRole::kLeader) return;
  ++deeds_["leaders elected"];
  if (trace_) {
    trace("group " + std::to_string(id) + ": node " + std::to_string(node + 1) + " leads term " +
          std::to_string(part.term));
  }
  check_leases(watched, node);
}

void GroupsWorld::check_leases(const Group& group, uint32_t new_leader) {
  const raft::Term term = group.replicas[new_leader]->raft().term();
  for (uint32_t node = 0; node < plan_.group.nodes; ++node) {
    const Replica& other = *group.replicas[node];
    if (node == new_leader || !other.is_up()) continue;
    if (nodes_[node].frozen_until + kLeaseDoubt > now()) continue;
    if (other.raft().term() >= term) continue;
    if (!other.raft().has_lease(nodes_[node].clock.read(now()))) continue;
    failure_ = "group " + std::to_string(other.group()) + ": node " + std::to_string(node + 1) +
               " has a lease while node " + std::to_string(new_leader + 1) + " becomes leader";
  }
}

int GroupsWorld::find_leader(raft::GroupId id) {
  int found = -1;
  for (uint32_t node = 0; node < plan_.group.nodes; ++node) {
    const Replica* each = replica(id, node);
    if (each == nullptr || is_out(node)) continue;
    if (each->raft().role() != raft::RaftRole::kLeader) continue;
    if (found < 0 ||
        each->raft().term() > group(id).replicas[static_cast<uint32_t>(found)]->raft().term()) {
      found = static_cast<int>(node);
    }
  }
  return found;
}

raft::RaftNode& GroupsWorld::boot(const Replica& replica, raft::Restart restart) {
  return nodes_[replica.node()].multi->add_group(std::move(restart));
}

void GroupsWorld::send(raft::Message message) {
  if (trace_) trace("group " + std::to_string(message.group) + ":   " + describe(message));
  nodes_[message.from - 1].multi->send(std::move(message));
}

void GroupsWorld::start_sync(const Replica& replica, uint32_t epoch, Duration delay) {
  queue_.push(now() + delay, {EventKind::kSync, replica.node(), epoch, replica.group()});
}

void GroupsWorld::on_applied(const Replica& replica, const raft::Entry& entry) {
  group(replica.group()).clients->on_applied(replica, entry);
}

void GroupsWorld::on_read(const Replica& replica, const raft::ReadGrant& grant) {
  group(replica.group()).clients->on_read(grant);
}

void GroupsWorld::on_failed(const Replica& replica) {
  queue_.push(now(), {EventKind::kStop, replica.node(), 0, replica.group()});
}

void GroupsWorld::client_turn() {
  for (uint32_t i = 0; i < plan_.groups_asked; ++i) ask(1 + prng_.below(plan_.groups));
}

void GroupsWorld::ask(raft::GroupId id) {
  for (uint32_t node = 0; node < plan_.group.nodes; ++node) {
    if (is_out(node) || replica(id, node) == nullptr) continue;
    group(id).clients->ask(node);
    nodes_[node].multi->touch(id);
    watch(id, node);
    work(node);
  }
}

uint64_t GroupsWorld::acknowledgements() const {
  uint64_t sum = 0;
  for (const auto& each : groups_) sum += each->checker.acknowledgements();
  return sum;
}

FaultCounts GroupsWorld::faults() const {
  FaultCounts counts = deeds_;
  for (const char* name :
       {"crashes", "power failures everywhere", "pauses", "links reset", "frames damaged",
        "partitions in two", "partitions with a bridge", "one-way cuts", "nodes alone",
        "clocks skewed", "clocks that jump", "clocks that freeze", "membership changes",
        "leadership transfers", "leaders moved by balance", "single replicas restarted",
        "leaders elected"}) {
    counts[name];  // zero if it never happened
  }
  const NetworkCounts& network = network_.counts();
  counts["frames sent"] = network.sent;
  counts["frames cut off"] = network.cut;
  counts["frames dropped"] = network.dropped;
  counts["frames duplicated"] = network.duplicated;
  counts["frames out of order"] = network.overtakeable;
  for (const Node& node : nodes_) {
    if (node.multi != nullptr) add_link_counts(counts, node.multi->counters());
  }
  DiskCounts disks;
  for (const auto& each : groups_) {
    for (const auto& replica : each->replicas) {
      const DiskCounts& disk = replica->disk().counts();
      disks.lost += disk.lost;
      disks.torn += disk.torn;
      disks.failed += disk.failed;
      disks.slow += disk.slow;
      disks.flipped += disk.flipped;
      disks.misdirected += disk.misdirected;
      const ReplicaCounts& lived = replica->counts();
      counts["snapshots installed"] += lived.snapshots;
      counts["logs damaged"] += lived.damaged;
      counts["damaged logs refilled"] += lived.healed;
    }
  }
  add_disk_counts(counts, disks);
  return counts;
}

void GroupsWorld::trace(const std::string& text) {
  char when[32];
  std::snprintf(when, sizeof(when), "%10.4f s  ", static_cast<double>(now().ns) / 1e9);
  trace_(when + text);
}

}  // namespace petrel::sim
