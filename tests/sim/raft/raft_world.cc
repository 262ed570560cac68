#include "sim/raft/raft_world.h"

#include "sim/world/raft_message_text.h"

#include "petrel/raft/wire.h"

#include <cstdio>
#include <utility>

namespace petrel::sim {

namespace {

constexpr Duration kSuspicionAfter = Duration::millis(160);

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
      paused_until_(plan.nodes),
      roles_(plan.nodes),
      proposals_(plan.nodes),
      first_membership_(first_voters(plan.voters)),
      silent_(static_cast<size_t>(plan.nodes) * plan.nodes) {
  for (uint32_t count = (plan_.voters - 1) / 2; count > 0; --count) {
    may_be_damaged_ |= 1U << prng_.below(plan_.voters);
  }
  for (uint32_t node = 0; node < plan_.nodes; ++node) {
    replicas_.push_back(std::make_unique<Replica>(plan_, node, *this, checker_));
    if (plan_.clocks) {
      replicas_[node]->clock().set_rate(now(), 850 + static_cast<uint32_t>(prng_.below(300)));
    }
  }
}

RaftWorld::~RaftWorld() = default;

std::string RaftWorld::run() {
  for (uint32_t node = 0; node < plan_.nodes; ++node) start_replica(node);
  queue_.push(now() + plan_.client_every, {EventKind::kClient, 0, 0});
  queue_.push(now() + Duration::seconds(1), {EventKind::kFault, 0, 0});
  queue_.push(now() + kSuspicionAfter, {EventKind::kNews, 0, 0});
  run_until(Instant{} + plan_.chaos);
  if (checker_.has_failed()) return checker_.failure();
  stop_faults();
  return check_liveness();
}

void RaftWorld::run_until(Instant end) {
  while (!queue_.is_empty() && queue_.next_at() < end && !checker_.has_failed()) {
    const Event event = queue_.pop();
    ++events_;
    dispatch(event);
  }
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
      replica.tick(replica.clock().read(now()));
      schedule_tick(event.node);
      break;
    case EventKind::kPacket:
      deliver(event);
      break;
    case EventKind::kSync:
      if (replica.is_up()) replica.on_sync_done(event.number);
      break;
    case EventKind::kClient:
      client_turn();
      queue_.push(now() + plan_.client_every, event);
      return;
    case EventKind::kFault:
      if (is_calm_) return;
      break_something();
      queue_.push(now() + plan_.fault_every, event);
      return;
    case EventKind::kNews:
      tell_suspicions();
      queue_.push(now() + kSuspicionAfter, event);
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

void RaftWorld::start_sync(uint32_t node, uint32_t epoch, Duration delay) {
  queue_.push(now() + delay, {EventKind::kSync, node, epoch});
}

void RaftWorld::schedule_tick(uint32_t node) {
  Replica& replica = *replicas_[node];
  queue_.push(now() + replica.clock().world_time(plan_.raft.tick),
              {EventKind::kTick, node, replica.life()});
}

void RaftWorld::start_replica(uint32_t node) {
  const bool is_first_member = node < plan_.voters;
  replicas_[node]->start(is_first_member ? first_membership_ : raft::Membership());
  schedule_tick(node);
  if (has_trace()) trace("node " + std::to_string(node + 1) + " starts");
  // The others see the new epoch in its first frame.
  for (uint32_t other = 0; other < plan_.nodes; ++other) {
    if (other == node || !replicas_[other]->is_up() || network_.is_cut(node, other)) continue;
    replicas_[other]->raft().on_node_restarted(node + 1);
    replicas_[other]->turn();
    watch(other);
  }
}

void RaftWorld::crash_replica(uint32_t node, Duration down) {
  if (has_trace()) trace("node " + std::to_string(node + 1) + " crashes");
  replicas_[node]->crash();
  proposals_[node].clear();
  roles_[node] = raft::RaftRole::kFollower;
  queue_.push(now() + down, {EventKind::kRestart, node, 0});
}

void RaftWorld::on_failed(uint32_t node) {
  if (has_trace()) trace("node " + std::to_string(node + 1) + " cannot write");
}

// Notices changes of role after each step of a node.
void RaftWorld::watch(uint32_t node) {
  const Replica& replica = *replicas_[node];
  if (!replica.is_up()) return;
  if (replica.raft().is_failed()) return crash_replica(node, Duration::millis(300));
  const raft::RaftRole role = replica.raft().role();
  if (role == roles_[node]) return;
  roles_[node] = role;
  if (has_trace()) {
    trace("node " + std::to_string(node + 1) + " is " + role_name(role) + " in term " +
          std::to_string(replica.raft().term()));
  }
  if (role == raft::RaftRole::kLeader) check_leases(node);
}

void RaftWorld::trace(const std::string& text) {
  char when[32];
  std::snprintf(when, sizeof(when), "%10.4f s  ", static_cast<double>(now().ns) / 1e9);
  trace_(when + text);
}

}  // namespace petrel::sim
