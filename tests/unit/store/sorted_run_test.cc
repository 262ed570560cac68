// Sorted runs: what is written is found, before and after the disk has it, and damage is told.
#include "store/sorted_run.h"

#include "unit/store/fake_disk.h"

#include "petrel/base/hash.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

namespace petrel::store {
namespace {

class SortedRunTest : public testing::Test {
 protected:
  void write(size_t keys) {
    Prng prng(7);
    while (entries_.size() < keys) {
      entries_["k." + std::to_string(prng.below(1'000'000))] = std::to_string(prng.below(100));
    }
    run_ = std::make_unique<SortedRun>(disk_, "/d", 0x1f, keys);
    for (const auto& [key, value] : entries_) run_->add(key, value);
    run_->finish();
  }
  std::optional<std::string> find(const std::string& key) const {
    if (!run_->may_hold(hash_bytes(key))) return std::nullopt;
    RunCursor cursor(*run_);
    cursor.seek(key);
    if (cursor.is_at_end() || cursor.key() != key) return std::nullopt;
    return std::string(cursor.value());
  }
  void expect_everything() const {
    RunCursor cursor(*run_);
    cursor.seek({});
    for (const auto& [key, value] : entries_) {
      ASSERT_FALSE(cursor.is_at_end());
      ASSERT_EQ(cursor.key(), key);
      ASSERT_EQ(cursor.value(), value);
      ASSERT_EQ(find(key), value);
      cursor.next();
    }
    EXPECT_TRUE(cursor.is_at_end());
    EXPECT_FALSE(cursor.is_damaged());
  }

  FakeDisk disk_;
  std::map<std::string, std::string> entries_;
  std::unique_ptr<SortedRun> run_;
};

TEST_F(SortedRunTest, FindsEverythingBeforeAndAfterTheDiskHasIt) {
  write(40'000);
  EXPECT_GT(run_->unwritten_bytes(), 0U);
  expect_everything();
  EXPECT_EQ(disk_.loads, 0U);
  disk_.drain();
  run_->retry_writes();
  EXPECT_EQ(run_->unwritten_bytes(), 0U);
  expect_everything();
  EXPECT_GT(disk_.loads, 0U);
}

TEST_F(SortedRunTest, CostsFewBytesAKeyAndHardlyAReadForWhatIsNotThere) {
  write(40'000);
  disk_.drain();
  run_->retry_writes();
  EXPECT_LT(run_->memory_bytes(), 40'000U * 5 / 2);
  size_t maybe = 0;
  for (int n = 0; n < 10'000; ++n) maybe += run_->may_hold(hash_bytes("no." + std::to_string(n)));
  EXPECT_LT(maybe, 50U);
}

TEST_F(SortedRunTest, SeeksTheFirstKeyAtOrBehind) {
  write(5000);
  RunCursor cursor(*run_);
  cursor.seek("a");
  EXPECT_EQ(cursor.key(), entries_.begin()->first);
  cursor.seek("k.5");
  EXPECT_EQ(cursor.key(), entries_.lower_bound("k.5")->first);
  cursor.seek("l");
  EXPECT_TRUE(cursor.is_at_end());
}

TEST_F(SortedRunTest, TellsDamageAndShortFiles) {
  write(5000);
  disk_.drain();
  run_->retry_writes();
  std::string& bytes = *disk_.contents("/d/" + run_file_name(0x1f));
  bytes[2 * kRunBlockBytes + 100] ^= 4;
  RunCursor cursor(*run_);
  for (cursor.seek({}); !cursor.is_at_end(); cursor.next()) {
  }
  EXPECT_TRUE(cursor.is_damaged());
  bytes[2 * kRunBlockBytes + 100] ^= 4;
  bytes.resize(bytes.size() - 1);
  cursor.seek({});
  while (!cursor.is_at_end()) cursor.next();
  EXPECT_TRUE(cursor.is_damaged());
}

TEST_F(SortedRunTest, KeepsWhatCannotBeWrittenAndTriesAgain) {
  disk_.refused_suffix = ".run";
  write(5000);
  disk_.drain();
  expect_everything();
  disk_.refused_suffix = "";
  run_->retry_writes();
  disk_.drain();
  run_->retry_writes();
  EXPECT_EQ(run_->unwritten_bytes(), 0U);
  expect_everything();
}

TEST_F(SortedRunTest, NameAndFileGoWithIt) {
  EXPECT_EQ(parse_run_file_name(run_file_name(0x1f)), 0x1fU);
  EXPECT_EQ(parse_run_file_name("000000000000001f.seg"), 0U);
  EXPECT_EQ(parse_run_file_name("00000000000000zz.run"), 0U);
  write(100);
  disk_.drain();
  EXPECT_NE(disk_.contents("/d/" + run_file_name(0x1f)), nullptr);
  run_ = nullptr;
  disk_.drain();
  EXPECT_EQ(disk_.contents("/d/" + run_file_name(0x1f)), nullptr);
}

}  // namespace
}  // namespace petrel::store
