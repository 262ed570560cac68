#include "sim/raft/explore.h"

#include "petrel/base/hash.h"
#include "petrel/raft/wire.h"

#include <algorithm>
#include <span>
#include <unordered_set>
#include <utility>

namespace petrel::sim {

namespace {

constexpr uint64_t kMix = 0x9e3779b97f4a7c15ULL;

uint64_t mixed(uint64_t hash, uint64_t value) {
  return hash_mix(hash ^ value, kMix) + value;
}

uint64_t hash_of(const ExploreDisk& disk) {
  uint64_t hash = mixed(disk.hard.term, disk.hard.vote);
  hash = mixed(mixed(hash, disk.hard.commit), disk.base.index);
  hash = mixed(mixed(hash, disk.staged.index), disk.staged_state.size());
  for (const raft::Entry& entry : disk.log) {
    hash = mixed(mixed(hash, entry.term), hash_bytes(entry.data.bytes()));
  }
  return hash;
}

const char* kind_text(raft::MessageKind kind) {
  static constexpr std::array<const char*, raft::kMessageKindMax + 1> kNames = {"?",
                                                                                "pre-vote",
                                                                                "pre-vote reply",
                                                                                "vote",
                                                                                "vote reply",
                                                                                "append",
                                                                                "append reply",
                                                                                "heartbeat",
                                                                                "heartbeat reply",
                                                                                "snapshot chunk",
                                                                                "snapshot reply",
                                                                                "timeout now",
                                                                                "forward",
                                                                                "read index",
                                                                                "read index reply",
                                                                                "unknown group"};
  return kNames[static_cast<size_t>(kind)];
}

std::string text_of(const raft::Message& message) {
  std::string text = std::string(kind_text(message.kind)) + " " + std::to_string(message.from) +
                     " -> " + std::to_string(message.to) + ", term " +
                     std::to_string(message.term) + ", index " + std::to_string(message.index);
  if (!message.entries.empty()) text += ", entries " + std::to_string(message.entries.size());
  if (message.has(raft::kRejected)) text += ", rejected";
  return text;
}

raft::Entry entry_of(raft::Term term, raft::LogIndex index) {
  return {.term = term,
          .index = index,
          .kind = raft::EntryKind::kData,
          .data = raft::Payload::copy_of("old " + std::to_string(term))};
}

// Every tick of a follower is a timeout: the order of ticks is what is explored, not their number.
// One entry a message, so that a batch can be cut anywhere.
raft::RaftOptions explore_options() {
  raft::RaftOptions options;
  options.election_ticks = 1;
  options.heartbeat_ticks = 1;
  options.append_bytes_max = 1;
  options.retain_bytes = 0;
  return options;
}

raft::RaftOptions options_of(const Scenario& scenario) {
  raft::RaftOptions options = explore_options();
  if (!scenario.has_leases) return options;
  options.election_ticks = 2;
  options.lease = options.tick;
  return options;
}

// What a state machine that applied `entries` saves.
std::string state_of(std::span<const raft::Entry> entries) {
  StateMachine machine;
  for (const raft::Entry& entry : entries) machine.apply(entry);
  return machine.save();
}

// Node 1 has put a snapshot in place of its log, node 2 an older one, node 3 has slept through it
// all. The search begins when the first chunk is on its way.
Scenario snapshot(const raft::Membership& voters) {
  Scenario scenario{.name = "snapshot",
                    .membership = voters,
                    .settles_first = true,
                    .stops_at_chunk = true,
                    .depth = 5,
                    .deep = 6};
  scenario.limits = {.ticks = 3, .crashes = 2, .proposals = 1, .compacts = 1};
  const std::array<raft::Entry, 3> log = {entry_of(1, 1), entry_of(1, 2), entry_of(1, 3)};
  const std::span<const raft::Entry> all(log);
  scenario.history.assign(log.begin(), log.end());
  scenario.disks[0] = {.hard = {.term = 1, .vote = 1, .commit = 3},
                       .log = {},
                       .base = {3, 1, 3, voters},
                       .base_state = state_of(all)};
  scenario.disks[1] = {.hard = {.term = 1, .vote = 1, .commit = 3},
                       .log = {log[2]},
                       .base = {2, 1, 2, voters},
                       .base_state = state_of(all.first(2))};
  scenario.disks[2] = {.hard = {.term = 1}, .log = {log[0]}};
  return scenario;
}

Scenario diverged(const raft::Membership& voters) {
  Scenario scenario{.name = "diverged", .membership = voters, .depth = 7, .deep = 9};
  scenario.limits = {.ticks = 4, .crashes = 1};
  // Thesis, figure 3.7: node 1 led term 2, node 3 led term 3, neither committed its entry.
  scenario.disks[0] = {{.term = 3}, {entry_of(1, 1), entry_of(2, 2)}};
  scenario.disks[1] = {{.term = 3, .vote = 3}, {entry_of(1, 1)}};
  scenario.disks[2] = {{.term = 3, .vote = 3}, {entry_of(1, 1), entry_of(3, 2)}};
  return scenario;
}

// The leader has sent a joint membership to both others and lost its own copy in a crash.
Scenario joint_cut(const raft::Membership& before, const raft::Membership& after) {
  Scenario scenario{.name = "joint_cut", .membership = before, .depth = 7, .deep = 9};
  scenario.limits = {.ticks = 4, .crashes = 1};
  const std::string joint = before.joint_towards(after).encode();
  const raft::Entry change{.term = 1,
                           .index = 2,
                           .kind = raft::EntryKind::kMembership,
                           .data = raft::Payload::copy_of(joint)};
  scenario.disks[0] = {{.term = 1, .vote = 1}, {entry_of(1, 1)}};
  scenario.disks[1] = scenario.disks[2] = {{.term = 1}, {entry_of(1, 1), change}};
  return scenario;
}

}  // namespace

std::vector<Scenario> Scenario::all() {
  const std::array<raft::NodeId, kExploreNodes> nodes = {1, 2, 3};
  const raft::Membership voters = raft::Membership::of_voters(nodes);
  const raft::Membership alone(
      {{1, 0, raft::kVoter}, {2, 0, raft::kLearner}, {3, 0, raft::kLearner}});
  const raft::Membership others({{2, 0, raft::kVoter}, {3, 0, raft::kVoter}});

  Scenario elections{.name = "elections", .membership = voters, .depth = 7};
  elections.limits = {.ticks = 3, .crashes = 1};
  Scenario writes{.name = "writes", .membership = voters, .depth = 6};
  writes.limits = {.ticks = 2, .crashes = 1, .duplicates = 1, .slow_disks = 1, .proposals = 1};
  Scenario steady{.name = "steady", .membership = voters, .settles_first = true, .depth = 5};
  steady.limits = {.ticks = 3, .crashes = 1, .duplicates = 1, .slow_disks = 1, .proposals = 2};
  Scenario joint{
      .name = "joint", .membership = alone, .target = others, .settles_first = true, .depth = 7};
  joint.limits = {.ticks = 2, .crashes = 1, .slow_disks = 1, .changes = 1};
  Scenario shrink{.name = "joint_shrink",
                  .membership = voters,
                  .target = raft::Membership({{1, 0, raft::kLearner}, {2, 0, raft::kVoter}}),
                  .settles_first = true,
                  .depth = 5};
  shrink.limits = {.ticks = 3, .crashes = 1, .slow_disks = 1, .proposals = 1, .changes = 1};
  Scenario leases{.name = "leases",
                  .membership = voters,
                  .settles_first = true,
                  .has_leases = true,
                  .depth = 5};
  leases.limits = {.ticks = 2, .crashes = 1, .turns = 3, .transfers = 1};
  // The leader is heard again while elections go on.
  Scenario late = leases;
  late.name = "late_heartbeat";
  late.others_ask = true;
  late.depth = 8;
  late.limits = {.ticks = 1};
  // Grows to all three, then shrinks to the two that were added.
  Scenario twice{.name = "joint_twice",
                 .membership = alone,
                 .target = voters,
                 .second_target = others,
                 .settles_first = true,
                 .depth = 7};
  twice.limits = {.ticks = 1, .crashes = 1, .changes = 2};
  Scenario joint_leases = leases;
  joint_leases.name = "joint_leases";
  joint_leases.depth = 6;
  joint_leases.membership = alone;
  joint_leases.target = others;
  joint_leases.limits = {.ticks = 1, .crashes = 1, .changes = 1, .turns = 2};
  elections.deep = 10;
  writes.deep = 8;
  steady.deep = 6;
  joint.deep = 10;
  shrink.deep = 7;
  leases.deep = 7;
  late.deep = 10;
  twice.deep = 10;
  joint_leases.deep = 8;
  return {elections,
          writes,
          steady,
          diverged(voters),
          joint,
          shrink,
          joint_cut(alone, others),
          twice,
          leases,
          joint_leases,
          late,
          snapshot(voters)};
}

ExploreWorld::ExploreWorld(const Scenario& scenario)
    : scenario_(&scenario), options_(options_of(scenario)), left_(scenario.limits) {
  for (const raft::Entry& entry : scenario.history) checker_.on_history(entry);
  for (size_t at = 0; at < kExploreNodes; ++at) {
    nodes_[at].disk = scenario.disks[at];
    start(at);
  }
  if (scenario.settles_first) settle();
}

void ExploreWorld::settle() {
  left_.ticks = 20;
  // Replicas that have lived before protect a leader of that life for one timeout; what they say
  // then is lost.
  for (uint8_t at = 1; at < kExploreNodes; ++at) {
    if (scenario_->disks[at].hard.term > 0) take({StepKind::kTick, at});
  }
  pool_.clear();
  while (nodes_[0].raft->role() != raft::RaftRole::kLeader && left_.ticks > 0) {
    take({StepKind::kTick, 0});
    for (size_t hop = 0; hop < 4; ++hop) deliver_settling();
  }
  // Heartbeats until all is said; with a snapshot on its way, until its first chunk is.
  for (int round = 0; round < 3; ++round) {
    while (deliver_settling()) {
    }
    if (scenario_->stops_at_chunk && pool_.empty()) take({StepKind::kTick, 0});
  }
  for (uint8_t at = 1; scenario_->others_ask && at < kExploreNodes; ++at) {
    left_.ticks = 20;
    while (nodes_[at].raft->role() == raft::RaftRole::kFollower && left_.ticks > 0) {
      now_ = now_ + options_.tick;  // which the process of the leader sleeps through
      take({StepKind::kTick, at});
    }
  }
  left_ = scenario_->limits;
}

// Delivers what is under way but chunks of snapshots that the search is about.
bool ExploreWorld::deliver_settling() {
  for (size_t place = 0; place < pool_.size(); ++place) {
    if (scenario_->stops_at_chunk && pool_[place].is_chunk) continue;
    deliver(place, false);
    return true;
  }
  return false;
}

// One turn of time on every node: clocks agree but for the extra ticks that a step may give.
void ExploreWorld::pass_turn() {
  --left_.turns;
  now_ = now_ + options_.tick;
  for (size_t at = 0; at < kExploreNodes; ++at) {
    given(nodes_[at], StepKind::kTurn, left_.turns);
    nodes_[at].raft->tick(now_);
    turn(at);
  }
  check_all();
}

void ExploreWorld::start(size_t at) {
  Node& node = nodes_[at];
  raft::Restart restart;
  restart.group = 1;
  restart.self = at + 1;
  restart.base.membership = scenario_->membership;
  restart.hard_state = node.disk.hard;
  restart.entries = node.disk.log;
  node.machine = StateMachine();
  if (node.disk.base.index != 0) {
    restart.base = node.disk.base;
    restart.applied = node.disk.base.index;
    if (!node.machine.load(node.disk.base_state)) checker_.fail("a snapshot does not load");
  }
  restart.partial = node.disk.staged;
  restart.partial_offset = node.disk.staged_state.size();
  node.waiting.clear();
  node.is_slow = false;
  node.history = hash_of(node.disk);
  node.checked_commit = node.disk.base.index;
  node.checked_leader_term = 0;
  node.raft = std::make_unique<raft::RaftNode>(options_, std::move(restart));
  turn(at);
}

std::vector<Step> ExploreWorld::steps() const {
  std::vector<Step> steps;
  for (size_t i = 0; i < pool_.size(); ++i) {
    if (i > 0 && pool_[i].hash == pool_[i - 1].hash) continue;
    steps.push_back({StepKind::kDeliver, static_cast<uint8_t>(i)});
    if (left_.duplicates > 0) steps.push_back({StepKind::kDuplicate, static_cast<uint8_t>(i)});
  }
  for (uint8_t at = 0; at < kExploreNodes; ++at) {
    const Node& node = nodes_[at];
    if (left_.ticks > 0) steps.push_back({StepKind::kTick, at});
    if (left_.crashes > 0) steps.push_back({StepKind::kCrash, at});
    if (node.is_slow) {
      steps.push_back({StepKind::kSync, at});
    } else if (left_.slow_disks > 0) {
      steps.push_back({StepKind::kSlow, at});
    }
    if (node.raft->role() != raft::RaftRole::kLeader) continue;
    if (left_.proposals > 0) steps.push_back({StepKind::kPropose, at});
    if (left_.changes > 0) steps.push_back({StepKind::kChange, at});
    if (left_.transfers > 0) steps.push_back({StepKind::kTransfer, at});
  }
  if (left_.turns > 0) steps.push_back({StepKind::kTurn, 0});
  for (uint8_t at = 0; at < kExploreNodes && left_.compacts > 0; ++at) {
    if (nodes_[at].raft->applied() > nodes_[at].disk.base.index) {
      steps.push_back({StepKind::kCompact, at});
    }
  }
  return steps;
}

void ExploreWorld::given(Node& node, StepKind kind, uint64_t what) {
  node.history = mixed(mixed(node.history, static_cast<uint64_t>(kind) + 1), what);
}

void ExploreWorld::take(Step step) {
  if (step.kind == StepKind::kDeliver || step.kind == StepKind::kDuplicate) {
    deliver(step.at, step.kind == StepKind::kDuplicate);
    return check_all();
  }
  if (step.kind == StepKind::kTurn) return pass_turn();
  Node& node = nodes_[step.at];
  given(node, step.kind, left_.proposals + 16 * left_.changes);
  switch (step.kind) {
    case StepKind::kTick:
      --left_.ticks;
      node.raft->tick(scenario_->has_leases ? now_ : Instant{});
      break;
    case StepKind::kCrash:
      --left_.crashes;
      start(step.at);
      break;
    case StepKind::kSlow:
      --left_.slow_disks;
      node.is_slow = true;
      break;
    case StepKind::kSync:
      node.is_slow = false;
      break;
    case StepKind::kPropose:
      propose(node);
      break;
    case StepKind::kChange:
      --left_.changes;
      // A refusal is one of the answers that are explored.
      (void)node.raft->propose_membership(left_.changes + 1 == scenario_->limits.changes ||
                                                  scenario_->second_target.is_empty()
                                              ? scenario_->target
                                              : scenario_->second_target);
      break;
    case StepKind::kCompact:
      --left_.compacts;
      compact(step.at);
      break;
    case StepKind::kTransfer:
      --left_.transfers;
      (void)node.raft->transfer_leadership((step.at + 1) % kExploreNodes + 1);
      break;
    case StepKind::kTurn:
    case StepKind::kDeliver:
    case StepKind::kDuplicate:
      break;
  }
  turn(step.at);
  check_all();
}

void ExploreWorld::propose(Node& node) {
  const std::array<raft::Payload, 1> batch = {
      raft::Payload::copy_of("new " + std::to_string(left_.proposals))};
  --left_.proposals;
  (void)node.raft->propose(batch);
}

void ExploreWorld::deliver(size_t place, bool stays) {
  const Packet packet = pool_[place];
  if (stays) {
    --left_.duplicates;
  } else {
    pool_.erase(pool_.begin() + static_cast<std::ptrdiff_t>(place));
  }
  Node& node = nodes_[packet.to];
  Result<raft::Frame> frame = raft::decode_frame({}, packet.frame);
  if (!frame) return checker_.fail("a frame does not decode");
  const uint64_t refused = node.raft->counters().refused_old_term;
  node.raft->step(std::move(frame->messages.front()));
  // What is refused for its old term changes nothing.
  if (node.raft->counters().refused_old_term == refused) {
    given(node, StepKind::kDeliver, packet.hash);
  }
  turn(packet.to);
}

void ExploreWorld::turn(size_t at) {
  Node& node = nodes_[at];
  release(at);
  while (node.raft->has_ready()) handle(at, node.raft->take_ready());
  check(at);
}

void ExploreWorld::handle(size_t at, raft::Ready ready) {
  Node& node = nodes_[at];
  for (const raft::Message& message : ready.send_now) send(at, message);
  Waiting waiting{.sequence = ready.sequence,
                  .needs_write = ready.needs_write(),
                  .hard = ready.hard_state,
                  .entries = {},
                  .messages = std::move(ready.send_after)};
  for (raft::LogIndex i = ready.append.first; i <= ready.append.last; ++i) {
    waiting.entries.push_back(node.raft->entry(i));
  }
  node.waiting.push_back(std::move(waiting));
  check(at);
  apply(at, ready.apply);
  for (const raft::SnapshotWanted& wanted : ready.snapshots_wanted) supply(at, wanted);
  if (ready.store_chunk != nullptr) store(at, *ready.store_chunk);
  release(at);
}

// The state takes the place of the log, durably at once.
void ExploreWorld::compact(size_t at) {
  Node& node = nodes_[at];
  const raft::LogIndex index = node.raft->applied();
  ExploreDisk& disk = node.disk;
  const size_t covered = index - disk.base.index;
  disk.log.erase(disk.log.begin(), disk.log.begin() + static_cast<std::ptrdiff_t>(
                                                          std::min(covered, disk.log.size())));
  disk.base = {index, *node.raft->term_at(index), index, node.raft->membership_at(index)};
  disk.base_state = node.machine.save();
  if (!node.raft->compact(index)) checker_.fail("compaction of applied entries refused");
}

void ExploreWorld::supply(size_t at, const raft::SnapshotWanted& wanted) {
  Node& node = nodes_[at];
  const ExploreDisk& disk = node.disk;
  if (disk.base.index == 0) return node.raft->on_snapshot_unavailable(wanted.to);
  raft::SnapshotChunk chunk;
  chunk.meta = disk.base;
  chunk.offset = wanted.id == disk.base.id ? wanted.offset : 0;
  const std::string part = disk.base_state.substr(chunk.offset, StateMachine::kPaddedBytes / 2);
  chunk.last = chunk.offset + part.size() == disk.base_state.size();
  chunk.bytes = raft::Payload::copy_of(part);
  node.raft->on_snapshot_bytes(wanted.to, std::move(chunk));
}

void ExploreWorld::store(size_t at, const raft::SnapshotChunk& chunk) {
  Node& node = nodes_[at];
  ExploreDisk& disk = node.disk;
  if (chunk.offset == 0 || disk.staged != chunk.meta) disk.staged_state.clear();
  disk.staged = chunk.meta;
  disk.staged_state.resize(chunk.offset);
  disk.staged_state += chunk.bytes.bytes();
  node.raft->on_snapshot_stored(chunk.meta.id, disk.staged_state.size());
  if (!chunk.last) return;
  if (!node.machine.load(disk.staged_state)) return checker_.fail("a snapshot does not load");
  disk.base = chunk.meta;
  disk.base_state = std::exchange(disk.staged_state, {});
  disk.staged = {};
  disk.log.clear();
  checker_.on_applied(at + 1, disk.base.index, node.machine.hash());
  node.has_installed = true;
  node.raft->on_snapshot_installed(chunk.meta.id);
  node.checked_commit = std::max(node.checked_commit, disk.base.index);
}

// Makes durable what a disk that is not slow may, and lets go what waited for that.
void ExploreWorld::release(size_t at) {
  Node& node = nodes_[at];
  while (!node.waiting.empty() && !(node.is_slow && node.waiting.front().needs_write)) {
    const Waiting waiting = std::move(node.waiting.front());
    node.waiting.pop_front();
    if (waiting.hard.has_value()) node.disk.hard = *waiting.hard;
    for (const raft::Entry& entry : waiting.entries) {
      if (entry.index <= node.disk.base.index) continue;  // a snapshot came in between
      node.disk.log.resize(
          std::min<size_t>(node.disk.log.size(), entry.index - node.disk.base.index - 1));
      node.disk.log.push_back(entry);
    }
    if (waiting.needs_write) node.raft->on_appended(waiting.sequence);
    for (const raft::Message& message : waiting.messages) send(at, message);
  }
}

void ExploreWorld::apply(size_t at, const raft::LogRange& range) {
  Node& node = nodes_[at];
  for (raft::LogIndex i = range.first; i <= range.last; ++i) {
    const raft::Entry& entry = node.raft->entry(i);
    node.machine.apply(entry);
    checker_.on_applied(at + 1, i, node.machine.hash());
    const bool is_own = node.raft->role() == raft::RaftRole::kLeader &&
                        entry.term == node.raft->term() && entry.kind == raft::EntryKind::kData;
    if (!is_own) continue;
    acknowledged_.push_back({i, entry.term});
    learn(3, i, entry.term);
    checker_.on_acknowledged(i, entry.term,
                             is_on_majority(acknowledged_.back(), node.raft->membership()));
  }
  if (!range.is_empty()) node.raft->on_applied(range.last);
}

// A vote is a promise: it stands on the disk before anybody hears of it.
void ExploreWorld::send(size_t at, const raft::Message& message) {
  const bool is_own = message.kind == raft::MessageKind::kVote;
  const bool is_grant =
      message.kind == raft::MessageKind::kVoteReply && !message.has(raft::kRejected);
  const raft::HardState& hard = nodes_[at].disk.hard;
  const raft::NodeId vote = is_own ? at + 1 : message.to;
  const bool is_kept = hard.term > message.term || (hard.term == message.term && hard.vote == vote);
  if ((is_own || is_grant) && !is_kept) {
    checker_.fail("node " + std::to_string(at + 1) + " votes before it is durable");
  }
  Packet packet{.to = message.to - 1,
                .frame = raft::encode_frame(std::span(&message, 1), {}),
                .text = text_of(message),
                .is_chunk = message.kind == raft::MessageKind::kSnapshotChunk};
  packet.hash = hash_bytes(packet.frame);
  const auto place =
      std::upper_bound(pool_.begin(), pool_.end(), packet,
                       [](const Packet& a, const Packet& b) { return a.hash < b.hash; });
  pool_.insert(place, std::move(packet));
}

bool ExploreWorld::holds(const ExploreDisk& disk, const Acknowledged& entry) const {
  if (entry.index <= disk.base.index) return true;
  const size_t place = entry.index - disk.base.index;
  return disk.log.size() >= place && disk.log[place - 1].term == entry.term;
}

bool ExploreWorld::is_on_majority(const Acknowledged& entry,
                                  const raft::Membership& membership) const {
  for (const raft::Role role : {raft::kVoter, raft::kOutgoing}) {
    size_t holders = 0;
    for (const raft::Member& member : membership.members()) {
      if (member.has(role) && holds(nodes_[member.node - 1].disk, entry)) ++holders;
    }
    const size_t count = membership.count(role);
    if (count > 0 && holders <= count / 2) return false;
  }
  return true;
}

void ExploreWorld::learn(uint64_t kind, uint64_t first, uint64_t second) {
  facts_.insert(mixed(mixed(mixed(0, kind), first), second));
}

void ExploreWorld::check(size_t at) {
  Node& node = nodes_[at];
  const raft::RaftNode& raft = *node.raft;
  if (raft.role() == raft::RaftRole::kLeader && raft.term() != node.checked_leader_term) {
    node.checked_leader_term = raft.term();
    checker_.on_leader(at + 1, raft);
    learn(1, raft.term(), at);
  }
  if (raft.commit() <= node.checked_commit) return;
  checker_.on_committed(at + 1, raft, node.checked_commit);
  for (raft::LogIndex i = node.checked_commit + 1; i <= raft.commit(); ++i) {
    learn(2, i, mixed(raft.entry(i).term, raft.term()));
  }
  node.checked_commit = raft.commit();
}

// A lease says that nobody else can be leader.
void ExploreWorld::check_leases() {
  for (const Node& old : nodes_) {
    if (!scenario_->has_leases || !old.raft->has_lease(now_)) continue;
    for (const Node& other : nodes_) {
      const bool is_newer = other.raft->term() > old.raft->term();
      if (is_newer && other.raft->role() == raft::RaftRole::kLeader) {
        return checker_.fail("a lease while another leads a later term");
      }
    }
  }
}

void ExploreWorld::check_logs() {
  for (size_t a = 0; a < kExploreNodes; ++a) {
    for (size_t b = a + 1; b < kExploreNodes; ++b) {
      bool agrees_above = false;  // equal terms at an index: everything below is equal
      raft::LogIndex i = std::min(nodes_[a].raft->view().last, nodes_[b].raft->view().last);
      const raft::LogIndex first =
          std::max(nodes_[a].raft->view().first, nodes_[b].raft->view().first);
      for (; i >= first; --i) {
        const raft::Entry& left = nodes_[a].raft->entry(i);
        const raft::Entry& right = nodes_[b].raft->entry(i);
        const bool is_same_term = left.term == right.term;
        const bool is_same = is_same_term && left.data.bytes() == right.data.bytes();
        if ((agrees_above || is_same_term) && !is_same) {
          return checker_.fail("logs do not match at index " + std::to_string(i));
        }
        agrees_above = is_same;
      }
    }
  }
}

void ExploreWorld::check_all() {
  check_leases();
  check_logs();
  for (const Node& node : nodes_) {
    // While a change is under way each entry counts by the membership of its own moment.
    if (node.raft->membership() != scenario_->membership) return;
  }
  for (const Acknowledged& entry : acknowledged_) {
    if (!is_on_majority(entry, scenario_->membership)) {
      return checker_.fail("acknowledged what a majority has lost");
    }
  }
}

bool ExploreWorld::has_lease() const {
  return scenario_->has_leases && std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
           return node.raft->has_lease(now_);
         });
}

