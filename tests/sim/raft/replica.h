// Replica: the driver that a server would give one RaftNode: journal, checkpoint, state machine. It
// lives through crashes: the disk stays, the node is built anew from it. The node itself belongs to
// the host, alone or among the many of a MultiRaft.
// Owner: RaftWorld or GroupsWorld. Thread: one.
#pragma once

#include "sim/raft/checker.h"
#include "sim/raft/journal.h"
#include "sim/raft/plan.h"
#include "sim/raft/state_machine.h"
#include "sim/world/fault_counts.h"
#include "sim/world/sim_disk.h"

#include "petrel/raft/raft_node.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

class Replica;

// What a replica needs from the world around it.
class ReplicaHost {
 public:
  virtual ~ReplicaHost() = default;
  // The node stays where it is until the replica has crashed.
  virtual raft::RaftNode& boot(const Replica& replica, raft::Restart restart) = 0;
  virtual void send(raft::Message message) = 0;
  virtual void start_sync(const Replica& replica, uint32_t epoch, Duration delay) = 0;
  virtual void on_applied(const Replica& replica, const raft::Entry& entry) = 0;
  virtual void on_read(const Replica& replica, const raft::ReadGrant& grant) = 0;
  virtual void on_failed(const Replica& replica) = 0;
};

// What a replica has lived through.
struct ReplicaCounts {
  uint64_t damaged = 0;     // restarts that found a hole
  uint64_t healed = 0;      // holes that were refilled
  uint64_t forgotten = 0;   // restarts of a memory log
  uint64_t readmitted = 0;  // and taken in again
  uint64_t snapshots = 0;   // installed
  uint64_t resumed = 0;     // restarts with a part of a snapshot
};

void add_replica_counts(FaultCounts& total, const ReplicaCounts& counts);

class Replica {
 public:
  // Nodes are 0..; node n is member n + 1 of the group.
  Replica(const Plan& plan, uint32_t node, raft::GroupId group, ReplicaHost& host,
          Checker& checker);

  void start(const raft::Membership& first_membership);
  void crash();
  bool is_up() const { return raft_ != nullptr; }
  uint32_t life() const { return life_; }

  void tick(Instant now);
  void step(raft::Message message);
  void take(raft::Ready ready);
  void on_sync_done(uint32_t epoch);
  // Everything that may have changed the node is followed by this.
  void turn();
  void checkpoint();
  void damage_on_next_crash() { damage_due_ = true; }
  void misdirect_next_batch() { journal_.misdirect_next_batch(prng_); }

  raft::RaftNode& raft() { return *raft_; }
  const raft::RaftNode& raft() const { return *raft_; }
  const StateMachine& machine() const { return machine_; }
  SimDisk& disk() { return disk_; }
  uint32_t node() const { return node_; }
  raft::GroupId group() const { return group_; }
  const ReplicaCounts& counts() const { return counts_; }
  bool holds_durably(raft::LogIndex index, raft::Term term) const;

 private:
  struct Waiting {
    uint64_t sequence;
    bool needs_write;
    std::vector<raft::Message> messages;
  };

  raft::Restart restart_from_disk(const raft::Membership& first_membership);
  void send(raft::Message message);
  void handle(raft::Ready ready);
  void write(raft::Ready& ready);
  void apply(const raft::LogRange& range);
  void store_chunk(raft::SnapshotChunk chunk);
  void install(const raft::SnapshotMeta& meta);
  void supply_chunk(const raft::SnapshotWanted& wanted);
  void start_batch();
  void release(size_t count);
  void check();
  void count_recovery();

  const Plan* plan_;
  uint32_t node_;
  raft::GroupId group_;
  ReplicaHost* host_;
  Checker* checker_;
  SimDisk disk_;
  Journal journal_;
  raft::RaftNode* raft_ = nullptr;  // null: down
  StateMachine machine_;
  Checkpoint checkpoint_;
  std::string staged_;  // of a snapshot being received; survives a crash
  raft::SnapshotMeta staged_meta_;
  std::deque<Waiting> waiting_;  // Readys that are not durable yet, oldest first
  size_t syncing_ = 0;           // how many of them the running sync covers
  bool is_syncing_ = false;
  raft::HardState hard_;
  uint32_t life_ = 0;
  uint32_t sync_epoch_ = 0;
  bool damage_due_ = false;
  Prng prng_;
  raft::LogIndex checked_commit_ = 0;
  raft::Term checked_leader_term_ = 0;
  ReplicaCounts counts_;
  bool was_damaged_ = false;
  bool was_untrusted_ = false;
};

}  // namespace petrel::sim
