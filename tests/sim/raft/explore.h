// Small-scope exploration: every order of deliveries, timeouts, crashes, slow writes, proposals and
// changes that three replicas of one group can see in a given number of steps.
//
// ExploreWorld is one such history. A step is chosen from steps() and taken; the same steps from
// the start give the same world, so the search keeps choices and replays them instead of copying
// replicas. Messages wait in an unordered pool: one that is never delivered is a lost one. Tokens
// (Limits) bound what would make the space infinite. Where leases are looked at, time passes in
// turns that tick all three replicas, and an extra tick of one is a clock that runs fast; elsewhere
// a tick is a timeout. Snapshots go in two chunks; a crash keeps the chunks that are stored.
//
// Checked after every step: what Checker says, votes that are durable before they are heard of,
// logs that match, acknowledged entries on the disks of a majority, no new leader while another has
// a lease, equal state at equal index whatever it came from.
//
// States are equal when their hashes are: of what every replica started from and was given since,
// in its own order (a replica is a function of that), of the messages under way, of the tokens left
// and of what the checkers know. Orders that differ only between replicas that did not hear of each
// other are one state. Owner: its caller. Thread: one.
#pragma once

#include "sim/raft/checker.h"
#include "sim/raft/state_machine.h"

#include "petrel/raft/raft_node.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace petrel::sim {

// How often each kind of step may be taken in one history.
struct Limits {
  uint32_t ticks = 0;
  uint32_t crashes = 0;
  uint32_t duplicates = 0;
  uint32_t slow_disks = 0;
  uint32_t proposals = 0;
  uint32_t changes = 0;
  uint32_t turns = 0;     // of time
  uint32_t compacts = 0;  // checkpoints that take the place of the log
  uint32_t transfers = 0;
};

inline constexpr size_t kExploreNodes = 3;

// What stands on one disk.
struct ExploreDisk {
  raft::HardState hard;
  std::vector<raft::Entry> log;  // the first after base
  raft::SnapshotMeta base = {};
  std::string base_state = {};
  raft::SnapshotMeta staged = {};  // a snapshot that is being received
  std::string staged_state = {};
};

// Where the search begins, and what may happen.
struct Scenario {
  std::string name;
  raft::Membership membership;  // before the first entry
  // Of the changes, one after another; empty: none.
  raft::Membership target = {};
  raft::Membership second_target = {};
  std::array<ExploreDisk, kExploreNodes> disks = {};
  std::vector<raft::Entry> history = {};  // committed before
  bool settles_first = false;   // node 1 is elected and everything is delivered before the search
  bool stops_at_chunk = false;  // but snapshots are not delivered
  bool others_ask = false;      // nodes 2 and 3 have lost the leader and asked for votes
  bool has_leases = false;      // time passes; a follower protects for two turns, a lease is one
  Limits limits = {};
  uint32_t depth = 0;  // of the run that belongs to every test
  uint32_t deep = 0;   // of the run of tier 2

  static std::vector<Scenario> all();
};

enum class StepKind : uint8_t {
  kDeliver,    // a message of the pool
  kDuplicate,  // the same, and it stays in the pool
  kTick,       // an election timeout, or a heartbeat and half of the check-quorum of a leader
  kCrash,      // and restart from the disk
  kSlow,       // from now on writes wait
  kSync,       // until here: all of them are durable
  kPropose,
  kChange,
  kTurn,      // time passes: everybody ticks
  kCompact,   // the state is saved in place of the log
  kTransfer,  // the leader hands over to the next node
};

struct Step {
  StepKind kind = StepKind::kTick;
  uint8_t at = 0;  // a node, or a place in the pool
};

class ExploreWorld {
 public:
  explicit ExploreWorld(const Scenario& scenario);

  std::vector<Step> steps() const;
  void take(Step step);
  uint64_t state_hash() const;
  bool has_lease() const;      // somebody has one
  bool has_installed() const;  // somebody has taken a snapshot of another
  bool is_joint() const;       // somebody is in a joint membership
  std::string text(Step step) const;
  const std::string& failure() const { return checker_.failure(); }

 private:
  struct Packet {
    uint64_t hash = 0;
    size_t to = 0;
    std::string frame;
    std::string text;
    bool is_chunk = false;
  };
  struct Waiting {
    uint64_t sequence = 0;
    bool needs_write = false;
    std::optional<raft::HardState> hard;
    std::vector<raft::Entry> entries;
    std::vector<raft::Message> messages;
  };
  struct Node {
    std::unique_ptr<raft::RaftNode> raft;
    ExploreDisk disk;
    StateMachine machine;
    std::deque<Waiting> waiting;
    bool is_slow = false;
    bool has_installed = false;
    uint64_t history = 0;  // hash of what it started from and was given since
    raft::LogIndex checked_commit = 0;
    raft::Term checked_leader_term = 0;
  };
  struct Acknowledged {
    raft::LogIndex index;
    raft::Term term;
  };

  void settle();
  bool deliver_settling();
  void pass_turn();
  void compact(size_t at);
  void supply(size_t at, const raft::SnapshotWanted& wanted);
  void store(size_t at, const raft::SnapshotChunk& chunk);
  bool holds(const ExploreDisk& disk, const Acknowledged& entry) const;
  void check_leases();
  void check_logs();
  void start(size_t at);
  void deliver(size_t place, bool stays);
  void propose(Node& node);
  void given(Node& node, StepKind kind, uint64_t what);
  void turn(size_t at);
  void handle(size_t at, raft::Ready ready);
  void release(size_t at);
  void apply(size_t at, const raft::LogRange& range);
  void send(size_t at, const raft::Message& message);
  bool is_on_majority(const Acknowledged& entry, const raft::Membership& membership) const;
  void learn(uint64_t kind, uint64_t first, uint64_t second);
  void check(size_t at);
  void check_all();

  const Scenario* scenario_;
  raft::RaftOptions options_;
  Limits left_;
  std::array<Node, kExploreNodes> nodes_;
  std::vector<Packet> pool_;  // sorted by hash
  std::vector<Acknowledged> acknowledged_;
  std::set<uint64_t> facts_;  // what the checkers know, as hashes
  Instant now_{1'000'000'000};
  Checker checker_;
};

struct Explored {
  uint64_t states = 0;       // different ones, the first included
  uint64_t transitions = 0;  // steps taken from them
  // In how many of the states what the scenario is about was there.
  uint64_t with_lease = 0;
  uint64_t with_snapshot = 0;
  uint64_t with_joint = 0;
  std::string failure;  // empty: nothing found
  std::vector<std::string> history;
};

// All states that `depth` steps reach, breadth first: a failure has the shortest history.
Explored explore(const Scenario& scenario, uint32_t depth);

}  // namespace petrel::sim
