#include "unit/store/fake_disk.h"
#include "unit/store/store_model.h"
#include "unit/store/store_workload.h"

#include "petrel/store/message_store.h"

#include <optional>

namespace petrel::store {
namespace {

const std::string kDirectory = "/store/streams/S";

class RecordingListener : public MessageStore::Listener {
 public:
  void on_readable() override { ++readable; }
  void on_checkpoint(uint64_t applied_index, int error) override {
    checkpointed = applied_index;
    checkpoint_error = error;
  }
  void on_damaged(uint64_t first, uint64_t last, const std::string& what) override {
    damaged.push_back({first, last});
    reasons.push_back(what);
  }
  int readable = 0;
  uint64_t checkpointed = 0;
  int checkpoint_error = -1;
  std::vector<std::pair<uint64_t, uint64_t>> damaged;
  std::vector<std::string> reasons;
};

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    options_.directory = kDirectory;
    options_.segment_bytes = 4096;
    open();
  }
  void open() {
    auto found = open_file_store(disk_, options_, listener_);
    ASSERT_TRUE(found.is_ok()) << found.error().detail;
    applied_ = found->applied_index;
    extra_ = found->extra;
    is_rebuilt_ = found->is_rebuilt;
    store_ = std::move(found->store);
  }
  void reopen() {
    store_ = nullptr;
    disk_.drain();
    open();
  }
  void add(uint64_t sequence, Slice subject, Slice body = "body", Slice header = {}) {
    store_->append({sequence, {static_cast<int64_t>(sequence) * 10}, subject, header, body});
  }
  void fill(uint64_t first, uint64_t last, const std::string& body = std::string(100, 'x')) {
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
      add(sequence, "s." + std::to_string(sequence % 10), body + std::to_string(sequence));
    }
  }
  int checkpoint(uint64_t applied_index, std::string extra = "extra") {
    listener_.checkpoint_error = -1;
    store_->checkpoint(applied_index, std::move(extra));
    while (store_->is_checkpointing()) {
      if (!disk_.step()) break;
    }
    EXPECT_EQ(listener_.checkpointed, applied_index);
    return listener_.checkpoint_error;
  }
  void maintain() {
    for (int i = 0; i < 1000 && store_->maintain(); ++i) disk_.drain();
    disk_.drain();
  }
  std::string body_of(uint64_t sequence) {
    for (int tries = 0; tries < 10; ++tries) {
      StoredMessage message;
      switch (store_->read(sequence, message)) {
        case ReadStatus::kFound:
          return std::string(message.body);
        case ReadStatus::kMissing:
          return "missing";
        case ReadStatus::kCorrupt:
          return "corrupt";
        case ReadStatus::kPending:
          disk_.poll();
      }
    }
    return "pending for ever";
  }
  std::string segment_path(size_t n) {
    for (const auto& [path, file] : disk_.files) {
      if (path.ends_with(".seg") && n-- == 0) return path;
    }
    return {};
  }

  FakeDisk disk_;
  RecordingListener listener_;
  FileStoreOptions options_;
  std::unique_ptr<MessageStore> store_;
  uint64_t applied_ = 0;
  std::string extra_;
  bool is_rebuilt_ = false;
};

TEST_F(FileStoreTest, NewStoreTouchesNoDisk) {
  EXPECT_EQ(applied_, 0U);
  EXPECT_EQ(store_->state().last_sequence, 0U);
  EXPECT_TRUE(disk_.files.empty());
}

TEST_F(FileStoreTest, CountsBytesAsNatsServerDoesInFiles) {
  add(1, "foo", "12");
  EXPECT_EQ(store_->state().bytes, 35U);
  add(2, "foo", "12", "NATS/1.0\r\n\r\n");
  EXPECT_EQ(store_->state().bytes, 35U + 35 + 4 + 12);
  EXPECT_EQ(store_->counted_bytes(3, 12, 2), 51U);
}

TEST_F(FileStoreTest, CheckpointedMessagesAreThereAfterReopen) {
  fill(1, 200);
  store_->remove(7, false);
  ASSERT_EQ(checkpoint(44, "consumers"), 0);
  reopen();
  EXPECT_EQ(applied_, 44U);
  EXPECT_EQ(extra_, "consumers");
  EXPECT_EQ(store_->state().messages, 199U);
  EXPECT_EQ(store_->totals_of("s.7").messages, 19U);
  EXPECT_EQ(body_of(7), "missing");
  EXPECT_EQ(body_of(8), std::string(100, 'x') + "8");
  EXPECT_EQ(body_of(200), std::string(100, 'x') + "200");
  EXPECT_TRUE(listener_.damaged.empty());
}

