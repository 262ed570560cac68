#include "petrel/jetstream/solo_group.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

namespace petrel::jetstream {
namespace {

class FakeJournal final : public store::Journal {
 public:
  Result<uint64_t> append(const store::JournalRecord& record) override {
    if (is_full) return Error{Errc::kFull, "full"};
    records.emplace_back(record.index, std::string(record.bytes));
    return records.size();
  }
  void commit() override {}
  void release(store::GroupId group, uint64_t index) override { released[group] = index; }
  void forget(store::GroupId) override {}
  void checkpoint_failed(store::GroupId group) override { failed.push_back(group); }
  uint64_t synced_position() const override { return 0; }
  uint64_t bytes_on_disk() const override { return 0; }
  bool is_disk_full() const override { return false; }
  void old_journals_removed() override {}

  bool is_full = false;
  std::vector<std::pair<uint64_t, std::string>> records;
  std::map<store::GroupId, uint64_t> released;
  std::vector<store::GroupId> failed;
};

class Member final : public GroupMember {
 public:
  void apply(uint64_t index, Slice entry) override {
    applied.append(std::to_string(index)).append(":").append(entry).append(" ");
  }
  void on_lost(uint64_t index, const Error&) override { lost_above = index; }
  std::string applied;
  uint64_t lost_above = 0;
};

class SoloGroupTest : public testing::Test {
 protected:
  Result<uint64_t> propose(SoloGroup& group, Slice first, Slice second,
                           Urgency urgency = Urgency::kNow) {
    const std::array<Slice, 2> parts{first, second};
    return group.propose(parts, urgency);
  }
  FakeJournal journal_;
  Member member_;
};

TEST_F(SoloGroupTest, SaysUpToWhereTheJournalIsNeededAtOnce) {
  JournalDemand demand;
  SoloGroup group({7, Durability::kSynced, 0, &demand}, &journal_, member_);
  ASSERT_TRUE(propose(group, "a", "", Urgency::kSoon));
  EXPECT_EQ(demand.now, 0U);
  EXPECT_EQ(demand.soon, 1U);
  ASSERT_TRUE(propose(group, "b", "", Urgency::kNow));
  ASSERT_TRUE(propose(group, "c", "", Urgency::kSoon));
  EXPECT_EQ(demand.now, 2U);
  EXPECT_EQ(demand.soon, 3U);
  EXPECT_FALSE(group.advance(10));
  EXPECT_EQ(member_.applied, "");
}

TEST_F(SoloGroupTest, AppliesOnlyWhatTheJournalHasOnDisk) {
  SoloGroup group({7, Durability::kSynced, 0}, &journal_, member_);
  ASSERT_EQ(*propose(group, "a", "1"), 1U);
  ASSERT_EQ(*propose(group, "b", "2"), 2U);
  EXPECT_FALSE(group.advance(10));
  EXPECT_EQ(member_.applied, "");
  EXPECT_TRUE(group.on_synced(1));
  EXPECT_FALSE(group.advance(10));
  EXPECT_EQ(member_.applied, "1:a1 ");
  EXPECT_TRUE(group.on_synced(2));
  group.advance(10);
  EXPECT_EQ(member_.applied, "1:a1 2:b2 ");
  EXPECT_EQ(journal_.records.size(), 2U);
}

TEST_F(SoloGroupTest, RelaxedAppliesAtOnceAndStillWritesTheJournal) {
  SoloGroup group({7, Durability::kRelaxed, 4}, &journal_, member_);
  ASSERT_EQ(*propose(group, "a", ""), 5U);
  group.advance(10);
  EXPECT_EQ(member_.applied, "5:a ");
  EXPECT_EQ(journal_.records.size(), 1U);
}

TEST_F(SoloGroupTest, VolatileNeedsNoJournal) {
  SoloGroup group({7, Durability::kVolatile, 0}, nullptr, member_);
  ASSERT_TRUE(propose(group, "a", ""));
  group.advance(10);
  EXPECT_EQ(member_.applied, "1:a ");
}

TEST_F(SoloGroupTest, AdvancesInBoundedSteps) {
  SoloGroup group({7, Durability::kVolatile, 0}, nullptr, member_);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(propose(group, "x", ""));
  EXPECT_TRUE(group.advance(2));
  EXPECT_EQ(group.applied_index(), 2U);
  EXPECT_FALSE(group.advance(2));
  EXPECT_EQ(group.applied_index(), 3U);
}

TEST_F(SoloGroupTest, AFailedJournalLosesWhatWasNotSyncedAndStopsTheGroup) {
  SoloGroup group({7, Durability::kSynced, 0}, &journal_, member_);
  ASSERT_TRUE(propose(group, "a", ""));
  ASSERT_TRUE(propose(group, "b", ""));
  group.on_failed(1, {Errc::kIo, "EIO"});
  EXPECT_EQ(member_.lost_above, 1U);
  group.advance(10);
  EXPECT_EQ(member_.applied, "1:a ");
  EXPECT_FALSE(group.is_leader());
  EXPECT_EQ(propose(group, "c", "").error().code, Errc::kIo);
}

TEST_F(SoloGroupTest, AFullJournalRefusesWithoutUsingAnIndex) {
  SoloGroup group({7, Durability::kSynced, 0}, &journal_, member_);
  journal_.is_full = true;
  EXPECT_EQ(propose(group, "a", "").error().code, Errc::kFull);
  journal_.is_full = false;
  EXPECT_EQ(*propose(group, "a", ""), 1U);
}

TEST_F(SoloGroupTest, ACheckpointReleasesTheJournal) {
  SoloGroup group({7, Durability::kSynced, 0}, &journal_, member_);
  group.checkpoint_failed();
  EXPECT_EQ(journal_.failed, std::vector<store::GroupId>{7});
  group.checkpointed(12);
  EXPECT_EQ(journal_.released[7], 12U);
  EXPECT_EQ(group.checkpoints(), 1U);
}

}  // namespace
}  // namespace petrel::jetstream
