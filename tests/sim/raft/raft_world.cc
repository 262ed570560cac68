#include "sim/raft/raft_world.h"

#include "sim/world/raft_message_text.h"

#include "petrel/raft/wire.h"

#include <cstdio>
#include <utility>

namespace petrel::sim {

namespace {

constexpr Duration kLeaseDoubt = Duration::millis(300);

raft::Message copy_of(const raft::Message& message) {
  raft::Message copy;
  copy.kind = message.kind;
  copy.flags = message.flags;
  copy.incarnation = message.incarnation;
  copy.group = message.group;
  copy.from = message.from;
  copy.to = message.to;
  copy.term = message.term;
  copy.log_term = message.log_term;
  copy.index = message.index;
  copy.commit = message.commit;
  copy.last = message.last;
  copy.round = message.round;
  copy.sent_ns = message.sent_ns;
  copy.context = message.context;
  copy.entries = message.entries;
  if (message.chunk != nullptr) copy.chunk = std::make_unique<raft::SnapshotChunk>(*message.chunk);
  return copy;
}

const char* role_name(raft::RaftRole role) {
  switch (role) {
    case raft::RaftRole::kFollower:
      return "follower";
    case raft::RaftRole::kPreCandidate:
      return "pre-candidate";
    case raft::RaftRole::kCandidate:
      return "candidate";
    case raft::RaftRole::kLeader:
      return "leader";
  }
  return "?";
}

raft::Membership first_voters(uint32_t count) {
  std::vector<raft::NodeId> voters;
  for (uint32_t i = 0; i < count; ++i) voters.push_back(i + 1);
  return raft::Membership::of_voters(voters);
}

}  // namespace

RaftWorld::RaftWorld(const Plan& plan, Trace trace)
    : plan_(plan),
      trace_(std::move(trace)),
      prng_(plan.seed),
      network_(plan.nodes, plan.network, plan.seed + 1),
      nodes_(plan.nodes),
      clocks_(plan.nodes),
      frozen_until_(plan.nodes),
      is_ticking_(plan.nodes),
      paused_until_(plan.nodes),
      roles_(plan.nodes),
      first_membership_(first_voters(plan.voters)),
      silent_(static_cast<size_t>(plan.nodes) * plan.nodes),
      client_every_(plan.client_every),
      faulty_disk_(plan.disk) {
  for (uint32_t count = (plan_.voters - 1) / 2; count > 0; --count) {
    may_be_damaged_ |= 1U << prng_.below(plan_.voters);
  }
  std::vector<Replica*> all;
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    replicas_.push_back(std::make_unique<Replica>(plan_, node, 1, *this, checker_));
    all.push_back(replicas_.back().get());
    if (plan_.clocks) {
      clocks_[node].set_rate(now(), 850 + static_cast<uint32_t>(prng_.below(300)));
    }
  }
  clients_ = std::make_unique<Clients>(plan_, checker_, prng_, std::move(all));
}

RaftWorld::~RaftWorld() = default;

std::string RaftWorld::run() {
  for (uint32_t node = 0; node < plan_.nodes; ++node) start_replica(node);
  expect_news();
  for (uint32_t episode = 1;; ++episode) {
    start_faults();
    run_until(now() + plan_.chaos);
    if (checker_.has_failed()) return checker_.failure();
    stop_faults();
    std::string failure = check_liveness();
    if (failure.empty() && plan_.sleep.ns > 0) failure = sleep();
    if (!failure.empty() || episode >= plan_.episodes) return failure;
  }
}

void RaftWorld::run_until(Instant end) {
  while (!queue_.is_empty() && queue_.next_at() < end && !checker_.has_failed()) {
    const Event event = queue_.pop();
    ++events_;
    dispatch(event);
  }
  if (!checker_.has_failed()) queue_.pass_to(end);
}

// A paused process does nothing; what was meant for it waits.
bool RaftWorld::is_deferred(const Event& event) {
  if (event.kind == EventKind::kClient || event.kind == EventKind::kFault ||
      event.kind == EventKind::kRestart || event.kind == EventKind::kNews ||
      paused_until_[event.node] <= now()) {
    return false;
  }
  queue_.push(paused_until_[event.node], event);
  return true;
}

