// RaftNode: one replica of one Raft group, without I/O. Messages, ticks and the driver's answers go
// in; Ready comes out. Same inputs, same outputs: randomness is seeded, time is given.
//
// Owner: the home loop of the group. Thread: owner only.
// Limits: RaftOptions; an idle replica of three members costs less than 2 KiB.
// Errors: propose and the like answer kNotLeader, kFull, kInvalidArgument; messages that cannot be
// right are dropped and counted in RaftCounters, and change nothing.
// Source: Ongaro's thesis, chapters 3, 4, 6, 9, 10; docs/design/010-raft.md says what was decided.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/raft/entry.h"
#include "petrel/raft/membership.h"
#include "petrel/raft/message.h"
#include "petrel/raft/raft_options.h"
#include "petrel/raft/ready.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace petrel::raft {

enum class RaftRole : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// What a replica starts from. A new group starts with hard_state and base zero and a membership.
struct Restart {
  GroupId group = 0;
  NodeId self = kNoNode;
  uint64_t seed = 0;
  uint8_t priority = kPriorityTop;
  HardState hard_state;
  // The owner's state: everything up to base.index is in it. base.membership holds there.
  SnapshotMeta base;
  LogIndex applied = 0;        // at least base.index; entries above it are given out for applying
  std::vector<Entry> entries;  // contiguous after base.index
  // What a scan of the log could not read; entries end before `first`. What stands before a hole
  // may have been overwritten inside it: `first` follows the commit index that was written before
  // the hole, and `last` is the largest index in any readable record. hard_state.damaged_to is
  // raised to `last` by the node. Empty: nothing new is damaged.
  LogRange damage;
  // A snapshot that was being received: what is kept of it.
  SnapshotMeta partial;
  uint64_t partial_offset = 0;
};

struct RaftCounters {
  uint64_t refused_unknown_sender = 0;
  uint64_t refused_misaddressed = 0;
  uint64_t refused_old_term = 0;
  uint64_t refused_malformed = 0;  // numbers out of range, gaps, impossible roles
  uint64_t refused_conflict = 0;   // would change committed entries: the sender is broken
  uint64_t elections_started = 0;
  uint64_t elections_won = 0;
  uint64_t probes_rejected = 0;
};

struct PeerView {
  NodeId node = kNoNode;
  LogIndex match = 0;
  bool is_active = false;
  bool is_trusted = true;
  bool needs_snapshot = false;
  uint64_t window_bytes = 0;
};

struct RaftView {
  RaftRole role = RaftRole::kFollower;
  Term term = 0;
  NodeId leader = kNoNode;
  LogIndex first = 1;  // of the entries in memory
  LogIndex last = 0;
  LogIndex commit = 0;
  LogIndex applied = 0;
  uint64_t log_bytes = 0;
  bool is_quiesced = false;
  bool is_trusted = true;    // false: lost its promises, waits to be taken in again
  bool is_failed = false;    // a write failed: takes no part until restarted
  bool is_changing = false;  // a membership change is under way
  NodeId transfer_to = kNoNode;
  LogRange damage;  // the range this replica needs before it votes or leads
  std::vector<PeerView> peers;
};

class RaftCore;

class RaftNode {
 public:
  // REQUIRES: options outlive the node; restart.entries are contiguous. A restart that contradicts
  // itself (checked by its driver's checksums long before) stops the process.
  RaftNode(const RaftOptions& options, Restart restart);
  ~RaftNode();
  RaftNode(RaftNode&&) noexcept;
  RaftNode& operator=(RaftNode&&) noexcept;

  // Once per RaftOptions::tick while the group is awake. `now` is this node's monotonic clock.
  void tick(Instant now);
  void step(Message message);

  // Leader only; all or nothing. kInvalidArgument: a payload above kPayloadBytesMax. The range is
  // where the batch stands if this term commits it. With forward_proposals a follower answers an
  // empty range: passed on, or lost on the way; the owner asks again if it does not see it applied,
  // and makes repeats harmless.
  Result<LogRange> propose(std::span<const Payload> batch);
  // Leader only. Starts the change to `target` (roles kVoter and kLearner); a joint step is added
  // and left automatically. kFull: a change is under way. kInvalidArgument: a new voter is no
  // learner yet, or those that answer would not be a majority of both sets.
  Result<LogIndex> propose_membership(const Membership& target);
  // Leader only. Hands over when `to` has caught up; gives up after election_ticks.
  Status transfer_leadership(NodeId to);
  // The grant comes in a Ready, once a majority has confirmed the leader after this call.
  Status read_index(uint64_t context);
  // True: no other leader can exist at `now`, if clocks drift less than the margin of `lease`.
  bool has_lease(Instant now) const;
  void campaign();  // does not wait for the timeout, but for a leader that is heard

  bool has_ready() const;
  Ready take_ready();
  const Entry& entry(LogIndex index) const;  // REQUIRES: in memory
  void on_appended(uint64_t sequence);       // this Ready and all before are durable
  void on_append_failed();                   // nothing of this replica can be trusted to be durable
  void on_applied(LogIndex index);
  // The owner's state holds everything up to `index` durably; older entries may go.
  Status compact(LogIndex index);

  void on_snapshot_bytes(NodeId to, SnapshotChunk chunk);
  void on_snapshot_unavailable(NodeId to);
  void on_snapshot_stored(uint64_t id, uint64_t next_offset);
  void on_snapshot_installed(uint64_t id);

  // Node-level news. Suspected: the node answers nothing; stagger delays the campaign of this
  // group.
  void on_node_suspected(NodeId node, uint32_t stagger_ticks);
  void on_node_restarted(NodeId node, uint32_t stagger_ticks);
  void on_link_reset(NodeId node);  // messages may have been lost: probe again
  void wake();

  void set_priority(uint8_t priority);
  GroupId group() const;
  NodeId leader() const;
  RaftRole role() const;
  Term term() const;
  LogIndex commit() const;
  LogIndex applied() const;
  bool is_quiesced() const;
  bool is_failed() const;
  const Membership& membership() const;            // of the last entry that changed it
  Membership membership_at(LogIndex index) const;  // for the owner's checkpoint at `index`
  Result<Term> term_at(LogIndex index) const;
  RaftView view() const;
  const RaftCounters& counters() const;

 private:
  std::unique_ptr<RaftCore> core_;
};

}  // namespace petrel::raft
