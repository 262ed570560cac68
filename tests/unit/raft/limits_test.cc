// Every queue has a limit and an answer when it is full: the list stands in
// docs/design/010-raft.md.
#include "petrel/raft/multi_raft.h"
#include "petrel/raft/raft_node.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace petrel::raft {
namespace {

Payload bytes_of(size_t count) {
  return Payload::copy_of(std::string(count, 'x'));
}

Restart restart_of(NodeId self, NodeId voters) {
  std::vector<NodeId> nodes;
  for (NodeId node = 1; node <= voters; ++node) nodes.push_back(node);
  Restart restart;
  restart.group = 1;
  restart.self = self;
  restart.base.membership = Membership::of_voters(nodes);
  return restart;
}

// A leader of three whose followers exist only as answers.
class LeaderTest : public testing::Test {
 protected:
  void lead(const RaftOptions& options) {
    options_ = options;
    node_ = std::make_unique<RaftNode>(options_, restart_of(1, 3));
    node_->campaign();
    work();
    answer(MessageKind::kPreVoteReply, 1);
    answer(MessageKind::kVoteReply, 1);
    ASSERT_EQ(node_->role(), RaftRole::kLeader);
    confirm(1);
  }

  void answer(MessageKind kind, Term term, LogIndex index = 0) {
    Message message;
    message.kind = kind;
    message.group = 1;
    message.from = 2;
    message.to = 1;
    message.term = term;
    message.index = message.last = index;
    message.round = round_;
    message.sent_ns = now_.ns;
    node_->step(std::move(message));
    work();
  }
  void confirm(LogIndex index) { answer(MessageKind::kAppendReply, 1, index); }

  void work() {
    while (node_->has_ready()) {
      Ready ready = node_->take_ready();
      for (const Message& message : ready.send_now) count(message);
      if (ready.needs_write()) node_->on_appended(ready.sequence);
      for (const Message& message : ready.send_after) count(message);
      if (!ready.apply.is_empty()) {
        applied_ = ready.apply;
        node_->on_applied(ready.apply.last);
      }
    }
  }

  void count(const Message& message) {
    round_ = std::max(round_, message.round);
    if (message.kind == MessageKind::kAppend && message.to == 2) ++appends_;
  }

  bool propose(size_t bytes) {
    const Payload payload = bytes_of(bytes);
    const bool is_taken = node_->propose(std::span(&payload, 1)).is_ok();
    work();
    return is_taken;
  }