TEST_F(FileStoreTest, WhatCameAfterTheCheckpointIsCutOff) {
  fill(1, 50);
  ASSERT_EQ(checkpoint(1), 0);
  fill(51, 120);
  disk_.drain();
  reopen();
  EXPECT_EQ(store_->state().last_sequence, 50U);
  EXPECT_EQ(body_of(51), "missing");
  fill(51, 60, "again");
  ASSERT_EQ(checkpoint(2), 0);
  reopen();
  EXPECT_EQ(body_of(55), "again55");
  EXPECT_EQ(body_of(50), std::string(100, 'x') + "50");
}

TEST_F(FileStoreTest, AppendSyncsNothing) {
  fill(1, 20);
  disk_.drain();
  for (const auto& [path, file] : disk_.files) EXPECT_TRUE(file->durable.empty()) << path;
}

TEST_F(FileStoreTest, ReadsWaitForTheDiskAndTellWhenTheyAreDone) {
  options_.cache_bytes = 0;
  reopen();
  fill(1, 300);
  ASSERT_EQ(checkpoint(1), 0);
  reopen();
  StoredMessage message;
  EXPECT_EQ(store_->read(5, message), ReadStatus::kPending);
  EXPECT_EQ(listener_.readable, 0);
  disk_.poll();
  EXPECT_GT(listener_.readable, 0);
  EXPECT_EQ(body_of(5), std::string(100, 'x') + "5");
  EXPECT_EQ(body_of(299), std::string(100, 'x') + "299");
}