void RaftWorld::dispatch(const Event& event) {
  if (is_deferred(event)) return;
  Replica& replica = *replicas_[event.node];
  switch (event.kind) {
    case EventKind::kTick:
      if (!replica.is_up() || event.number != replica.life()) return;
      is_ticking_[event.node] = false;
      // A clock that stands still moves no timer; messages are answered all the same.
      if (frozen_until_[event.node] <= now()) replica.tick(clocks_[event.node].read(now()));
      break;
    case EventKind::kPacket:
      deliver(event);
      break;
    case EventKind::kSync:
      if (replica.is_up()) replica.on_sync_done(event.number);
      break;
    case EventKind::kClient:
      if (event.number != client_turn_) return;
      client_turn();
      queue_.push(now() + client_every_, event);
      return;
    case EventKind::kFault:
      if (event.number != fault_turn_) return;
      break_something();
      queue_.push(now() + plan_.fault_every, event);
      return;
    case EventKind::kNews:
      is_news_due_ = false;
      tell_suspicions();
      return;
    case EventKind::kRestart:
      if (!replica.is_up()) start_replica(event.node);
      break;
  }
  watch(event.node);
}

void RaftWorld::deliver(const Event& event) {
  raft::Message message = std::move(packets_[event.number]);
  free_packets_.push_back(event.number);
  Replica& replica = *replicas_[event.node];
  if (!replica.is_up()) return;
  if (plan_.wire) {
    const std::string bytes = raft::encode_frame(std::span(&message, 1), {.epoch = 1});
    Result<raft::Frame> frame = raft::decode_frame(BlockRef(), bytes);
    if (!frame || frame->messages.size() != 1) return checker_.fail("the wire lost a message");
    message = std::move(frame->messages[0]);
  }
  if (has_trace()) trace("  " + describe(message));
  replica.step(std::move(message));
}

void RaftWorld::send(raft::Message message) {
  const auto from = static_cast<uint32_t>(message.from - 1);
  const auto to = static_cast<uint32_t>(message.to - 1);
  if (to >= plan_.nodes) return;
  const Deliveries deliveries = network_.send(from, to, now());
  for (uint32_t i = 0; i < deliveries.count; ++i) {
    uint32_t slot = static_cast<uint32_t>(packets_.size());
    if (free_packets_.empty()) {
      packets_.emplace_back();
    } else {
      slot = free_packets_.back();
      free_packets_.pop_back();
    }
    packets_[slot] = i + 1 < deliveries.count ? copy_of(message) : std::move(message);
    queue_.push(deliveries.at[i], {EventKind::kPacket, to, slot});
  }
}

raft::RaftNode& RaftWorld::boot(const Replica& replica, raft::Restart restart) {
  nodes_[replica.node()] = std::make_unique<raft::RaftNode>(plan_.raft, std::move(restart));
  return *nodes_[replica.node()];
}

void RaftWorld::start_sync(const Replica& replica, uint32_t epoch, Duration delay) {
  queue_.push(now() + delay, {EventKind::kSync, replica.node(), epoch});
}

void RaftWorld::on_applied(const Replica& replica, const raft::Entry& entry) {
  clients_->on_applied(replica, entry);
}

void RaftWorld::on_read(const Replica&, const raft::ReadGrant& grant) {
  clients_->on_read(grant);
}

bool RaftWorld::is_out(uint32_t node) const {
  return !replicas_[node]->is_up() || paused_until_[node] > now();
}

void RaftWorld::client_turn() {
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    if (is_out(node)) continue;
    clients_->ask(node);
    watch(node);
  }
}

int RaftWorld::find_leader() const {
  int found = -1;
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    if (is_out(node)) continue;
    const raft::RaftNode& raft = replicas_[node]->raft();
    if (raft.role() != raft::RaftRole::kLeader) continue;
    if (found < 0 || raft.term() > replicas_[static_cast<uint32_t>(found)]->raft().term()) {
      found = static_cast<int>(node);
    }
  }
  return found;
}

// A lease says that nobody else can be leader: a new one proves it wrong. A clock that stands still
// proves nothing (docs/design/010-raft.md, 4).
void RaftWorld::check_leases(uint32_t new_leader) {
  const raft::Term term = replicas_[new_leader]->raft().term();
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    if (node == new_leader || !replicas_[node]->is_up()) continue;
    if (frozen_until_[node] + kLeaseDoubt > now()) continue;
    const raft::RaftNode& raft = replicas_[node]->raft();
    if (raft.term() < term && raft.has_lease(clocks_[node].read(now()))) {
      checker_.fail("node " + std::to_string(node + 1) + " has a lease while node " +
                    std::to_string(new_leader + 1) + " becomes leader");
    }
  }
}

