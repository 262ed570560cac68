// Handing leadership over (thesis, section 3.10): stop proposing, bring the target up to date, tell
// it to campaign at once.
#include "raft/raft_core.h"

#include <utility>

namespace petrel::raft {

Status RaftCore::transfer_leadership(NodeId to) {
  if (role_ != RaftRole::kLeader) return Error{Errc::kNotLeader};
  const Member* member = log_.membership().find(to);
  if (to == self_ || member == nullptr || !member->has(kVoter)) {
    return Error{Errc::kInvalidArgument, "not another voter"};
  }
  const Progress* peer = find_peer(to);
  if (!is_live(*peer) || peer->is_damaged) {
    return Error{Errc::kInvalidArgument, "does not answer or may not lead"};
  }
  if (is_quiesced_) wake();
  lead_->transfer_to = to;
  lead_->transfer_ticks = 0;
  lead_->transfer_told = false;
  continue_transfer();
  return Status::ok();
}

void RaftCore::continue_transfer() {
  if (lead_->transfer_to == kNoNode) return;
  const Progress* peer = find_peer(lead_->transfer_to);
  if (peer == nullptr || !log_.membership().is_voter(lead_->transfer_to)) {
    lead_->transfer_to = kNoNode;
    return;
  }
  flush_due_ = true;
  if (peer->match < log_.last_index() || lead_->transfer_told) return;
  lead_->transfer_told = true;
  // From here on that node may start an election at any time in this term, however late the message
  // arrives: this leader promises no leases any more.
  lead_->timeout_sent = true;
  emit(make(MessageKind::kTimeoutNow, lead_->transfer_to));
}

void RaftCore::tick_transfer() {
  ++lead_->transfer_ticks;
  if (lead_->transfer_ticks % options_->heartbeat_ticks == 0) {
    lead_->transfer_told = false;  // the message may be lost
    continue_transfer();
  }
  if (lead_->transfer_ticks >= options_->election_ticks) lead_->transfer_to = kNoNode;
}

void RaftCore::on_timeout_now(const Message& message) {
  // Only the leader of this very term may ask for it.
  if (leader_ != kNoNode && leader_ != message.from) return refuse_malformed();
  if (role_ == RaftRole::kLeader || !can_campaign()) return;
  start_election(true);
}

}  // namespace petrel::raft
