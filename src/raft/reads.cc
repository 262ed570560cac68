// Linearizable reads without writing to the log (thesis, section 6.4) and the leader's lease.
#include "raft/raft_core.h"

#include <algorithm>
#include <array>
#include <utility>

namespace petrel::raft {

Status RaftCore::read_index(uint64_t context) {
  if (is_failed_) return Error{Errc::kClosed};
  if (role_ == RaftRole::kLeader) {
    if (lead_->reads.size() >= options_->reads_max) return Error{Errc::kFull};
    if (is_quiesced_) wake();
    add_read(context, kNoNode);
    return Status::ok();
  }
  if (leader_ == kNoNode) return Error{Errc::kNotLeader};
  wake();
  Message message = make(MessageKind::kReadIndex, leader_);
  message.context = context;
  emit(std::move(message));
  return Status::ok();
}

// The read waits for a round that begins after it; reads of one turn share the round.
void RaftCore::add_read(uint64_t context, NodeId from) {
  lead_->reads.push_back({.context = context,
                          .index = std::max(hard_.commit, lead_->term_start),
                          .round = lead_->round + 1,
                          .from = from});
  lead_->round_due = true;
  flush_due_ = true;
}

uint64_t RaftCore::quorum_round() const {
  std::array<uint64_t, kMembersMax> rounds;
  const auto& peers = lead_->peers;
  for (size_t i = 0; i < peers.size(); ++i) {
    rounds[i] = peers[i].node == self_  ? lead_->round
                : peers[i].is_untrusted ? 0
                                        : peers[i].acked_round;
  }
  return quorum_value(log_.membership(), std::span(rounds.data(), peers.size()));
}

void RaftCore::grant_reads() {
  if (lead_->reads.empty() || hard_.commit < lead_->term_start) return;
  const uint64_t round = quorum_round();
  size_t count = 0;
  while (count < lead_->reads.size() && lead_->reads[count].round <= round) {
    answer_read(lead_->reads[count++], false);
  }
  lead_->reads.erase(lead_->reads.begin(),
                     lead_->reads.begin() + static_cast<std::ptrdiff_t>(count));
}

void RaftCore::answer_read(const Leadership::Read& read, bool refused) {
  if (read.from == kNoNode) {
    grants_.push_back({.context = read.context, .index = read.index, .refused = refused});
    return;
  }
  Message reply = make(MessageKind::kReadIndexReply, read.from);
  reply.context = read.context;
  reply.index = read.index;
  if (refused) reply.flags |= kRejected;
  emit(std::move(reply));
}

void RaftCore::refuse_reads() {
  for (const Leadership::Read& read : lead_->reads) answer_read(read, true);
  lead_->reads.clear();
}

void RaftCore::on_read_index(const Message& message) {
  const Leadership::Read read{.context = message.context, .from = message.from};
  if (role_ != RaftRole::kLeader || lead_->reads.size() >= options_->reads_max) {
    return answer_read(read, true);
  }
  if (is_quiesced_) wake();
  add_read(message.context, message.from);
}

void RaftCore::on_read_index_reply(const Message& message) {
  if (role_ == RaftRole::kLeader) return;
  grants_.push_back(
      {.context = message.context, .index = message.index, .refused = message.has(kRejected)});
}

bool RaftCore::has_lease(Instant now) const {
  if (role_ != RaftRole::kLeader || lead_->timeout_sent || is_failed_) return false;
  if (hard_.commit < lead_->term_start) return false;
  std::array<uint64_t, kMembersMax> sent;
  const auto& peers = lead_->peers;
  const Instant latest = std::max(now, now_);
  for (size_t i = 0; i < peers.size(); ++i) {
    const int64_t begun = peers[i].node == self_  ? latest.ns
                          : peers[i].is_untrusted ? 0
                                                  : peers[i].acked_sent_ns;
    sent[i] = static_cast<uint64_t>(std::max<int64_t>(begun, 0));
  }
  const uint64_t begun = quorum_value(log_.membership(), std::span(sent.data(), peers.size()));
  if (begun == 0) return false;
  return latest.ns < static_cast<int64_t>(begun) + options_->lease.ns;
}

}  // namespace petrel::raft