  RaftOptions options_;
  std::unique_ptr<RaftNode> node_;
  Instant now_{};
  uint64_t round_ = 0;
  uint64_t appends_ = 0;
  LogRange applied_;
};

TEST_F(LeaderTest, MessagesOnTheirWayToASilentFollowerStopAtTheWindow) {
  RaftOptions options;
  options.window_messages_max = 5;
  lead(options);
  appends_ = 0;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(propose(10));
  EXPECT_EQ(appends_, 5U);
  EXPECT_LE(node_->view().peers[1].window_bytes, options.window_bytes_max);
}

TEST_F(LeaderTest, BytesOnTheirWayToASilentFollowerStopAtTheWindow) {
  RaftOptions options;
  options.window_bytes_max = 10'000;
  lead(options);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(propose(1000));
  EXPECT_LE(node_->view().peers[1].window_bytes, 10'000U + 2000);  // and one message
}

TEST_F(LeaderTest, ReadsBeyondTheLimitAreFull) {
  RaftOptions options;
  options.reads_max = 3;
  lead(options);
  for (uint64_t context = 1; context <= 3; ++context) {
    EXPECT_TRUE(node_->read_index(context).is_ok());
  }
  EXPECT_EQ(node_->read_index(4).error().code, Errc::kFull);
  Message asked;
  asked.kind = MessageKind::kReadIndex;
  asked.group = 1;
  asked.from = 2;
  asked.to = 1;
  asked.term = 1;
  asked.context = 77;
  node_->step(std::move(asked));
  const Ready ready = node_->take_ready();
  bool is_refused = false;
  for (const Message& message : ready.send_now) {
    is_refused |= message.kind == MessageKind::kReadIndexReply && message.context == 77 &&
                  message.has(kRejected);
  }
  EXPECT_TRUE(is_refused);
}

TEST_F(LeaderTest, AFullLogIsFullUntilTheOwnerCompacts) {
  RaftOptions options;
  options.log_bytes_max = 5000;
  options.retain_bytes = 0;
  lead(options);
  int taken = 0;
  while (propose(500)) {
    ++taken;
    confirm(static_cast<LogIndex>(taken) + 1);
    ASSERT_LT(taken, 20);
  }
  EXPECT_LE(node_->view().log_bytes, 5000U + 1000);  // and one batch
  ASSERT_TRUE(node_->compact(node_->applied()).is_ok());
  EXPECT_TRUE(propose(500));
}

TEST_F(LeaderTest, WhatIsGivenOutForApplyingIsBounded) {
  RaftOptions options;
  options.apply_bytes_max = 3000;
  lead(options);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(propose(1000));
  Message message;
  message.kind = MessageKind::kAppendReply;
  message.group = 1;
  message.from = 2;
  message.to = 1;
  message.term = 1;
  message.index = message.last = 21;
  node_->step(std::move(message));
  const Ready ready = node_->take_ready();
  EXPECT_EQ(ready.apply.count(), 3U);
}

TEST_F(LeaderTest, PayloadsThatNoFrameCarriesAreRefused) {
  lead({});
  const Payload payload = bytes_of(kPayloadBytesMax + 1);
  EXPECT_EQ(node_->propose(std::span(&payload, 1)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(node_->view().last, 1U);
}

TEST(LimitsTest, ProposalsBeyondTheLimitAreRefusedUntilEntriesCommit) {
  RaftOptions options;
  options.uncommitted_bytes_max = 1000;
  Restart restart;
  restart.group = 1;
  restart.self = 1;
  const std::array<NodeId, 1> voters = {1};
  restart.base.membership = Membership::of_voters(voters);
  RaftNode node(options, std::move(restart));
  node.campaign();
  const Payload payload = Payload::copy_of(std::string(600, 'x'));
  EXPECT_TRUE(node.propose(std::span(&payload, 1)).is_ok());
  EXPECT_TRUE(node.propose(std::span(&payload, 1)).is_ok());
  EXPECT_EQ(node.propose(std::span(&payload, 1)).error().code, Errc::kFull);
  const Ready ready = node.take_ready();
  node.on_appended(ready.sequence);
  EXPECT_EQ(node.commit(), 3U);
  EXPECT_TRUE(node.propose(std::span(&payload, 1)).is_ok());
}

// A follower of leader 2.
class FollowerTest : public testing::Test {
 protected:
  void follow(const RaftOptions& options) {
    options_ = options;
    node_ = std::make_unique<RaftNode>(options_, restart_of(1, 3));
  }
  Message from_leader(MessageKind kind) const {
    Message message;
    message.kind = kind;
    message.group = 1;
    message.from = 2;
    message.to = 1;
    message.term = 1;
    return message;
  }
  Ready step(Message message) {
    node_->step(std::move(message));
    Ready ready = node_->take_ready();
    if (ready.needs_write()) node_->on_appended(ready.sequence);
    if (!ready.apply.is_empty()) node_->on_applied(ready.apply.last);
    return ready;
  }
  Message append(LogIndex index) const {
    Message message = from_leader(MessageKind::kAppend);
    message.index = index - 1;
    message.log_term = index > 1 ? 1 : 0;
    message.commit = index - 1;
    message.entries.push_back({.term = 1, .index = index, .data = bytes_of(500)});
    return message;
  }

  RaftOptions options_;
  std::unique_ptr<RaftNode> node_;
};

TEST_F(FollowerTest, AFullLogLeavesAppendsUnansweredUntilTheOwnerCompacts) {
  RaftOptions options;
  options.log_bytes_max = 2000;
  options.retain_bytes = 0;
  follow(options);
  LogIndex index = 1;
  while (node_->view().last == index - 1 && index < 20) step(append(index++));
  const LogIndex last = node_->view().last;
  EXPECT_LE(node_->view().log_bytes, 2000U);
  const Ready ready = step(append(last + 1));
  EXPECT_TRUE(ready.send_after.empty());
  EXPECT_EQ(node_->view().last, last);
  ASSERT_TRUE(node_->compact(node_->applied()).is_ok());
  step(append(last + 1));
  EXPECT_EQ(node_->view().last, last + 1);
}

TEST_F(FollowerTest, ForwardsAtMostOneMessageFull) {
  RaftOptions options;
  options.forward_proposals = true;
  follow(options);
  step(from_leader(MessageKind::kHeartbeat));
  const std::vector<Payload> many(5000, bytes_of(1));
  EXPECT_EQ(node_->propose(many).error().code, Errc::kInvalidArgument);
  const std::vector<Payload> large(2, bytes_of(kPayloadBytesMax / 2));
  EXPECT_EQ(node_->propose(large).error().code, Errc::kInvalidArgument);
  const std::vector<Payload> some(100, bytes_of(1));
  EXPECT_TRUE(node_->propose(some).is_ok());
}

TEST_F(FollowerTest, TakesOneChunkOfASnapshotAtATime) {
  follow({});
  const auto chunk = [&](uint64_t offset) {
    Message message = from_leader(MessageKind::kSnapshotChunk);
    message.chunk = std::make_unique<SnapshotChunk>();
    message.chunk->meta = {10, 1, 10, node_->membership()};
    message.chunk->offset = offset;
    message.chunk->bytes = bytes_of(4);
    return message;
  };
  EXPECT_NE(step(chunk(0)).store_chunk, nullptr);
  EXPECT_EQ(step(chunk(0)).store_chunk, nullptr);  // the first is not stored yet
  node_->on_snapshot_stored(10, 4);
  EXPECT_EQ(step(chunk(0)).store_chunk, nullptr);  // asked again: answers where it stands
  EXPECT_NE(step(chunk(4)).store_chunk, nullptr);
}

TEST(LinkLimitTest, AFullLinkDropsAndCounts) {
  MultiRaftOptions options;
  options.link_bytes_max = 2000;
  MultiRaft multi(options, 1, 1);
  multi.add_peer(2);
  const auto message = [] {
    Message made;
    made.group = 5;
    made.from = 1;
    made.to = 2;
    made.entries.push_back({.term = 1, .index = 1, .data = bytes_of(700)});
    return made;
  };
  for (int i = 0; i < 5; ++i) multi.send(message());
  EXPECT_GE(multi.counters().dropped_messages, 3U);
  size_t bytes = 0;
  for (const OutFrame& frame : multi.take_frames()) bytes += frame.bytes.size();
  EXPECT_LE(bytes, 2000U);
  multi.send(message());  // there is room again
  EXPECT_EQ(multi.counters().messages_out + 1, 6U - multi.counters().dropped_messages);
}

}  // namespace
}  // namespace petrel::raft
