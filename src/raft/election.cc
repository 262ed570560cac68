// Elections with pre-vote (thesis, section 9.6) and a leader that is not disturbed while it is
// heard.
#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

void RaftCore::reset_timeout() {
  elapsed_ = 0;
  const uint32_t behind = kPriorityTop - std::min(priority_, kPriorityTop);
  timeout_ = options_->election_ticks +
             static_cast<uint32_t>(prng_.below(options_->election_ticks)) +
             behind * options_->priority_ticks;
}

void RaftCore::become_follower(Term term, NodeId leader) {
  if (term > hard_.term) {
    hard_.term = term;
    hard_.vote = kNoNode;
  }
  if (lead_ != nullptr) {
    refuse_reads();
    lead_.reset();
    wanted_.clear();
  }
  role_ = RaftRole::kFollower;
  leader_ = leader;
  ballots_.clear();
  is_quiesced_ = false;
  flush_due_ = false;
  reset_timeout();
}

bool RaftCore::can_vote() const {
  return is_trusted_ && hard_.damaged_to == 0 && !is_failed_;
}

bool RaftCore::can_campaign() const {
  const bool is_installing = receiving_ != nullptr && receiving_->is_installing;
  if (!can_vote() || is_installing) return false;
  // Until its removal is committed a voter may be the only one whose log can win (thesis, section
  // 4.2.2).
  return log_.membership().is_voter(self_) || log_.membership_at(hard_.commit).is_voter(self_);
}

// A replica that hears a leader, or may have heard one before it restarted, helps nobody else:
// leases rest on this. A leader stays protected when its term is over: the news of a higher term
// reaches this replica before it reaches the leader.
bool RaftCore::is_leader_alive() const {
  if (role_ == RaftRole::kLeader) return true;
  if (is_booting_ || protect_ticks_ > 0) return true;
  if (leader_ == kNoNode) return false;
  return is_quiesced_ || elapsed_ < options_->election_ticks;
}

bool RaftCore::is_log_current(const Message& message) const {
  if (message.log_term != log_.last_term()) return message.log_term > log_.last_term();
  return message.index >= log_.last_index();
}

void RaftCore::campaign() {
  if (is_leader_alive() || !can_campaign()) return;
  is_quiesced_ = false;
  start_pre_vote();
}

void RaftCore::start_pre_vote() {
  role_ = RaftRole::kPreCandidate;
  leader_ = kNoNode;
  reset_timeout();
  ask_for_votes(MessageKind::kPreVote, hard_.term + 1, false);
}

void RaftCore::start_election(bool forced) {
  ++counters_.elections_started;
  role_ = RaftRole::kCandidate;
  leader_ = kNoNode;
  is_quiesced_ = false;
  ++hard_.term;
  hard_.vote = self_;
  reset_timeout();
  ask_for_votes(MessageKind::kVote, hard_.term, forced);
}

void RaftCore::ask_for_votes(MessageKind kind, Term term, bool forced) {
  const auto members = log_.membership().members();
  ballots_.assign(members.size(), Ballot::kMissing);
  for (const Member& member : members) {
    if (member.node == self_ || !member.is_voter()) continue;
    Message message = make(kind, member.node);
    message.term = term;
    message.index = log_.last_index();
    message.log_term = log_.last_term();
    if (forced) message.flags |= kForced;
    emit(std::move(message));
  }
  count_ballot(self_, Ballot::kGranted);
}

void RaftCore::count_ballot(NodeId from, Ballot ballot) {
  const auto members = log_.membership().members();
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].node == from && ballots_[i] == Ballot::kMissing) ballots_[i] = ballot;
  }
  const VoteResult result = quorum_vote(log_.membership(), ballots_);
  if (result == VoteResult::kLost) {
    become_follower(hard_.term, kNoNode);
  } else if (result == VoteResult::kWon) {
    if (role_ == RaftRole::kPreCandidate) {
      start_election(false);
    } else {
      become_leader();
    }
  }
}

