#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

namespace {

bool is_from_leader(MessageKind kind) {
  return kind == MessageKind::kAppend || kind == MessageKind::kHeartbeat ||
         kind == MessageKind::kSnapshotChunk;
}

bool needs_membership(MessageKind kind) {
  switch (kind) {
    case MessageKind::kPreVoteReply:
    case MessageKind::kVoteReply:
    case MessageKind::kAppendReply:
    case MessageKind::kHeartbeatReply:
    case MessageKind::kSnapshotReply:
    case MessageKind::kForward:
    case MessageKind::kReadIndex:
    case MessageKind::kUnknownGroup:
      return true;
    default:
      return false;
  }
}

}  // namespace

RaftCore::RaftCore(const RaftOptions& options, Restart restart)
    : options_(&options),
      group_(restart.group),
      self_(restart.self),
      prng_(restart.seed),
      hard_(restart.hard_state),
      log_(restart.base),
      priority_(restart.priority) {
  PETREL_CHECK(self_ != kNoNode);
  for (Entry& entry : restart.entries) log_.append(std::move(entry));
  handed_ = durable_ = log_.last_index();
  checkpoint_ = restart.base.index;
  hard_.term = std::max(hard_.term, log_.last_term());
  hard_.commit = std::clamp(std::max(hard_.commit, restart.applied), log_.base_index(), durable_);
  applying_ = applied_ = std::clamp(restart.applied, log_.base_index(), hard_.commit);
  hard_handed_ = hard_durable_ = hard_;
  if (!restart.damage.is_empty()) {
    hard_.damaged_to = std::max(hard_.damaged_to, restart.damage.last);
  }
  if (hard_.damaged_to != 0) damage_first_ = log_.last_index() + 1;
  if (restart.partial.index != 0) {
    receiving_ = std::make_unique<Receiving>();
    receiving_->meta = std::move(restart.partial);
    receiving_->next_offset = restart.partial_offset;
  }
  forget_old_snapshot();
  is_booting_ = hard_.term > 0;
  update_trust();
  reset_timeout();
}

void RaftCore::tick(Instant now) {
  now_ = std::max(now_, now);
  if (is_quiesced_ || is_failed_) return;
  if (role_ == RaftRole::kLeader) {
    tick_leader();
  } else {
    tick_follower();
  }
}

void RaftCore::tick_follower() {
  ++elapsed_;
  if (protect_ticks_ > 0) --protect_ticks_;
  if (elapsed_ >= options_->election_ticks) is_booting_ = false;
  if (elapsed_ < timeout_) return;
  if (can_campaign()) {
    start_pre_vote();
  } else {
    // Nothing will happen here before a leader says something: no ticks until then.
    leader_ = kNoNode;
    elapsed_ = timeout_;
    is_quiesced_ = true;
  }
}

bool RaftCore::accept_numbers(const Message& message) const {
  const uint64_t largest = std::max(
      {message.term, message.log_term, message.index, message.commit, message.last, message.round});
  if (message.kind == MessageKind::kSnapshotReply) {
    return std::max({message.term, message.index, message.context}) <= kNumberMax;
  }
  return largest <= kNumberMax && message.log_term <= message.term;
}

bool RaftCore::accept_sender(const Message& message) {
  if (message.group != group_ || message.to != self_ || message.from == self_ ||
      message.from == kNoNode) {
    ++counters_.refused_misaddressed;
    return false;
  }
  // A leader or candidate may have been added by entries that are not here yet; nobody else may.
  if (needs_membership(message.kind) && log_.membership().find(message.from) == nullptr) {
    ++counters_.refused_unknown_sender;
    return false;
  }
  return true;
}

void RaftCore::step(Message message) {
  if (is_failed_) return;
  if (!accept_sender(message)) return;
  if (!accept_numbers(message)) return refuse_malformed();
  if (message.kind == MessageKind::kUnknownGroup) return on_unknown_group(message);
  if (message.kind == MessageKind::kForward) return on_forward(message);
  if (!accept_term(message)) return;
  dispatch(message);
}

// False: the message is of another term and has been dealt with.
bool RaftCore::accept_term(const Message& message) {
  const bool is_question = message.kind == MessageKind::kPreVote;
  if (message.term < hard_.term) {
    answer_old_term(message);
    return false;
  }
  if (message.term == hard_.term || is_question) return true;
  if (message.kind == MessageKind::kPreVoteReply && !message.has(kRejected)) return true;
  if (message.kind == MessageKind::kVote && !message.has(kForced) && is_leader_alive()) {
    return false;  // a leader that is heard is not disturbed (thesis, section 4.2.3)
  }
  become_follower(message.term, is_from_leader(message.kind) ? message.from : kNoNode);
  return true;
}

