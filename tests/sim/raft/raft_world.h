// RaftWorld: one seed. Replicas of one group, the network between them, clients, and a nemesis that
// breaks things for a while and then stops; after that everything must work again (S5).
// Thread: one.
#pragma once

#include "sim/raft/checker.h"
#include "sim/raft/plan.h"
#include "sim/raft/replica.h"
#include "sim/world/event_queue.h"
#include "sim/world/sim_network.h"

#include "petrel/base/prng.h"

#include <functional>
#include <map>
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

 private:
  enum class EventKind : uint8_t { kTick, kPacket, kSync, kClient, kFault, kRestart, kNews };
  struct Event {
    EventKind kind;
    uint32_t node;
    uint32_t number;  // of the packet, the life or the sync
  };
  struct Proposal {
    raft::Term term;
    uint64_t operation;
  };

  void send(raft::Message message) override;
  void start_sync(uint32_t node, uint32_t epoch, Duration delay) override;
  void on_applied(uint32_t node, const raft::Entry& entry) override;
  void on_read(uint32_t node, const raft::ReadGrant& grant) override;
  void on_failed(uint32_t node) override;

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

  // client.cc
  void client_turn();
  void propose_to(uint32_t node);
  void read_from(uint32_t node);
  bool is_on_majority(uint32_t node, raft::LogIndex index, raft::Term term) const;
  int find_leader() const;
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
  void stop_faults();
  std::string check_liveness();
  bool has_converged() const;

  Plan plan_;
  Trace trace_;
  Prng prng_;
  EventQueue<Event> queue_;
  SimNetwork network_;
  Checker checker_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<Instant> paused_until_;
  std::vector<raft::RaftRole> roles_;
  std::vector<raft::Message> packets_;
  std::vector<std::string> encoded_;
  std::vector<uint32_t> free_packets_;
  std::vector<std::map<raft::LogIndex, Proposal>> proposals_;
  std::map<uint64_t, raft::LogIndex> reads_;  // context -> acknowledged when it was asked
  raft::Membership first_membership_;
  std::vector<bool> silent_;  // [observer * nodes + node]: unheard at the last look
  uint64_t operations_ = 0;
  uint64_t events_ = 0;
  uint32_t may_be_damaged_ = 0;  // bit set of a minority
  bool is_calm_ = false;
};

}  // namespace petrel::sim
