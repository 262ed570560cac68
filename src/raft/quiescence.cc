// Groups that have nothing to do sleep: no ticks, no heartbeats. The liveness of the nodes, watched
// once per pair of nodes, stands in for the heartbeats of all sleeping groups.
#include "raft/raft_core.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

bool RaftCore::may_quiesce() const {
  if (options_->quiesce_ticks == 0 || idle_ticks_ < options_->quiesce_ticks) return false;
  if (hard_.commit != log_.last_index() || applied_ != hard_.commit || is_change_pending()) {
    return false;
  }
  if (!lead_->reads.empty() || lead_->transfer_to != kNoNode || lead_->round_due) return false;
  return std::all_of(lead_->peers.begin(), lead_->peers.end(), [&](const Progress& peer) {
    if (peer.node == self_) return durable_ == log_.last_index();
    return peer.match == log_.last_index() && peer.told_commit == hard_.commit && is_live(peer) &&
           !peer.is_damaged;
  });
}

void RaftCore::quiesce_group() {
  ++lead_->round;
  for (const Progress& peer : lead_->peers) {
    if (peer.node == self_) continue;
    Message message = make(MessageKind::kHeartbeat, peer.node);
    message.flags |= kQuiesce;
    message.commit = hard_.commit;
    message.index = log_.last_index();
    message.log_term = log_.last_term();
    message.last = log_.last_index();
    message.round = lead_->round;
    message.sent_ns = now_.ns;
    emit(std::move(message));
  }
  is_quiesced_ = true;
}

// Sleeps if this log is the leader's; else asks the leader to stay awake.
void RaftCore::on_quiesce(const Message& message) {
  const bool is_equal = log_.last_index() == message.index &&
                        log_.matches(message.index, message.log_term) &&
                        message.commit == message.index && receiving_ == nullptr;
  if (is_equal) {
    commit_to(message.commit);
    update_damage(message.index, message.last);
  }
  is_quiesced_ = is_equal && is_trusted_ && hard_.damaged_to == 0;
  if (is_quiesced_) return;
  Message reply = make(MessageKind::kHeartbeatReply, message.from);
  reply.flags |= kQuiesce;
  reply.round = message.round;
  reply.sent_ns = message.sent_ns;
  reply.last = log_.last_index();
  emit(std::move(reply));
}

void RaftCore::wake() {
  if (!is_quiesced_) return;
  is_quiesced_ = false;
  idle_ticks_ = 0;
  elapsed_ = 0;
  if (role_ != RaftRole::kLeader) return;
  // Silence while asleep was agreed on.
  for (Progress& peer : lead_->peers) {
    if (peer.silent_ticks < 2 * options_->election_ticks) peer.silent_ticks = 0;
  }
  lead_->round_due = true;
  flush_due_ = true;
}

void RaftCore::on_unknown_group(const Message& message) {
  if (role_ != RaftRole::kLeader && leader_ == message.from) {
    lose_leader(static_cast<uint32_t>(prng_.below(options_->heartbeat_ticks)));
  }
}

}  // namespace petrel::raft