void RaftCore::answer_old_term(const Message& message) {
  ++counters_.refused_old_term;
  if (is_from_leader(message.kind)) {
    // Tells a leader that was cut off that its term is over.
    Message reply = make(MessageKind::kAppendReply, message.from);
    reply.flags |= kRejected;
    emit(std::move(reply));
  } else if (message.kind == MessageKind::kPreVote || message.kind == MessageKind::kVote) {
    const bool is_vote = message.kind == MessageKind::kVote;
    Message reply =
        make(is_vote ? MessageKind::kVoteReply : MessageKind::kPreVoteReply, message.from);
    reply.flags |= kRejected;
    emit(std::move(reply));
  }
}

void RaftCore::dispatch(Message& message) {
  switch (message.kind) {
    case MessageKind::kPreVote:
      return on_pre_vote(message);
    case MessageKind::kVote:
      return on_vote(message);
    case MessageKind::kPreVoteReply:
    case MessageKind::kVoteReply:
      return on_vote_reply(message);
    case MessageKind::kAppend:
      return on_append(message);
    case MessageKind::kAppendReply:
      return on_append_reply(message);
    case MessageKind::kHeartbeat:
      return on_heartbeat(message);
    case MessageKind::kHeartbeatReply:
      return on_heartbeat_reply(message);
    case MessageKind::kSnapshotChunk:
      return on_snapshot_chunk(message);
    case MessageKind::kSnapshotReply:
      return on_snapshot_reply(message);
    case MessageKind::kTimeoutNow:
      return on_timeout_now(message);
    case MessageKind::kReadIndex:
      return on_read_index(message);
    case MessageKind::kReadIndexReply:
      return on_read_index_reply(message);
    case MessageKind::kForward:
    case MessageKind::kUnknownGroup:
      return;  // handled before: they have no term
  }
  refuse_malformed();
}

Message RaftCore::make(MessageKind kind, NodeId to) const {
  Message message;
  message.kind = kind;
  message.flags = own_flags();
  message.incarnation = hard_.incarnation;
  message.group = group_;
  message.from = self_;
  message.to = to;
  message.term = hard_.term;
  return message;
}

// True: what this replica has said about its term and vote is on disk.
bool RaftCore::is_promise_durable() const {
  return hard_durable_.term == hard_.term && hard_durable_.vote == hard_.vote;
}

void RaftCore::emit(Message message) {
  auto& queue = is_promise_durable() ? send_now_ : send_after_;
  queue.push_back(std::move(message));
}

void RaftCore::emit_when_durable(Message message) {
  send_after_.push_back(std::move(message));
}

void RaftCore::on_node_suspected(NodeId node, uint32_t stagger_ticks) {
  if (role_ == RaftRole::kLeader) {
    Progress* peer = find_peer(node);
    if (peer == nullptr) return;
    peer->silent_ticks = std::max(peer->silent_ticks, 2 * options_->election_ticks);
    // A sleeping leader without its majority must wake up, see that, and step down.
    if (is_quiesced_ && !has_live_quorum(log_.membership())) wake();
  } else if (leader_ == node) {
    lose_leader(stagger_ticks);
  }
}

void RaftCore::on_node_restarted(NodeId node, uint32_t stagger_ticks) {
  if (role_ == RaftRole::kLeader) {
    on_link_reset(node);
    wake();
  } else if (leader_ == node) {
    lose_leader(stagger_ticks);
  }
}

void RaftCore::on_link_reset(NodeId node) {
  Progress* peer = find_peer(node);
  if (peer == nullptr || node == self_) return;
  if (peer->state == ProgressState::kSnapshot) {
    peer->chunk_wanted = false;
    if (!is_quiesced_) want_chunk(*peer);
  } else {
    peer->become_probe();
  }
  flush_due_ = true;
}

RaftView RaftCore::view() const {
  RaftView view;
  view.role = role_;
  view.term = hard_.term;
  view.leader = leader_;
  view.first = log_.first_index();
  view.last = log_.last_index();
  view.commit = hard_.commit;
  view.applied = applied_;
  view.log_bytes = log_.bytes();
  view.is_quiesced = is_quiesced_;
  view.is_trusted = is_trusted_;
  view.is_failed = is_failed_;
  view.is_changing = is_change_pending();
  if (hard_.damaged_to != 0) view.damage = {damage_first_, hard_.damaged_to};
  if (lead_ == nullptr) return view;
  view.transfer_to = lead_->transfer_to;
  for (const Progress& peer : lead_->peers) {
    const bool is_self = peer.node == self_;
    view.peers.push_back({.node = peer.node,
                          .match = is_self ? durable_ : peer.match,
                          .is_active = is_self || is_live(peer),
                          .is_trusted = !peer.is_untrusted,
                          .needs_snapshot = peer.state == ProgressState::kSnapshot,
                          .window_bytes = peer.window.bytes()});
  }
  return view;
}

}  // namespace petrel::raft