TEST_F(FileStoreTest, CheckpointWritesOnlyWhatChanged) {
  options_.segment_bytes = 64 << 10;
  reopen();
  fill(1, 20'000);
  ASSERT_EQ(checkpoint(1), 0);
  const size_t before = disk_.contents(kDirectory + "/checkpoint")->size();
  store_->remove(10, false);
  add(20'001, "one.more");
  ASSERT_EQ(checkpoint(2), 0);
  EXPECT_LT(disk_.contents(kDirectory + "/checkpoint")->size() - before, 250U);
}

TEST_F(FileStoreTest, OpenReadsNoMessages) {
  options_.segment_bytes = 64 << 10;
  reopen();
  fill(1, 20'000, std::string(500, 'x'));
  ASSERT_EQ(checkpoint(1), 0);
  reopen();
  disk_.loaded_bytes = 0;
  reopen();
  EXPECT_LT(disk_.loaded_bytes, 200'000U);
  EXPECT_EQ(store_->state().messages, 20'000U);
  EXPECT_EQ(store_->totals_of("s.3").messages, 2000U);
}

TEST_F(FileStoreTest, FilesOfPurgedSegmentsGo) {
  fill(1, 500);
  ASSERT_EQ(checkpoint(1), 0);
  const size_t before = disk_.files.size();
  store_->purge_below(500, nullptr);
  ASSERT_EQ(checkpoint(2), 0);
  disk_.drain();
  EXPECT_LT(disk_.files.size(), before - 5);
  reopen();
  EXPECT_EQ(store_->state().first_sequence, 500U);
  EXPECT_EQ(body_of(500), std::string(100, 'x') + "500");
}

TEST_F(FileStoreTest, FailedWriteFailsTheCheckpoint) {
  fill(1, 20);
  disk_.fail_writes_after = 1;
  EXPECT_NE(checkpoint(1), 0);
  disk_.fail_writes_after = -1;
  EXPECT_EQ(body_of(20), std::string(100, 'x') + "20");
}

TEST_F(FileStoreTest, MaintainCopiesWhatIsMostlyDeleted) {
  fill(1, 500);
  ASSERT_EQ(checkpoint(1), 0);
  const uint64_t before = store_->bytes_on_disk();
  for (uint64_t sequence = 1; sequence <= 500; ++sequence) {
    if (sequence % 5 != 0) store_->remove(sequence, false);
  }
  maintain();
  ASSERT_EQ(checkpoint(2), 0);
  disk_.drain();
  EXPECT_LT(store_->bytes_on_disk(), before / 2);
  reopen();
  EXPECT_EQ(store_->state().messages, 100U);
  for (uint64_t sequence = 1; sequence <= 500; ++sequence) {
    ASSERT_EQ(body_of(sequence),
              sequence % 5 != 0 ? "missing" : std::string(100, 'x') + std::to_string(sequence));
  }
}

TEST_F(FileStoreTest, SmallSegmentsOfManyStartsBecomeFew) {
  for (uint64_t sequence = 1; sequence <= 60; ++sequence) {
    add(sequence, "a");
    ASSERT_EQ(checkpoint(sequence), 0);
    reopen();
    maintain();
  }
  ASSERT_EQ(checkpoint(61), 0);
  disk_.drain();
  EXPECT_LT(disk_.files.size(), 20U);
  EXPECT_EQ(store_->count_matches({"a"}, 1), 60U);
}

TEST_F(FileStoreTest, MessagesOfAFailedFileAreCopiedToAnotherOne) {
  fill(1, 20);
  disk_.fail_syncs_after = 1;
  EXPECT_NE(checkpoint(1), 0);
  disk_.fail_syncs_after = -1;
  fill(21, 25);
  maintain();
  EXPECT_EQ(checkpoint(2), 0);
  reopen();
  EXPECT_EQ(applied_, 2U);
  for (uint64_t sequence = 1; sequence <= 25; ++sequence) {
    ASSERT_EQ(body_of(sequence), std::string(100, 'x') + std::to_string(sequence));
  }
}

TEST_F(FileStoreTest, FailedSyncIsNeverFollowedByASuccessfulOne) {
  fill(1, 20);
  disk_.fail_syncs_after = 1;
  EXPECT_NE(checkpoint(1), 0);
  disk_.fail_syncs_after = -1;
  EXPECT_NE(checkpoint(2), 0);
}

TEST_F(FileStoreTest, EraseOverwritesTheBytes) {
  fill(1, 5);
  add(6, "topsecretsubject", "topsecretbody");
  fill(7, 10);
  ASSERT_EQ(checkpoint(1), 0);
  const std::string path = segment_path(0);
  ASSERT_NE(disk_.contents(path)->find("topsecretbody"), std::string::npos);
  store_->remove(6, true);
  ASSERT_EQ(checkpoint(2), 0);
  EXPECT_EQ(disk_.files[path]->durable.find("topsecretbody"), std::string::npos);
  reopen();
  EXPECT_EQ(body_of(6), "missing");
  EXPECT_EQ(body_of(5), std::string(100, 'x') + "5");
  EXPECT_EQ(body_of(7), std::string(100, 'x') + "7");
}

TEST_F(FileStoreTest, DestroyLeavesNothing) {
  fill(1, 100);
  ASSERT_EQ(checkpoint(1), 0);
  int error = -1;
  store_->destroy([&error](int result) { error = result; });
  disk_.drain();
  EXPECT_EQ(error, 0);
  EXPECT_TRUE(disk_.files.empty());
}

TEST_F(FileStoreTest, SkippedSequencesAreNoLoss) {
  add(1, "a");
  store_->skip(5, {50});
  add(6, "a");
  ASSERT_EQ(checkpoint(1), 0);
  store_->skip(9, {90});
  add(10, "a");
  ASSERT_EQ(checkpoint(2), 0);
  reopen();
  EXPECT_EQ(store_->state().messages, 3U);
  EXPECT_EQ(store_->state().deleted, 7U);
  EXPECT_TRUE(store_->lost_ranges().empty());
  EXPECT_EQ(body_of(10), "body");
}

// Messages that are read in order come from the disk in large parts, each byte once.
TEST_F(FileStoreTest, ReadingInOrderReadsRunsOfFrames) {
  options_.segment_bytes = 8 << 20;
  options_.cache_bytes = 1 << 20;
  open();
  const std::string body(1000, 'x');
  fill(1, 20'000, body);
  ASSERT_EQ(checkpoint(1), 0);
  reopen();
  disk_.reads = disk_.read_bytes = 0;
  for (uint64_t sequence = 1; sequence <= 20'000; ++sequence) {
    ASSERT_EQ(body_of(sequence), body + std::to_string(sequence));
  }
  EXPECT_LE(disk_.reads, 40U);
  EXPECT_LE(disk_.read_bytes, 24U << 20);
}

// A message that is not delivered is not looked at: what is damaged beside it costs nothing.
TEST_F(FileStoreTest, OnlyWhatIsReadIsChecked) {
  fill(1, 100);
  ASSERT_EQ(checkpoint(1), 0);
  reopen();
  std::string* bytes = disk_.contents(segment_path(0));
  const size_t second = bytes->find("x2");
  ASSERT_NE(second, std::string::npos);
  (*bytes)[second] = 'y';
  EXPECT_EQ(body_of(1), std::string(100, 'x') + "1");
  EXPECT_TRUE(listener_.damaged.empty());
  EXPECT_EQ(body_of(2), "corrupt");
  EXPECT_EQ(listener_.damaged, (std::vector<std::pair<uint64_t, uint64_t>>{{2, 2}}));
  EXPECT_EQ(body_of(3), std::string(100, 'x') + "3");
}

}  // namespace
}  // namespace petrel::store
