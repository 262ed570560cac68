// RaftCore: the state of a RaftNode and its rules, spread over files by subject:
//   raft_core.cc     construction, ticks, dispatch of messages     election.cc     votes, roles
//   ready.cc         Ready and the driver's answers                follower.cc     appends,
//   heartbeats replication.cc   what a leader sends, acks, commit             membership_change.cc
//   reads.cc         read index, lease                             quiescence.cc   sleeping groups
//   snapshot_transfer.cc   chunks out and in                       transfer.cc     handing
//   leadership over
//
// Owner: RaftNode. Thread: owner only.
// Invariants: applied <= applying <= commit <= last; durable <= handed <= last; base <= checkpoint;
// no message that promises something leaves before what it promises is durable.
#pragma once

#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/raft_log.h"

#include "petrel/base/prng.h"
#include "petrel/raft/raft_node.h"

#include <memory>
#include <span>
#include <vector>

namespace petrel::raft {

// What only a leader has.
struct Leadership {
  struct Read {
    uint64_t context = 0;
    LogIndex index = 0;
    uint64_t round = 0;
    NodeId from = kNoNode;  // kNoNode: asked here
  };
  std::vector<Progress> peers;  // parallel to the members, self included
  LogIndex term_start = 0;      // the empty entry of this term
  uint64_t round = 0;
  bool round_due = false;  // a heartbeat to all is to leave with the next Ready
  std::vector<Read> reads;
  NodeId transfer_to = kNoNode;
  uint32_t transfer_ticks = 0;
  bool transfer_told = false;
  bool timeout_sent = false;  // somebody may campaign at any time in this term: no leases
  uint64_t uncommitted_bytes = 0;
};

// A snapshot that is being received.
struct Receiving {
  SnapshotMeta meta;
  uint64_t next_offset = 0;
  NodeId from = kNoNode;
  bool is_storing = false;
  bool is_installing = false;
};

class RaftCore {
 public:
  RaftCore(const RaftOptions& options, Restart restart);

  void tick(Instant now);
  void step(Message message);
  Result<LogRange> propose(std::span<const Payload> batch);
  Result<LogIndex> propose_membership(const Membership& target);
  Status transfer_leadership(NodeId to);
  Status read_index(uint64_t context);
  bool has_lease(Instant now) const;
  void campaign();

  bool has_ready() const;
  Ready take_ready();
  void on_appended(uint64_t sequence);
  void on_append_failed();
  void on_applied(LogIndex index);
  Status compact(LogIndex index);

  void on_snapshot_bytes(NodeId to, SnapshotChunk chunk);
  void on_snapshot_unavailable(NodeId to);
  void on_snapshot_stored(uint64_t id, uint64_t next_offset);
  void on_snapshot_installed(uint64_t id);

  void on_node_suspected(NodeId node, uint32_t stagger_ticks);
  void on_node_restarted(NodeId node, uint32_t stagger_ticks);
  void on_link_reset(NodeId node);
  void wake();

  RaftView view() const;

 private:
  friend class RaftNode;

  // What a Ready that is still being written will make durable.
  struct InFlight {
    uint64_t sequence;
    LogIndex last;
    HardState hard;
  };

  // raft_core.cc
  void tick_follower();
  bool accept_numbers(const Message& message) const;
  bool accept_sender(const Message& message);
  bool accept_term(const Message& message);
  void answer_old_term(const Message& message);
  void dispatch(Message& message);
  Message make(MessageKind kind, NodeId to) const;
  void emit(Message message);
  void emit_when_durable(Message message);
  bool is_promise_durable() const;
  void refuse_malformed() { ++counters_.refused_malformed; }

  // election.cc
  void reset_timeout();
  void become_follower(Term term, NodeId leader);
  void become_leader();
  void start_pre_vote();
  void start_election(bool forced);
  void ask_for_votes(MessageKind kind, Term term, bool forced);
  void count_ballot(NodeId from, Ballot ballot);
  void on_pre_vote(const Message& message);
  void on_vote(const Message& message);
  bool learns_of_removal(const Message& message);
  void on_vote_reply(const Message& message);
  bool is_log_current(const Message& message) const;
  bool is_leader_alive() const;
  bool can_vote() const;
  bool can_campaign() const;
  void lose_leader(uint32_t stagger_ticks);

