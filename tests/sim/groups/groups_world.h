// GroupsWorld: one seed of many groups that share nodes, links and failure detectors. Between two
// nodes there is one link; its frames carry the messages of all groups, so that every fault of a
// link hits all of them. After the faults every group must answer, agree and fall asleep.
//
// Each node runs a MultiRaft with its own clock and epoch; each replica has its own disk. Checked
// after every step, per group: what Checker says, leases, reads. Thread: one.
#pragma once

#include "sim/groups/groups_plan.h"
#include "sim/raft/checker.h"
#include "sim/raft/clients.h"
#include "sim/raft/replica.h"
#include "sim/world/event_queue.h"
#include "sim/world/fault_counts.h"
#include "sim/world/sim_clock.h"
#include "sim/world/sim_network.h"

#include "petrel/base/prng.h"
#include "petrel/raft/multi_raft.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

class GroupsWorld : public ReplicaHost {
 public:
  using Trace = std::function<void(const std::string& line)>;

  // `trace` may be empty.
  GroupsWorld(const GroupsPlan& plan, Trace trace);
  ~GroupsWorld() override;

  std::string run();  // empty: nothing was found wrong

  Instant now() const { return queue_.now(); }
  uint64_t events() const { return events_; }
  uint64_t acknowledgements() const;
  FaultCounts faults() const;

 private:
  enum class EventKind : uint8_t { kTick, kFrame, kSync, kClient, kFault, kStart, kStop, kRejoin };
  struct Event {
    EventKind kind;
    uint32_t node;
    uint32_t number;  // of the frame, the sync, or which series counts
    raft::GroupId group;
  };
  struct Node {
    std::unique_ptr<raft::MultiRaft> multi;  // null: down
    SimClock clock;
    Instant paused_until;
    Instant frozen_until;
    uint32_t epoch = 0;
  };
  // What is known of a replica's part, to notice when it changes.
  struct Part {
    raft::RaftRole role = raft::RaftRole::kFollower;
    raft::Term term = 0;
  };
  struct Group {
    Checker checker;
    std::vector<std::unique_ptr<Replica>> replicas;  // by node; null: never had one
    std::vector<Part> parts;
    std::unique_ptr<Clients> clients;
    raft::Membership first;
  };
  struct Frame {
    uint32_t from = 0;
    uint64_t generation = 0;  // of the link when it left
    std::string bytes;
  };

  raft::RaftNode& boot(const Replica& replica, raft::Restart restart) override;
  void send(raft::Message message) override;
  void start_sync(const Replica& replica, uint32_t epoch, Duration delay) override;
  void on_applied(const Replica& replica, const raft::Entry& entry) override;
  void on_read(const Replica& replica, const raft::ReadGrant& grant) override;
  void on_failed(const Replica& replica) override;

  void make_group(raft::GroupId id);
  void run_until(Instant end);
  bool is_deferred(const Event& event);
  void dispatch(const Event& event);
  void tick(const Event& event);
  void deliver(const Event& event);
  void finish_sync(const Event& event);
  void start_node(uint32_t node);
  void start_replica(Group& group, uint32_t node);
  void stop_replica(uint32_t node, raft::GroupId id);
  void work(uint32_t node);
  void send_frames(uint32_t node);
  void watch(raft::GroupId id, uint32_t node);
  void check_leases(const Group& group, uint32_t new_leader);
  bool is_out(uint32_t node) const;
  bool has_failed() const { return !failure_.empty(); }
  Group& group(raft::GroupId id) { return *groups_[id - 1]; }
  Replica* replica(raft::GroupId id, uint32_t node);  // null: not there or down
  int find_leader(raft::GroupId id);
  uint64_t& generation(uint32_t a, uint32_t b);
  void trace(const std::string& text);

  void client_turn();
  void ask(raft::GroupId id);

  // groups_nemesis.cc
  void break_something();
  void crash_nodes();
  void crash_node(uint32_t node);
  bool may_be_damaged(raft::GroupId id, uint32_t node) const;
  void misdirect_writes(uint32_t node);
  void cut_network();
  void reset_link();
  void disturb_clock();
  void change_membership(raft::GroupId id);
  void transfer(raft::GroupId id);
  void balance(uint32_t node);
  void stop_faults();
  std::string check_liveness();
  std::string check_group(raft::GroupId id);

  GroupsPlan plan_;
  Trace trace_;
  Prng prng_;
  EventQueue<Event> queue_;
  SimNetwork network_;
  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Frame> frames_;
  std::vector<uint32_t> free_frames_;
  std::vector<uint64_t> generations_;  // per pair of nodes
  std::string failure_;
  FaultCounts deeds_;
  uint32_t client_series_ = 1;
  uint32_t fault_series_ = 1;
  uint64_t events_ = 0;
  bool may_corrupt_ = false;
};

}  // namespace petrel::sim