void RaftCore::on_pre_vote(const Message& message) {
  const bool granted =
      can_vote() && message.term > hard_.term && !is_leader_alive() && is_log_current(message);
  // A member that asks has not heard the leader. Whoever was removed and does not know it keeps
  // nobody awake, and is told.
  const bool is_member = log_.membership().find(message.from) != nullptr;
  if (!granted && is_quiesced_ && is_member) wake();
  Message reply = make(MessageKind::kPreVoteReply, message.from);
  if (granted) {
    reply.term = message.term;
  } else {
    reply.flags |= kRejected;
    const auto [index, committed] = log_.holding_at(hard_.commit);
    if (!is_member && committed->find(message.from) == nullptr) {
      reply.flags |= kRemoved;
      reply.index = index;
    }
  }
  emit(std::move(reply));
}

// Its own membership is no newer than a committed one without it: a majority of its voters knows
// that, so this replica can win nothing until a leader takes it in again. It sleeps until one
// speaks.
bool RaftCore::learns_of_removal(const Message& message) {
  if (!message.has(kRemoved) || role_ == RaftRole::kLeader) return false;
  if (message.index < log_.membership_index()) return false;
  become_follower(hard_.term, kNoNode);
  is_quiesced_ = true;
  return true;
}

void RaftCore::on_vote(const Message& message) {
  const bool is_free = hard_.vote == message.from || (hard_.vote == kNoNode && leader_ == kNoNode);
  const bool granted = can_vote() && is_free && is_log_current(message) &&
                       (message.has(kForced) || !is_leader_alive());
  Message reply = make(MessageKind::kVoteReply, message.from);
  if (granted) {
    hard_.vote = message.from;
    elapsed_ = 0;
    is_quiesced_ = false;
  } else {
    reply.flags |= kRejected;
  }
  emit(std::move(reply));
}

void RaftCore::on_vote_reply(const Message& message) {
  const bool is_pre = message.kind == MessageKind::kPreVoteReply;
  if (is_pre && learns_of_removal(message)) return;
  const RaftRole wanted = is_pre ? RaftRole::kPreCandidate : RaftRole::kCandidate;
  if (role_ != wanted || ballots_.empty()) return;
  const Term asked = is_pre ? hard_.term + 1 : hard_.term;
  if (!message.has(kRejected) && message.term != asked) return refuse_malformed();
  const bool granted = !message.has(kRejected) && !message.has(kUntrusted);
  count_ballot(message.from, granted ? Ballot::kGranted : Ballot::kRefused);
}

void RaftCore::become_leader() {
  PETREL_CHECK(role_ == RaftRole::kCandidate);
  ++counters_.elections_won;
  role_ = RaftRole::kLeader;
  leader_ = self_;
  ballots_.clear();
  elapsed_ = 0;
  idle_ticks_ = 0;
  protect_ticks_ = 0;
  is_booting_ = false;
  receiving_.reset();
  store_chunk_.reset();
  lead_ = std::make_unique<Leadership>();
  lead_->term_start = log_.last_index() + 1;
  lead_->round_due = true;
  for (LogIndex i = hard_.commit + 1; i <= log_.last_index(); ++i) {
    lead_->uncommitted_bytes += entry_cost(log_.entry(i));
  }
  rebuild_peers();
  append_own(EntryKind::kEmpty, {});
  maybe_commit();
}

// The leader is known to be gone: campaign soon, a little later than others if told so.
void RaftCore::lose_leader(uint32_t stagger_ticks) {
  leader_ = kNoNode;
  protect_ticks_ = 0;
  is_quiesced_ = false;
  if (role_ != RaftRole::kFollower) return;
  reset_timeout();
  const uint32_t behind = kPriorityTop - std::min(priority_, kPriorityTop);
  // Exactly this long, even if it is longer than a timeout: who waits for its turn must not meet
  // the one before it by chance and split the vote.
  timeout_ = 1 + stagger_ticks + behind * options_->priority_ticks;
}

}  // namespace petrel::raft