  // follower.cc
  void follow(NodeId leader);
  void on_append(Message& message);
  bool are_entries_sound(const Message& message) const;
  void reject_append(const Message& message);
  bool store_entries(Message& message);
  void acknowledge(NodeId to, LogIndex index);
  void on_heartbeat(const Message& message);
  void commit_to(LogIndex index);
  void update_trust();
  void update_damage(LogIndex match, LogIndex leader_last);
  uint8_t own_flags() const;

  // replication.cc
  void tick_leader();
  bool has_live_quorum(const Membership& membership) const;
  bool is_live(const Progress& peer) const;
  void append_own(EntryKind kind, Payload data);
  void flush_appends();
  void send_appends(Progress& peer);
  bool send_one_append(Progress& peer);
  void send_heartbeats();
  void send_heartbeat(Progress& peer);
  Progress* find_peer(NodeId node);
  Progress* answering_peer(const Message& message);
  void hear(Progress& peer, const Message& message);
  void on_append_reply(const Message& message);
  void on_append_rejected(Progress& peer, const Message& message);
  void on_heartbeat_reply(const Message& message);
  void maybe_commit();
  void on_commit_advanced(LogIndex before);
  void rebuild_peers();
  void on_forward(Message& message);

  // membership_change.cc
  bool is_change_pending() const;
  Status check_target(const Membership& target) const;
  Membership with_known_lives(const Membership& target) const;
  Result<LogIndex> append_membership(const Membership& target);
  void on_membership_committed();
  void readmit_members();

  // transfer.cc
  void tick_transfer();
  void continue_transfer();
  void on_timeout_now(const Message& message);

  // reads.cc
  void on_read_index(const Message& message);
  void on_read_index_reply(const Message& message);
  void add_read(uint64_t context, NodeId from);
  void grant_reads();
  void answer_read(const Leadership::Read& read, bool refused);
  void refuse_reads();
  uint64_t quorum_round() const;

  // snapshot_transfer.cc
  void want_chunk(Progress& peer);
  void on_snapshot_chunk(Message& message);
  void on_snapshot_reply(const Message& message);
  void reply_snapshot_offset();
  void forget_old_snapshot();
  void in_flight_last_to(LogIndex index);
  bool has_snapshot(const SnapshotMeta& meta);

  // quiescence.cc
  bool may_quiesce() const;
  void quiesce_group();
  void on_quiesce(const Message& message);
  void on_unknown_group(const Message& message);

  // ready.cc
  LogRange next_apply() const;
  bool is_hard_state_due() const;

  const RaftOptions* options_;
  GroupId group_;
  NodeId self_;
  Prng prng_;
  Instant now_;

  HardState hard_;
  HardState hard_handed_;   // given to the driver
  HardState hard_durable_;  // written by it
  RaftLog log_;
  LogIndex handed_ = 0;
  LogIndex durable_ = 0;
  LogIndex applying_ = 0;
  LogIndex applied_ = 0;
  LogIndex checkpoint_ = 0;
  LogIndex damage_first_ = 0;

  NodeId leader_ = kNoNode;
  uint32_t elapsed_ =
      0;  // ticks since the leader was heard (follower) or the last heartbeat (leader)
  uint32_t timeout_ = 0;
  uint32_t protect_ticks_ = 0;  // for so long nobody else is helped, whatever the term becomes
  uint32_t idle_ticks_ = 0;
  RaftRole role_ = RaftRole::kFollower;
  uint8_t priority_;
  bool is_quiesced_ = false;
  bool is_trusted_ = true;
  bool is_failed_ = false;
  bool is_booting_ = false;  // may have promised a lease in the life before: votes for nobody yet
  bool flush_due_ = false;

  std::unique_ptr<Leadership> lead_;
  std::vector<Ballot> ballots_;  // parallel to the members, while campaigning
  std::unique_ptr<Receiving> receiving_;

  uint64_t sequence_ = 0;
  std::vector<InFlight> in_flight_;
  std::vector<Message> send_now_;
  std::vector<Message> send_after_;
  std::vector<ReadGrant> grants_;
  std::vector<SnapshotWanted> wanted_;
  std::unique_ptr<SnapshotChunk> store_chunk_;
  RaftCounters counters_;
};

}  // namespace petrel::raft
