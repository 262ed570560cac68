#include "raft/raft_log.h"

#include <gtest/gtest.h>

namespace petrel::raft {
namespace {

RaftLog log_with_terms(std::initializer_list<Term> terms) {
  RaftLog log(SnapshotMeta{});
  for (Term term : terms) {
    log.append({.term = term, .index = log.last_index() + 1, .data = Payload::copy_of("data")});
  }
  return log;
}

TEST(RaftLogTest, KnowsTheTermsOfItsEntriesAndOfItsBase) {
  const RaftLog log = log_with_terms({1, 1, 3});
  EXPECT_TRUE(log.matches(0, 0));
  EXPECT_TRUE(log.matches(3, 3));
  EXPECT_FALSE(log.matches(3, 2));
  EXPECT_FALSE(log.matches(4, 3));
}

TEST(RaftLogTest, FindsTheLastEntryOfATermNotAboveAnother) {
  const RaftLog log = log_with_terms({1, 1, 3, 3, 6});
  EXPECT_EQ(log.last_with_term_up_to(5, 9), 5U);
  EXPECT_EQ(log.last_with_term_up_to(5, 5), 4U);
  EXPECT_EQ(log.last_with_term_up_to(9, 2), 2U);
  EXPECT_EQ(log.last_with_term_up_to(3, 3), 3U);
  EXPECT_EQ(log.last_with_term_up_to(5, 0), 0U);
}

TEST(RaftLogTest, CompactionKeepsAsManyBytesAsAskedFor) {
  RaftLog log = log_with_terms({1, 1, 2, 2, 2});
  const uint64_t one = log.bytes() / 5;
  log.compact(4, 3 * one);
  EXPECT_EQ(log.base_index(), 2U);
  EXPECT_EQ(log.base_term(), 1U);
  EXPECT_EQ(log.entry(3).term, 2U);
  EXPECT_EQ(log.bytes(), 3 * one);
  log.compact(4, 0);
  EXPECT_EQ(log.base_index(), 4U);
  EXPECT_EQ(log.last_index(), 5U);
  EXPECT_FALSE(log.term_at(3).has_value());
}

TEST(RaftLogTest, MembershipFollowsAppendTruncationAndCompaction) {
  const auto member = [](NodeId node) { return Membership({{.node = node, .roles = kVoter}}); };
  RaftLog log({.index = 0, .term = 0, .id = 0, .membership = member(1)});
  for (NodeId node = 2; node <= 4; ++node) {
    log.append({.term = 1,
                .index = log.last_index() + 1,
                .kind = EntryKind::kMembership,
                .data = Payload::copy_of(member(node).encode())});
  }
  EXPECT_EQ(log.membership(), member(4));
  EXPECT_EQ(log.membership_at(1), member(2));
  log.truncate_from(3);
  EXPECT_EQ(log.membership(), member(3));
  log.compact(1, 0);
  EXPECT_EQ(log.membership_at(1), member(2));
  EXPECT_EQ(log.membership_index(), 2U);
}

}  // namespace
}  // namespace petrel::raft