bool ExploreWorld::has_installed() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const Node& node) { return node.has_installed; });
}

bool ExploreWorld::is_joint() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const Node& node) { return node.raft->membership().is_joint(); });
}

uint64_t ExploreWorld::state_hash() const {
  uint64_t hash = mixed(left_.ticks, left_.crashes);
  hash = mixed(mixed(hash, left_.duplicates), left_.slow_disks);
  hash = mixed(mixed(hash, left_.proposals), left_.changes);
  hash = mixed(mixed(hash, left_.turns), left_.compacts);
  hash = mixed(hash, left_.transfers);
  for (const Node& node : nodes_) hash = mixed(hash, node.history);
  for (const Packet& packet : pool_) hash = mixed(hash, packet.hash);
  hash = mixed(hash, pool_.size());
  for (const uint64_t fact : facts_) hash = mixed(hash, fact);
  return hash;
}

std::string ExploreWorld::text(Step step) const {
  static constexpr std::array<const char*, 11> kNames = {"deliver",   "deliver, keep a copy",
                                                         "tick",      "crash",
                                                         "slow disk", "sync",
                                                         "propose",   "change",
                                                         "turn of",   "compact",
                                                         "transfer"};
  const std::string name = kNames[static_cast<size_t>(step.kind)];
  if (step.kind == StepKind::kDeliver || step.kind == StepKind::kDuplicate) {
    return name + ": " + pool_[step.at].text;
  }
  return name + ": node " + std::to_string(step.at + 1);
}

