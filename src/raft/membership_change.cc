// Membership change by joint consensus (thesis, section 4.3), one change at a time, and the way
// back for replicas that have lost their promises.
#include "raft/raft_core.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

bool RaftCore::is_change_pending() const {
  return log_.membership_index() > hard_.commit || log_.membership().is_joint();
}

// Incarnations are facts, not wishes: those of today's members are kept.
Membership RaftCore::with_known_lives(const Membership& target) const {
  std::vector<Member> members(target.members().begin(), target.members().end());
  for (Member& member : members) {
    const Member* today = log_.membership().find(member.node);
    if (today != nullptr) member.incarnation = today->incarnation;
  }
  return Membership(std::move(members));
}

Status RaftCore::check_target(const Membership& target) const {
  PETREL_TRY_STATUS(target.check());
  for (const Member& member : target.members()) {
    if (member.has(kOutgoing) || member.has(kReturning)) {
      return Error{Errc::kInvalidArgument, "roles that only the group sets"};
    }
    if (!member.has(kVoter)) continue;
    const Member* today = log_.membership().find(member.node);
    if (today == nullptr) return Error{Errc::kInvalidArgument, "a new voter must be learner first"};
    if (today->has(kVoter) || member.node == self_) continue;
    for (const Progress& peer : lead_->peers) {
      if (peer.node != member.node) continue;
      if (!is_live(peer) || peer.match + options_->promote_lag_max < hard_.commit) {
        return Error{Errc::kInvalidArgument, "a learner has not caught up"};
      }
    }
  }
  if (!has_live_quorum(target) || !has_live_quorum(log_.membership())) {
    return Error{Errc::kInvalidArgument, "no live majority"};
  }
  return Status::ok();
}

Result<LogIndex> RaftCore::propose_membership(const Membership& target) {
  if (role_ != RaftRole::kLeader || lead_->transfer_to != kNoNode) return Error{Errc::kNotLeader};
  if (is_change_pending() || hard_.commit < lead_->term_start) {
    return Error{Errc::kFull, "a change is under way"};
  }
  const Membership next = with_known_lives(target);
  PETREL_TRY_STATUS(check_target(next));
  if (is_quiesced_) wake();
  return append_membership(next);
}

// Straight to `target` when the set of voters stays, else through a joint membership.
Result<LogIndex> RaftCore::append_membership(const Membership& target) {
  const Membership& today = log_.membership();
  bool has_same_voters = today.count(kVoter) == target.count(kVoter);
  for (const Member& member : target.members()) {
    const Member* before = today.find(member.node);
    if (member.has(kVoter) && (before == nullptr || !before->has(kVoter))) has_same_voters = false;
  }
  const Membership next = has_same_voters ? target : today.joint_towards(target);
  PETREL_TRY_STATUS(next.check());
  append_own(EntryKind::kMembership, Payload::copy_of(next.encode()));
  const LogIndex index = log_.last_index();
  maybe_commit();
  return index;
}

void RaftCore::on_membership_committed() {
  update_trust();
  if (log_.membership().is_joint()) {
    append_own(EntryKind::kMembership, Payload::copy_of(log_.membership().settled().encode()));
    return maybe_commit();
  }
  if (log_.membership().is_voter(self_)) return;
  // Led until its own removal was committed; the best informed voter takes over without a timeout.
  const Progress* best = nullptr;
  for (const Progress& peer : lead_->peers) {
    if (!log_.membership().is_voter(peer.node) || !is_live(peer)) continue;
    if (best == nullptr || peer.match > best->match) best = &peer;
  }
  if (best != nullptr) emit(make(MessageKind::kTimeoutNow, best->node));
  become_follower(hard_.term, kNoNode);
}

// A voter that answers from a life the group does not know becomes a learner of that life; one that
// has caught up becomes a voter again. Neither counts anywhere in between.
void RaftCore::readmit_members() {
  if (is_change_pending() || hard_.commit < lead_->term_start || lead_->transfer_to != kNoNode ||
      !has_live_quorum(log_.membership())) {
    return;
  }
  std::vector<Member> members(log_.membership().members().begin(),
                              log_.membership().members().end());
  for (size_t i = 0; i < members.size(); ++i) {
    const Progress& peer = lead_->peers[i];
    Member& member = members[i];
    if (peer.node == self_) continue;
    const bool is_heard = peer.silent_ticks < options_->election_ticks;
    if (is_heard && peer.is_untrusted && peer.incarnation != member.incarnation) {
      const bool was_voter = member.has(kVoter) || member.has(kReturning);
      member.roles = static_cast<uint8_t>(was_voter ? kLearner | kReturning : kLearner);
      member.incarnation = peer.incarnation;
    } else if (is_heard && member.has(kReturning) && is_live(peer) &&
               peer.match + options_->promote_lag_max >= log_.last_index()) {
      member.roles = kVoter;
    } else {
      continue;
    }
    const Membership target(std::move(members));
    if (!target.check() || !has_live_quorum(target)) return;
    if (!append_membership(target)) return;
    return;  // one at a time
  }
}

}  // namespace petrel::raft
