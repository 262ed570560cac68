// Replica: one RaftNode with the driver that a server would give it: journal, checkpoint, state
// machine. It lives through crashes: the disk stays, the node is built anew from it.
// Owner: RaftWorld. Thread: one.
#pragma once

#include "sim/raft/checker.h"
#include "sim/raft/journal.h"
#include "sim/raft/plan.h"
#include "sim/raft/state_machine.h"
#include "sim/world/sim_clock.h"
#include "sim/world/sim_disk.h"

#include "petrel/raft/raft_node.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

// What a replica needs from the world around it.
class ReplicaHost {
 public:
  virtual ~ReplicaHost() = default;
  virtual void send(raft::Message message) = 0;
  virtual void start_sync(uint32_t node, uint32_t epoch, Duration delay) = 0;
  virtual void on_applied(uint32_t node, const raft::Entry& entry) = 0;
  virtual void on_read(uint32_t node, const raft::ReadGrant& grant) = 0;
  virtual void on_failed(uint32_t node) = 0;
};

class Replica {
 public:
  Replica(const Plan& plan, uint32_t node, ReplicaHost& host, Checker& checker);

  void start(const raft::Membership& first_membership);
  void crash();
  bool is_up() const { return raft_ != nullptr; }
  uint32_t life() const { return life_; }

  void tick(Instant now);
  void step(raft::Message message);
  void on_sync_done(uint32_t epoch);
  // Everything that may have changed the node is followed by this.
  void turn();
  void checkpoint();
  void damage_on_next_crash() { damage_due_ = true; }

  raft::RaftNode& raft() { return *raft_; }
  const raft::RaftNode& raft() const { return *raft_; }
  const StateMachine& machine() const { return machine_; }
  SimClock& clock() { return clock_; }
  SimDisk& disk() { return disk_; }
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

  const Plan* plan_;
  uint32_t node_;
  ReplicaHost* host_;
  Checker* checker_;
  SimDisk disk_;
  SimClock clock_;
  Journal journal_;
  std::unique_ptr<raft::RaftNode> raft_;
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
};

}  // namespace petrel::sim
