// Messages that cannot be right are counted and change nothing.
#include "petrel/raft/raft_node.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace petrel::raft {
namespace {

class RefusalTest : public testing::Test {
 protected:
  RefusalTest() : node_(options_, restart()) {
    Message append = from_leader(MessageKind::kAppend);
    append.entries.push_back({.term = 3, .index = 1, .data = Payload::copy_of("one")});
    append.entries.push_back({.term = 3, .index = 2, .data = Payload::copy_of("two")});
    append.commit = 1;
    give(std::move(append));
  }

  static Restart restart() {
    const std::array<NodeId, 3> voters = {1, 2, 3};
    Restart restart;
    restart.group = 9;
    restart.self = 1;
    restart.base.membership = Membership::of_voters(voters);
    return restart;
  }

  static Message from_leader(MessageKind kind) {
    Message message;
    message.kind = kind;
    message.group = 9;
    message.from = 2;
    message.to = 1;
    message.term = 3;
    return message;
  }

  void give(Message message) {
    node_.step(std::move(message));
    while (node_.has_ready()) {
      Ready ready = node_.take_ready();
      if (ready.needs_write()) node_.on_appended(ready.sequence);
      if (!ready.apply.is_empty()) node_.on_applied(ready.apply.last);
    }
  }

  std::string state() const {
    const RaftView view = node_.view();
    return std::to_string(view.term) + " " + std::to_string(view.last) + " " +
           std::to_string(view.commit) + " " + std::to_string(view.leader);
  }

  RaftOptions options_;
  RaftNode node_;
};

TEST_F(RefusalTest, OtherGroupsReceiversAndStrangers) {
  const std::string before = state();
  Message message = from_leader(MessageKind::kAppend);
  message.group = 8;
  give(std::move(message));
  message = from_leader(MessageKind::kAppend);
  message.to = 3;
  give(std::move(message));
  message = from_leader(MessageKind::kAppend);
  message.from = 1;
  give(std::move(message));
  EXPECT_EQ(node_.counters().refused_misaddressed, 3U);
  message = from_leader(MessageKind::kAppendReply);
  message.from = 77;
  give(std::move(message));
  EXPECT_EQ(node_.counters().refused_unknown_sender, 1U);
  EXPECT_EQ(state(), before);
}

TEST_F(RefusalTest, NumbersOutOfRange) {
  const std::string before = state();
  for (uint64_t Message::* field : {&Message::term, &Message::index, &Message::commit,
                                    &Message::log_term, &Message::last, &Message::round}) {
    Message message = from_leader(MessageKind::kAppend);
    message.*field = ~0ULL;
    give(std::move(message));
  }
  EXPECT_EQ(node_.counters().refused_malformed, 6U);
  EXPECT_EQ(state(), before);
}

TEST_F(RefusalTest, EntriesWithGapsFallingTermsOrTermsOfTheFuture) {
  const std::string before = state();
  for (const auto& [index, term] : {std::pair<LogIndex, Term>{4, 3}, {3, 2}, {3, 4}}) {
    Message message = from_leader(MessageKind::kAppend);
    message.index = 2;
    message.log_term = 3;
    message.entries.push_back({.term = term, .index = index, .data = {}});
    give(std::move(message));
  }
  EXPECT_EQ(node_.counters().refused_malformed, 3U);
  EXPECT_EQ(state(), before);
}

TEST_F(RefusalTest, EntriesThatContradictWhatIsCommitted) {
  const std::string before = state();
  Message message = from_leader(MessageKind::kAppend);
  message.entries.push_back({.term = 2, .index = 1, .data = {}});
  give(std::move(message));
  EXPECT_EQ(node_.counters().refused_conflict, 1U);
  EXPECT_EQ(state(), before);
}

TEST_F(RefusalTest, ASecondLeaderOfTheSameTerm) {
  const std::string before = state();
  Message message = from_leader(MessageKind::kHeartbeat);
  message.from = 3;
  give(std::move(message));
  EXPECT_EQ(node_.counters().refused_malformed, 1U);
  EXPECT_EQ(state(), before);
}

TEST_F(RefusalTest, OldTermsAreAnsweredWithTheNewOne) {
  Message message = from_leader(MessageKind::kAppend);
  message.term = 2;
  node_.step(std::move(message));
  const Ready ready = node_.take_ready();
  ASSERT_EQ(ready.send_now.size(), 1U);
  EXPECT_EQ(ready.send_now[0].term, 3U);
  EXPECT_TRUE(ready.send_now[0].has(kRejected));
  EXPECT_EQ(node_.counters().refused_old_term, 1U);
}

TEST_F(RefusalTest, AFailedWriteEndsThePartOfThisReplica) {
  node_.on_append_failed();
  EXPECT_TRUE(node_.is_failed());
  Message message = from_leader(MessageKind::kVote);
  message.term = 9;
  give(std::move(message));
  EXPECT_EQ(node_.term(), 3U);
  EXPECT_FALSE(node_.has_ready());
}

}  // namespace
}  // namespace petrel::raft
