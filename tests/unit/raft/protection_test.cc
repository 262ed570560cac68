// A replica that hears a leader helps nobody else for an election timeout: leases rest on it.
#include "petrel/raft/raft_node.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

namespace petrel::raft {
namespace {

constexpr Term kLedTerm = 3;

class ProtectionTest : public testing::Test {
 protected:
  ProtectionTest() : node_(options_, restart()) {
    give(from(2, MessageKind::kHeartbeat, kLedTerm));
    sent_.clear();
  }

  static Restart restart() {
    const std::array<NodeId, 5> voters = {1, 2, 3, 4, 5};
    Restart restart;
    restart.group = 9;
    restart.self = 1;
    restart.base.membership = Membership::of_voters(voters);
    return restart;
  }

  static Message from(NodeId sender, MessageKind kind, Term term, uint8_t flags = 0) {
    Message message;
    message.kind = kind;
    message.group = 9;
    message.from = sender;
    message.to = 1;
    message.term = term;
    message.flags = flags;
    return message;
  }

  void give(Message message) {
    node_.step(std::move(message));
    work();
  }

  void pass_ticks(uint32_t count) {
    for (; count > 0; --count) {
      now_ = now_ + options_.tick;
      node_.tick(now_);
      work();
    }
  }

  void work() {
    while (node_.has_ready()) {
      Ready ready = node_.take_ready();
      for (Message& message : ready.send_now) sent_.push_back(std::move(message));
      for (Message& message : ready.send_after) sent_.push_back(std::move(message));
      if (ready.needs_write()) node_.on_appended(ready.sequence);
    }
  }

  bool has_granted() const {
    return !sent_.empty() && sent_.back().kind == MessageKind::kVoteReply &&
           !sent_.back().has(kRejected);
  }

  RaftOptions options_;
  RaftNode node_;
  Instant now_;
  std::vector<Message> sent_;
};

TEST_F(ProtectionTest, NewsOfAHigherTermDoNotEndIt) {
  give(from(4, MessageKind::kPreVoteReply, kLedTerm + 1, kRejected));
  ASSERT_EQ(node_.view().term, kLedTerm + 1);
  give(from(3, MessageKind::kVote, kLedTerm + 1));
  EXPECT_FALSE(has_granted());
  pass_ticks(options_.election_ticks);
  give(from(3, MessageKind::kVote, kLedTerm + 1));
  EXPECT_TRUE(has_granted());
}

TEST_F(ProtectionTest, TheOwnCampaignWaitsForIt) {
  node_.campaign();
  work();
  EXPECT_EQ(node_.view().role, RaftRole::kFollower);
  pass_ticks(options_.election_ticks);
  node_.campaign();
  EXPECT_EQ(node_.view().role, RaftRole::kPreCandidate);
}

TEST_F(ProtectionTest, EndsWithTheNodeOfTheLeader) {
  node_.on_node_suspected(2, 0);
  give(from(3, MessageKind::kVote, kLedTerm + 1));
  EXPECT_TRUE(has_granted());
}

TEST_F(ProtectionTest, DoesNotHoldAgainstWhomTheLeaderChose) {
  give(from(3, MessageKind::kVote, kLedTerm + 1, kForced));
  EXPECT_TRUE(has_granted());
}

}  // namespace
}  // namespace petrel::raft
