// What a leader sends, what it learns from the answers, and when entries are committed.
#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <array>
#include <utility>

namespace petrel::raft {

namespace {

constexpr size_t kForwardEntriesMax = 4096;

// Silence is counted in ticks; a leader that hears no majority for this long steps down.
uint32_t silence_limit(const RaftOptions& options) {
  return 2 * options.election_ticks;
}

}  // namespace

Progress* RaftCore::find_peer(NodeId node) {
  if (lead_ == nullptr) return nullptr;
  for (Progress& peer : lead_->peers) {
    if (peer.node == node) return &peer;
  }
  return nullptr;
}

bool RaftCore::is_live(const Progress& peer) const {
  return !peer.is_untrusted && peer.silent_ticks < silence_limit(*options_);
}

bool RaftCore::has_live_quorum(const Membership& membership) const {
  std::array<Ballot, kMembersMax> ballots;
  const auto members = membership.members();
  for (size_t i = 0; i < members.size(); ++i) {
    bool is_answering = members[i].node == self_;
    for (const Progress& peer : lead_->peers) {
      if (peer.node == members[i].node && is_live(peer)) is_answering = true;
    }
    ballots[i] = is_answering ? Ballot::kGranted : Ballot::kRefused;
  }
  return quorum_vote(membership, std::span(ballots.data(), members.size())) == VoteResult::kWon;
}

// Keeps what is known of members that stay; others start at the end of the log.
void RaftCore::rebuild_peers() {
  std::vector<Progress> peers;
  for (const Member& member : log_.membership().members()) {
    Progress* known = find_peer(member.node);
    Progress peer;
    if (known != nullptr) {
      peer = std::move(*known);
    } else {
      peer.node = member.node;
      peer.next = log_.last_index() + 1;
    }
    peer.incarnation = std::max(peer.incarnation, member.incarnation);
    peers.push_back(std::move(peer));
  }
  lead_->peers = std::move(peers);
}

void RaftCore::tick_leader() {
  ++elapsed_;
  ++idle_ticks_;
  for (Progress& peer : lead_->peers) {
    if (peer.silent_ticks < UINT32_MAX) ++peer.silent_ticks;
    if (peer.is_damaged || !peer.window.is_empty() || peer.state == ProgressState::kSnapshot) {
      ++peer.stalled_ticks;
    }
    if (peer.told_commit < std::min(peer.match, hard_.commit)) lead_->round_due = true;
  }
  if (lead_->transfer_to != kNoNode) tick_transfer();
  if (elapsed_ < options_->heartbeat_ticks) return;
  elapsed_ = 0;
  if (!has_live_quorum(log_.membership())) return become_follower(hard_.term, kNoNode);
  readmit_members();
  if (may_quiesce()) return quiesce_group();
  lead_->round_due = true;
}

namespace {

// What no frame could carry would stay in the log for ever.
Status check_payloads(std::span<const Payload> batch) {
  for (const Payload& payload : batch) {
    if (payload.size() > kPayloadBytesMax) {
      return Error{Errc::kInvalidArgument, "payload too long"};
    }
  }
  return Status::ok();
}

// All of it travels in one message.
Status check_forward(std::span<const Payload> batch) {
  uint64_t bytes = 0;
  for (const Payload& payload : batch) bytes += sizeof(Entry) + payload.size();
  if (batch.size() > kForwardEntriesMax || bytes > kPayloadBytesMax) {
    return Error{Errc::kInvalidArgument, "too much for one message to the leader"};
  }
  return Status::ok();
}

}  // namespace

Result<LogRange> RaftCore::propose(std::span<const Payload> batch) {
  PETREL_TRY_STATUS(check_payloads(batch));
  if (role_ != RaftRole::kLeader) {
    if (!options_->forward_proposals || leader_ == kNoNode || is_failed_) {
      return Error{Errc::kNotLeader};
    }
    PETREL_TRY_STATUS(check_forward(batch));
    Message message = make(MessageKind::kForward, leader_);
    for (const Payload& payload : batch) message.entries.push_back({.data = payload});
    emit(std::move(message));
    wake();
    return LogRange{};
  }
  if (lead_->transfer_to != kNoNode) return Error{Errc::kNotLeader};
  if (is_quiesced_) wake();
  if (lead_->uncommitted_bytes >= options_->uncommitted_bytes_max ||
      log_.bytes() >= options_->log_bytes_max) {
    return Error{Errc::kFull};
  }
  const LogIndex first = log_.last_index() + 1;
  for (const Payload& payload : batch) append_own(EntryKind::kData, payload);
  return LogRange{first, log_.last_index()};
}

void RaftCore::on_forward(Message& message) {
  if (role_ != RaftRole::kLeader) return;
  std::vector<Payload> batch;
  batch.reserve(message.entries.size());
  for (Entry& entry : message.entries) batch.push_back(std::move(entry.data));
  if (!propose(batch)) return;  // the owner of the follower asks again
}

void RaftCore::append_own(EntryKind kind, Payload data) {
  Entry entry{
      .term = hard_.term, .index = log_.last_index() + 1, .kind = kind, .data = std::move(data)};
  lead_->uncommitted_bytes += entry_cost(entry);
  log_.append(std::move(entry));
  if (kind == EntryKind::kMembership) rebuild_peers();
  idle_ticks_ = 0;
  flush_due_ = true;
}

void RaftCore::flush_appends() {
  flush_due_ = false;
  if (lead_->round_due) send_heartbeats();
  for (Progress& peer : lead_->peers) {
    if (peer.node != self_) send_appends(peer);
  }
}

void RaftCore::send_appends(Progress& peer) {
  if (peer.state == ProgressState::kProbe) {
    if (peer.probe_sent || peer.match >= log_.last_index()) return;
    peer.probe_sent = send_one_append(peer);
    peer.probe_round = lead_->round;
    return;
  }
  while (peer.state == ProgressState::kReplicate && peer.next <= log_.last_index() &&
         peer.window.bytes() < options_->window_bytes_max &&
         peer.window.messages() < options_->window_messages_max) {
    if (!send_one_append(peer)) return;
  }
}

// False: the entries are gone and a snapshot is needed.
bool RaftCore::send_one_append(Progress& peer) {
  const std::optional<Term> term = log_.term_at(peer.next - 1);
  if (!term.has_value()) {
    peer.become_snapshot();
    want_chunk(peer);
    return false;
  }
  Message message = make(MessageKind::kAppend, peer.node);
  message.index = peer.next - 1;
  message.log_term = *term;
  message.last = log_.last_index();
  message.round = lead_->round;
  message.sent_ns = now_.ns;
  message.context = peer.course;
  uint64_t bytes = 0;
  LogIndex next = peer.next;
  const uint64_t count = log_.last_index() + 1 - next;
  message.entries.reserve(
      std::min<uint64_t>(count, options_->append_bytes_max / sizeof(Entry) + 1));
  while (next <= log_.last_index() && (bytes == 0 || bytes < options_->append_bytes_max)) {
    message.entries.push_back(log_.entry(next++));
    bytes += entry_cost(message.entries.back());
  }
  message.commit = hard_.commit;
  peer.told_commit = std::max(peer.told_commit, std::min(hard_.commit, next - 1));
  if (peer.state == ProgressState::kReplicate) {
    peer.next = next;
    if (bytes > 0) peer.window.add(next - 1, bytes);
  }
  emit(std::move(message));
  return true;
}

void RaftCore::send_heartbeats() {
  lead_->round_due = false;
  ++lead_->round;
  for (Progress& peer : lead_->peers) {
    if (peer.node != self_) send_heartbeat(peer);
  }
  grant_reads();
}

void RaftCore::send_heartbeat(Progress& peer) {
  Message message = make(MessageKind::kHeartbeat, peer.node);
  message.commit = std::min(peer.match, hard_.commit);
  message.last = log_.last_index();
  message.round = lead_->round;
  message.sent_ns = now_.ns;
  peer.told_commit = std::max(peer.told_commit, message.commit);
  emit(std::move(message));
}

// The peer that an answer comes from; null when it answers nobody or comes from an earlier life.
Progress* RaftCore::answering_peer(const Message& message) {
  Progress* peer = find_peer(message.from);
  if (peer == nullptr || message.incarnation < peer->incarnation) return nullptr;
  return peer;
}

// What every answer of a follower tells, whatever it answers.
void RaftCore::hear(Progress& peer, const Message& message) {
  peer.silent_ticks = 0;
  peer.incarnation = message.incarnation;
  if (message.has(kUntrusted) && !peer.is_untrusted) peer.match = 0;
  peer.is_untrusted = message.has(kUntrusted);
  peer.is_damaged = message.has(kDamaged);
  if (peer.is_untrusted || message.round > lead_->round || message.sent_ns > now_.ns) return;
  if (message.round > peer.acked_round) peer.acked_round = message.round;
  if (message.round != 0) peer.acked_sent_ns = std::max(peer.acked_sent_ns, message.sent_ns);
  if (!lead_->reads.empty()) grant_reads();
}

void RaftCore::on_append_reply(const Message& message) {
  Progress* peer = answering_peer(message);
  if (peer == nullptr) return;
  if (message.index > log_.last_index()) return refuse_malformed();
  wake();
  hear(*peer, message);
  if (message.has(kRejected)) return on_append_rejected(*peer, message);
  if (message.index > peer->match || peer->state != ProgressState::kReplicate) {
    const bool has_grown = message.index > peer->match;
    if (has_grown) peer->match = message.index;
    peer->stalled_ticks = 0;
    const bool is_served = peer->state != ProgressState::kSnapshot ||
                           (has_grown && log_.term_at(peer->match).has_value());
    if (peer->state != ProgressState::kReplicate && is_served) peer->become_replicate();
    idle_ticks_ = 0;
  }
  peer->window.free_up_to(peer->match);
  peer->next = std::max(peer->next, peer->match + 1);
  flush_due_ = true;
  maybe_commit();
  if (role_ == RaftRole::kLeader) continue_transfer();
}

// The follower has no entry that fits before the append at message.commit; message.index is the
// last place below where it may agree. Answers to what was sent before the last change of course
// are old.
void RaftCore::on_append_rejected(Progress& peer, const Message& message) {
  ++counters_.probes_rejected;
  if (peer.state == ProgressState::kSnapshot || message.context != peer.course) return;
  if (message.commit == 0) return refuse_malformed();
  if (message.last < peer.match) peer.match = 0;  // it has lost entries: a damaged or memory log
  LogIndex agree = std::min(message.index, message.commit - 1);
  bool is_below_base = agree < log_.base_index();
  if (!is_below_base) {
    agree = log_.last_with_term_up_to(agree, message.log_term);
    is_below_base = agree == log_.base_index() && log_.base_term() > message.log_term;
  }
  peer.become_probe();
  peer.next = std::max(peer.match, agree) + 1;
  if (is_below_base) peer.next = std::max<LogIndex>(1, log_.base_index());  // only a snapshot helps
  flush_due_ = true;
}

void RaftCore::on_heartbeat_reply(const Message& message) {
  Progress* peer = answering_peer(message);
  if (peer == nullptr) return;
  hear(*peer, message);
  if (message.has(kQuiesce) || is_quiesced_) {
    if (!message.has(kQuiesce)) return;
    wake();
    lead_->round_due = flush_due_ = true;
    if (peer->state == ProgressState::kReplicate) peer->become_probe();
  }
  if (message.last < peer->match && message.round == lead_->round && peer->window.is_empty()) {
    peer->match = 0;  // it has lost entries: a damaged or memory log
    if (peer->state == ProgressState::kReplicate) peer->become_probe();
    peer->next = message.last + 1;
  }
  if (peer->state == ProgressState::kProbe) {
    // A later round was answered and the probe was not: it is lost.
    if (message.round > peer->probe_round) peer->probe_sent = false;
  } else if (peer->stalled_ticks >= 2 * options_->heartbeat_ticks) {
    if (peer->state == ProgressState::kReplicate) {
      peer->become_probe();
    } else {
      peer->stalled_ticks = 0;
      want_chunk(*peer);
    }
  }
  if (peer->is_damaged || peer->match < log_.last_index()) flush_due_ = true;
  // A hole that is refilled is noticed with the next append: send one that may be empty.
  if (peer->is_damaged && peer->state != ProgressState::kSnapshot) send_one_append(*peer);
}

void RaftCore::maybe_commit() {
  if (role_ != RaftRole::kLeader) return;
  std::array<uint64_t, kMembersMax> reached;
  const auto& peers = lead_->peers;
  for (size_t i = 0; i < peers.size(); ++i) {
    reached[i] = peers[i].node == self_ ? durable_ : peers[i].is_untrusted ? 0 : peers[i].match;
  }
  const LogIndex index = quorum_value(log_.membership(), std::span(reached.data(), peers.size()));
  if (index <= hard_.commit) return;
  // Entries of earlier terms commit only together with one of this term (thesis, figure 3.7).
  if (log_.term_at(index) != hard_.term) return;
  const LogIndex before = hard_.commit;
  hard_.commit = index;
  on_commit_advanced(before);
}

void RaftCore::on_commit_advanced(LogIndex before) {
  for (LogIndex i = before + 1; i <= hard_.commit; ++i) {
    lead_->uncommitted_bytes -= entry_cost(log_.entry(i));
  }
  flush_due_ = true;
  grant_reads();
  // A joint membership that an earlier leader committed and did not leave is left by this one.
  const LogIndex changed = log_.membership_index();
  if (changed > hard_.commit) return;
  if (changed > before || log_.membership().is_joint()) on_membership_committed();
}

}  // namespace petrel::raft
