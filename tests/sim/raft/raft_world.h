// RaftWorld: one seed. Replicas of one group, the network between them, clients, and a nemesis that
// breaks things for a while and then stops; after that everything must work again (S5). A plan with
// several episodes lets the group sleep for hours in between, with rare proposals and faults; nodes
// that sleep get no ticks, so that such hours cost next to nothing.
// Thread: one.
#pragma once

#include "sim/raft/checker.h"
#include "sim/raft/clients.h"
#include "sim/raft/plan.h"
#include "sim/raft/replica.h"
#include "sim/world/event_queue.h"
#include "sim/world/fault_counts.h"
#include "sim/world/sim_clock.h"
#include "sim/world/sim_network.h"

#include "petrel/base/prng.h"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

using Trace = std::function<void(const std::string& line)>;

class RaftWorld : public ReplicaHost {
 public:
  // `trace` may be empty.
  RaftWorld(const Plan& plan, Trace trace);
  ~RaftWorld() override;

  // Empty: nothing was found wrong.
  std::string run();

  Instant now() const { return queue_.now(); }
  uint64_t events() const { return events_; }
  const Checker& checker() const { return checker_; }
  Duration slept() const { return slept_; }  // part of now() without chaos and calm
  FaultCounts faults() const;

 private:
  enum class EventKind : uint8_t { kTick, kPacket, kSync, kClient, kFault, kRestart, kNews };
  struct Event {
    EventKind kind;
    uint32_t node;
    uint32_t number;  // of the packet, the life or the sync
  };
  // How often the nemesis did what.
  struct Deeds {
    uint64_t crashes = 0;
    uint64_t power_failures = 0;
    uint64_t pauses = 0;
    std::array<uint64_t, 5> cuts = {};  // by kind
    uint64_t skews = 0;
    uint64_t jumps = 0;
    uint64_t freezes = 0;
    uint64_t memberships = 0;  // changes that began
    uint64_t transfers = 0;    // that began
    uint64_t suspicions = 0;
    uint64_t leaders = 0;
    uint64_t wakes = 0;  // nodes that had slept
  };

  raft::RaftNode& boot(const Replica& replica, raft::Restart restart) override;
  void send(raft::Message message) override;
  void start_sync(const Replica& replica, uint32_t epoch, Duration delay) override;
  void on_applied(const Replica& replica, const raft::Entry& entry) override;
  void on_read(const Replica& replica, const raft::ReadGrant& grant) override;
  void on_failed(const Replica& replica) override;

  void run_until(Instant end);
  void dispatch(const Event& event);
  void deliver(const Event& event);
  bool is_deferred(const Event& event);
  void start_replica(uint32_t node);
  void crash_replica(uint32_t node, Duration down);
  void schedule_tick(uint32_t node);
  void watch(uint32_t node);
  void trace(const std::string& text);
  bool has_trace() const { return trace_ != nullptr; }

  void client_turn();
  int find_leader() const;
  bool is_out(uint32_t node) const;
  void check_leases(uint32_t new_leader);

  // nemesis.cc
  void break_something();
  void crash_somebody();
  void cut_network();
  void disturb_clock();
  void change_membership();
  void transfer_leadership();
  bool may_crash(uint32_t node) const;
  void tell_suspicions();
  void expect_news();
  void start_faults();
  void stop_faults();
  std::string sleep();
  std::string check_liveness();
  bool has_converged() const;

  Plan plan_;
  Trace trace_;
  Prng prng_;
  EventQueue<Event> queue_;
  SimNetwork network_;
  Checker checker_;
  std::vector<std::unique_ptr<raft::RaftNode>> nodes_;  // null: down
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<Clients> clients_;
  std::vector<SimClock> clocks_;
  std::vector<Instant> frozen_until_;  // clocks; no lease is believed for a while after
  std::vector<bool> is_ticking_;
  std::vector<Instant> paused_until_;
  std::vector<raft::RaftRole> roles_;
  std::vector<raft::Message> packets_;
  std::vector<uint32_t> free_packets_;
  raft::Membership first_membership_;
  std::vector<bool> silent_;  // [observer * nodes + node]: unheard at the last look
  Deeds deeds_;
  Duration slept_;
  Duration client_every_;
  DiskOptions faulty_disk_;
  uint32_t client_turn_ = 0;  // which series of client events counts
  uint32_t fault_turn_ = 0;
  bool is_news_due_ = false;
  uint64_t events_ = 0;
  uint32_t may_be_damaged_ = 0;  // bit set of a minority
};

}  // namespace petrel::sim