// Sleeping nodes need no ticks; watch() begins with them anew.
void RaftWorld::schedule_tick(uint32_t node) {
  Replica& replica = *replicas_[node];
  if (is_ticking_[node] || replica.raft().is_quiesced()) return;
  is_ticking_[node] = true;
  queue_.push(now() + clocks_[node].world_time(plan_.raft.tick),
              {EventKind::kTick, node, replica.life()});
}

void RaftWorld::start_replica(uint32_t node) {
  const bool is_first_member = node < plan_.voters;
  replicas_[node]->start(is_first_member ? first_membership_ : raft::Membership());
  is_ticking_[node] = false;
  schedule_tick(node);
  if (has_trace()) trace("node " + std::to_string(node + 1) + " starts");
  // The others see the new epoch in its first frame.
  for (uint32_t other = 0; other < plan_.nodes; ++other) {
    if (other == node || !replicas_[other]->is_up() || network_.is_cut(node, other)) continue;
    replicas_[other]->raft().on_node_restarted(node + 1, static_cast<uint32_t>(prng_.below(20)));
    replicas_[other]->turn();
    watch(other);
  }
}

void RaftWorld::crash_replica(uint32_t node, Duration down) {
  if (has_trace()) trace("node " + std::to_string(node + 1) + " crashes");
  ++deeds_.crashes;
  replicas_[node]->crash();
  nodes_[node].reset();
  clients_->on_crash(node);
  expect_news();
  roles_[node] = raft::RaftRole::kFollower;
  queue_.push(now() + down, {EventKind::kRestart, node, 0});
}

void RaftWorld::on_failed(const Replica& replica) {
  if (has_trace()) trace("node " + std::to_string(replica.node() + 1) + " cannot write");
}

// Notices changes of role after each step of a node.
void RaftWorld::watch(uint32_t node) {
  const Replica& replica = *replicas_[node];
  if (!replica.is_up()) return;
  if (replica.raft().is_failed()) return crash_replica(node, Duration::millis(300));
  schedule_tick(node);
  const raft::RaftRole role = replica.raft().role();
  if (role == roles_[node]) return;
  roles_[node] = role;
  if (has_trace()) {
    trace("node " + std::to_string(node + 1) + " is " + role_name(role) + " in term " +
          std::to_string(replica.raft().term()));
  }
  if (role != raft::RaftRole::kLeader) return;
  ++deeds_.leaders;
  check_leases(node);
}

FaultCounts RaftWorld::faults() const {
  static constexpr std::array<const char*, 5> kCuts = {"partitions in two",
                                                       "partitions with a bridge", "one-way cuts",
                                                       "nodes alone", "leaders alone"};
  FaultCounts counts;
  counts["crashes"] = deeds_.crashes;
  counts["power failures everywhere"] = deeds_.power_failures;
  counts["pauses"] = deeds_.pauses;
  for (size_t i = 0; i < kCuts.size(); ++i) counts[kCuts[i]] = deeds_.cuts[i];
  counts["clocks skewed"] = deeds_.skews;
  counts["clocks that jump"] = deeds_.jumps;
  counts["clocks that freeze"] = deeds_.freezes;
  counts["membership changes"] = deeds_.memberships;
  counts["leadership transfers"] = deeds_.transfers;
  counts["suspicions"] = deeds_.suspicions;
  counts["leaders elected"] = deeds_.leaders;
  const NetworkCounts& network = network_.counts();
  counts["messages cut off"] = network.cut;
  counts["messages dropped"] = network.dropped;
  counts["messages duplicated"] = network.duplicated;
  counts["messages out of order"] = network.overtakeable;
  for (const auto& replica : replicas_) {
    add_disk_counts(counts, replica->disk().counts());
    add_replica_counts(counts, replica->counts());
  }
  return counts;
}

void RaftWorld::trace(const std::string& text) {
  char when[32];
  std::snprintf(when, sizeof(when), "%10.4f s  ", static_cast<double>(now().ns) / 1e9);
  trace_(when + text);
}

}  // namespace petrel::sim
