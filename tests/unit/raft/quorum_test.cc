#include "raft/quorum.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace petrel::raft {
namespace {

Membership with_roles(std::vector<uint8_t> roles) {
  std::vector<Member> members;
  for (size_t i = 0; i < roles.size(); ++i) members.push_back({.node = i + 1, .roles = roles[i]});
  return Membership(members);
}

TEST(QuorumTest, AMajorityOfOneTwoThreeAndFive) {
  const std::array<uint64_t, 5> values = {9, 7, 5, 3, 1};
  const auto of = [&](size_t count) {
    return quorum_value(with_roles(std::vector<uint8_t>(count, kVoter)),
                        std::span(values.data(), count));
  };
  EXPECT_EQ(of(1), 9U);
  EXPECT_EQ(of(2), 7U);
  EXPECT_EQ(of(3), 7U);
  EXPECT_EQ(of(5), 5U);
}

TEST(QuorumTest, LearnersCountNowhereAndJointNeedsBothSets) {
  EXPECT_EQ(
      quorum_value(with_roles({kVoter, kLearner, kLearner}), std::array<uint64_t, 3>{1, 9, 9}), 1U);
  const Membership joint = with_roles({kOutgoing, kOutgoing, kOutgoing | kVoter, kVoter, kVoter});
  EXPECT_EQ(quorum_value(joint, std::array<uint64_t, 5>{1, 1, 9, 9, 9}), 1U);
  EXPECT_EQ(quorum_value(joint, std::array<uint64_t, 5>{9, 9, 1, 1, 9}), 1U);
  EXPECT_EQ(quorum_value(joint, std::array<uint64_t, 5>{9, 1, 8, 7, 1}), 7U);
  const auto vote = [&](Ballot a, Ballot b) {
    return quorum_vote(joint, std::array<Ballot, 5>{a, a, a, b, b});
  };
  EXPECT_EQ(vote(Ballot::kGranted, Ballot::kMissing), VoteResult::kPending);
  EXPECT_EQ(vote(Ballot::kGranted, Ballot::kRefused), VoteResult::kLost);
  EXPECT_EQ(vote(Ballot::kGranted, Ballot::kGranted), VoteResult::kWon);
}

// Any two majorities meet: what one holds a second one sees.
TEST(QuorumTest, MajoritiesOfRandomMembershipsIntersect) {
  Prng prng(5);
  for (int round = 0; round < 2000; ++round) {
    const size_t count = 1 + prng.below(7);
    std::vector<uint8_t> roles;
    std::vector<Ballot> yes(count);
    std::vector<Ballot> no(count);
    for (size_t i = 0; i < count; ++i) {
      roles.push_back(static_cast<uint8_t>(1 + prng.below(3)));
      const bool granted = prng.chance(500);
      yes[i] = granted ? Ballot::kGranted : Ballot::kRefused;
      no[i] = granted ? Ballot::kRefused : Ballot::kGranted;
    }
    const Membership membership = with_roles(roles);
    EXPECT_FALSE(quorum_vote(membership, yes) == VoteResult::kWon &&
                 quorum_vote(membership, no) == VoteResult::kWon);
  }
}

TEST(MembershipTest, SurvivesItsEncodingAndRefusesDamage) {
  const Membership joint = with_roles({kVoter, kVoter | kOutgoing, kLearner | kReturning});
  const std::string bytes = joint.encode();
  EXPECT_EQ(*Membership::decode(bytes), joint);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(Membership::decode(Slice(bytes).substr(0, length)).is_ok()) << length;
  }
  EXPECT_FALSE(Membership::decode(bytes + "x").is_ok());
  EXPECT_FALSE(with_roles({kLearner}).check().is_ok());
  EXPECT_FALSE(with_roles({kVoter | kLearner}).check().is_ok());
  EXPECT_FALSE(Membership(std::vector<Member>(2, {.node = 1, .roles = kVoter})).check().is_ok());
}

TEST(MembershipTest, GoesThroughAJointStep) {
  const Membership today = with_roles({kVoter, kVoter, kVoter});
  const Membership target({{.node = 1, .roles = kVoter}, {.node = 4, .roles = kVoter}});
  const Membership joint = today.joint_towards(target);
  EXPECT_TRUE(joint.is_joint());
  EXPECT_EQ(joint.text(), "voters=1,4 outgoing=1,2,3");
  EXPECT_EQ(joint.settled(), target);
}

}  // namespace
}  // namespace petrel::raft