namespace {

// How a state was first reached: the last step, and the state before it.
struct Visit {
  uint32_t parent = 0;
  Step step;
};

std::vector<Step> path_to(const std::vector<Visit>& visits, uint32_t at) {
  std::vector<Step> path;
  for (; at != 0; at = visits[at].parent) path.push_back(visits[at].step);
  std::reverse(path.begin(), path.end());
  return path;
}

std::unique_ptr<ExploreWorld> replay(const Scenario& scenario, std::span<const Step> path) {
  auto world = std::make_unique<ExploreWorld>(scenario);
  for (const Step& step : path) world->take(step);
  return world;
}

std::vector<std::string> describe(const Scenario& scenario, std::span<const Step> path) {
  ExploreWorld world(scenario);
  std::vector<std::string> lines;
  for (const Step& step : path) {
    lines.push_back(world.text(step));
    world.take(step);
  }
  return lines;
}

}  // namespace

Explored explore(const Scenario& scenario, uint32_t depth) {
  Explored result;
  std::vector<Visit> visits(1);  // the first is the start
  std::unordered_set<uint64_t> seen = {ExploreWorld(scenario).state_hash()};
  size_t begin = 0;
  for (uint32_t level = 0; level < depth && result.failure.empty(); ++level) {
    const size_t end = visits.size();
    for (size_t at = begin; at < end && result.failure.empty(); ++at) {
      std::vector<Step> path = path_to(visits, static_cast<uint32_t>(at));
      auto world = replay(scenario, path);
      for (const Step& step : world->steps()) {
        if (world == nullptr) world = replay(scenario, path);
        world->take(step);
        ++result.transitions;
        if (!world->failure().empty()) {
          result.failure = world->failure();
          path.push_back(step);
          result.history = describe(scenario, path);
          break;
        }
        if (seen.insert(world->state_hash()).second) {
          visits.push_back({static_cast<uint32_t>(at), step});
          result.with_lease += world->has_lease();
          result.with_snapshot += world->has_installed();
          result.with_joint += world->is_joint();
        }
        world.reset();
      }
    }
    begin = end;
  }
  result.states = visits.size();
  return result;
}

}  // namespace petrel::sim
