// What a replica does with a leader's appends and heartbeats.
#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

// Takes the sender of a message of this term as leader.
void RaftCore::follow(NodeId leader) {
  if (role_ != RaftRole::kFollower) become_follower(hard_.term, leader);
  // The turn that was waited for when the last leader was lost may be shorter than a timeout.
  if (leader_ == kNoNode) reset_timeout();
  leader_ = leader;
  elapsed_ = 0;
  protect_ticks_ = options_->election_ticks;
  is_booting_ = false;
}

uint8_t RaftCore::own_flags() const {
  uint8_t flags = 0;
  if (!is_trusted_) flags |= kUntrusted;
  if (hard_.damaged_to != 0) flags |= kDamaged;
  return flags;
}

bool RaftCore::are_entries_sound(const Message& message) const {
  LogIndex index = message.index;
  Term term = message.log_term;
  for (const Entry& entry : message.entries) {
    if (entry.index != ++index || entry.term < term || entry.term > message.term) return false;
    if (entry.kind > EntryKind::kMembership) return false;
    if (entry.kind == EntryKind::kMembership && !Membership::decode(entry.data.bytes())) {
      return false;
    }
    term = entry.term;
  }
  return index <= kNumberMax;
}

void RaftCore::on_append(Message& message) {
  if (role_ == RaftRole::kLeader || (leader_ != kNoNode && leader_ != message.from)) {
    return refuse_malformed();  // two leaders of one term
  }
  if (!are_entries_sound(message)) return refuse_malformed();
  follow(message.from);
  is_quiesced_ = false;
  idle_ticks_ = 0;
  if (receiving_ != nullptr && receiving_->is_installing) return;
  Message reply = make(MessageKind::kAppendReply, message.from);
  reply.round = message.round;
  reply.sent_ns = message.sent_ns;
  reply.context = message.context;
  reply.last = log_.last_index();
  if (message.index < log_.base_index()) {
    reply.index = hard_.commit;  // all of that is committed here
    return emit_when_durable(std::move(reply));
  }
  if (!log_.matches(message.index, message.log_term)) return reject_append(message);
  const LogIndex last = message.index + message.entries.size();
  const LogIndex leader_commit = message.commit;
  const LogIndex leader_last = message.last;
  if (!store_entries(message)) return;
  reply.index = last;
  reply.last = log_.last_index();
  commit_to(std::min(leader_commit, last));
  update_damage(last, leader_last);
  reply.flags = own_flags();
  if (last <= durable_) {
    emit(std::move(reply));
  } else {
    emit_when_durable(std::move(reply));
  }
}

// Tells the leader the largest index at which the logs may still agree.
void RaftCore::reject_append(const Message& message) {
  Message reply = make(MessageKind::kAppendReply, message.from);
  reply.flags |= kRejected;
  reply.round = message.round;
  reply.sent_ns = message.sent_ns;
  reply.context = message.context;
  const LogIndex limit = std::min(message.index - 1, log_.last_index());
  reply.index = log_.last_with_term_up_to(limit, message.log_term);
  reply.log_term = log_.term_at(reply.index).value_or(0);
  reply.last = log_.last_index();
  reply.commit = message.index;  // which append this answers
  emit(std::move(reply));
}

// Appends what is new. False: the message contradicts what is committed, or there is no room.
bool RaftCore::store_entries(Message& message) {
  uint64_t bytes = 0;
  for (const Entry& entry : message.entries) bytes += entry_cost(entry);
  const bool is_full = log_.bytes() + bytes > options_->log_bytes_max;
  for (Entry& entry : message.entries) {
    if (log_.has(entry.index)) {
      if (log_.entry(entry.index).term == entry.term) continue;
      if (entry.index <= hard_.commit) {
        ++counters_.refused_conflict;
        return false;
      }
      log_.truncate_from(entry.index);
      handed_ = std::min(handed_, log_.last_index());
      durable_ = std::min(durable_, log_.last_index());
      in_flight_last_to(log_.last_index());
    }
    if (is_full) return false;  // the leader repeats it when the owner has compacted
    log_.append(std::move(entry));
  }
  update_trust();
  return true;
}

void RaftCore::on_heartbeat(const Message& message) {
  if (role_ == RaftRole::kLeader || (leader_ != kNoNode && leader_ != message.from)) {
    return refuse_malformed();
  }
  follow(message.from);
  if (message.has(kQuiesce)) return on_quiesce(message);
  is_quiesced_ = false;
  // The leader names at most what it knows to match here. More: this log has lost entries, and the
  // answer says so.
  if (message.commit <= log_.last_index()) commit_to(message.commit);
  Message reply = make(MessageKind::kHeartbeatReply, message.from);
  reply.round = message.round;
  reply.sent_ns = message.sent_ns;
  reply.last = log_.last_index();
  reply.index = hard_.commit;
  emit(std::move(reply));
}

void RaftCore::commit_to(LogIndex index) {
  if (index <= hard_.commit) return;
  PETREL_CHECK(index <= log_.last_index());
  hard_.commit = index;
  update_trust();
  forget_old_snapshot();
}

// A life that the committed membership does not name has forgotten what an earlier one promised.
void RaftCore::update_trust() {
  const Member* member = log_.membership_at(hard_.commit).find(self_);
  is_trusted_ =
      member != nullptr ? member->incarnation == hard_.incarnation : hard_.incarnation == 0;
}

// The hole is closed when everything that it can have held is back: all of a leader's log, or
// enough.
void RaftCore::update_damage(LogIndex match, LogIndex leader_last) {
  if (hard_.damaged_to == 0) return;
  if (match < std::min(hard_.damaged_to, leader_last)) return;
  hard_.damaged_to = 0;
  damage_first_ = 0;
}

}  // namespace petrel::raft
