// Small-scope exploration: every order of deliveries, timeouts, crashes, slow writes, proposals and
// changes that three replicas of one group can see in a given number of steps.
//
// ExploreWorld is one such history. A step is chosen from steps() and taken; the same steps from
// the start give the same world, so the search keeps choices and replays them instead of copying
// replicas. Messages wait in an unordered pool: one that is never delivered is a lost one. Tokens
// (Limits) bound what would make the space infinite. Time does not pass, so leases are not looked
// at here; nothing is compacted, so no snapshot is sent.
//
// Checked after every step: what Checker says, votes that are durable before they are heard of,
// logs that match, acknowledged entries on the disks of a majority.
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
};

inline constexpr size_t kExploreNodes = 3;

// What stands on one disk.
struct ExploreDisk {
  raft::HardState hard;
  std::vector<raft::Entry> log;  // index 1 first
};

// Where the search begins, and what may happen.
struct Scenario {
  std::string name;
  raft::Membership membership;   // before the first entry
  raft::Membership target = {};  // of a change; empty: none
  std::array<ExploreDisk, kExploreNodes> disks = {};
  bool settles_first = false;  // node 1 is elected and everything is delivered before the search
  Limits limits = {};
  uint32_t depth = 0;  // of the run that belongs to every test

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
  std::string text(Step step) const;
  const std::string& failure() const { return checker_.failure(); }

 private:
  struct Packet {
    uint64_t hash = 0;
    size_t to = 0;
    std::string frame;
    std::string text;
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
    uint64_t history = 0;  // hash of what it started from and was given since
    raft::LogIndex checked_commit = 0;
    raft::Term checked_leader_term = 0;
  };
  struct Acknowledged {
    raft::LogIndex index;
    raft::Term term;
  };

  void settle();
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
  Checker checker_;
};

struct Explored {
  uint64_t states = 0;       // different ones, the first included
  uint64_t transitions = 0;  // steps taken from them
  std::string failure;       // empty: nothing found
  std::vector<std::string> history;
};

// All states that `depth` steps reach, breadth first: a failure has the shortest history.
Explored explore(const Scenario& scenario, uint32_t depth);

}  // namespace petrel::sim
