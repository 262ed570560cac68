// Membership: who is in a group and in which role, as one log entry changes it (thesis, chapter 4).
// A joint membership has two sets of voters; elections and commits need a majority of both.
// Thread: values. Limits: at most kMembersMax members.
#pragma once

#include "petrel/base/result.h"
#include "petrel/raft/entry.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace petrel::raft {

inline constexpr size_t kMembersMax = 32;

enum Role : uint8_t {
  kVoter = 1,      // votes in the incoming (or only) set
  kOutgoing = 2,   // votes in the outgoing set of a joint membership
  kLearner = 4,    // receives entries, votes nowhere
  kReturning = 8,  // a learner that was a voter and becomes one again when it has caught up
};

struct Member {
  NodeId node = kNoNode;
  // Raised whenever the replica has lost what it had promised (memory log restarted, vote lost).
  // Only the life that is named here is trusted to vote and to be counted.
  Incarnation incarnation = 0;
  uint8_t roles = 0;
  bool has(Role role) const { return (roles & role) != 0; }
  bool is_voter() const { return (roles & (kVoter | kOutgoing)) != 0; }
  friend bool operator==(const Member&, const Member&) = default;
};

class Membership {
 public:
  Membership() = default;
  explicit Membership(std::vector<Member> members);  // sorted by node here
  static Membership of_voters(std::span<const NodeId> voters);

  std::span<const Member> members() const { return members_; }
  const Member* find(NodeId node) const;
  bool is_voter(NodeId node) const;
  bool is_joint() const;
  bool is_empty() const { return members_.empty(); }
  size_t count(Role role) const;

  // Sane enough to be used: sorted, unique, known roles, at least one voter.
  Status check() const;
  // This membership with the incoming set of `target` and today's voters as outgoing set.
  Membership joint_towards(const Membership& target) const;
  // A joint membership without its outgoing set.
  Membership settled() const;

  std::string encode() const;
  static Result<Membership> decode(Slice bytes);
  std::string text() const;  // "1 2 3 | learner 4 | outgoing 5", for traces

  friend bool operator==(const Membership&, const Membership&) = default;

 private:
  std::vector<Member> members_;
};

}  // namespace petrel::raft
