#include "store/segment_journal.h"

#include "petrel/store/journal.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <map>

namespace petrel::store {
namespace {

// Files as strings; completions wait for poll(). `fail_sync` makes the next sync fail.
class StringDisk final : public Disk {
 public:
  void write(FileId file, uint64_t offset, std::string bytes, Done done) override {
    put(file, offset, bytes);
    finish(std::move(done), 0);
  }
  void read(FileId, const FileRange&, ReadDone done) override {
    calls_.push_back([done] { done(EIO, {}, {}); });
  }
  void sync(FileId, Done done) override { finish(std::move(done), 0); }
  void write_and_sync(FileId file, uint64_t offset, std::string bytes, Done done) override {
    const bool is_batch = offset != 0;  // else a header
    syncs += is_batch ? 1 : 0;
    const int error = is_batch ? std::exchange(fail_sync, 0) : 0;
    if (error == 0) put(file, offset, bytes);
    finish(std::move(done), error);
  }
  void preallocate(FileId file, uint64_t bytes, Done done) override {
    const bool has_room = used() + bytes <= capacity;
    if (has_room) content(file).assign(bytes, '\0');
    finish(std::move(done), has_room ? 0 : ENOSPC);
  }
  void close(FileId) override {}
  void replace_file(std::string, std::string, Done done) override { finish(std::move(done), EIO); }
  void rename_file(std::string, std::string, Done done) override { finish(std::move(done), EIO); }
  void remove_file(std::string path, Done done) override {
    files.erase(path);
    finish(std::move(done), 0);
  }
  void remove_tree(std::string, Done done) override { finish(std::move(done), EIO); }
  Result<FileId> open(const std::string& path, OpenMode) override {
    files[path];
    names_.push_back(path);
    return static_cast<FileId>(names_.size() - 1);
  }
  Result<uint64_t> size(FileId file) override { return content(file).size(); }
  Status truncate(FileId, uint64_t) override { return {}; }
  Status make_directories(const std::string&) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  Status rename(const std::string&, const std::string&) override { return {}; }
  Result<std::vector<FileEntry>> list(const std::string& path) override {
    std::vector<FileEntry> entries;
    for (const auto& [name, bytes] : files) {
      entries.push_back({name.substr(path.size() + 1), false, bytes.size()});
    }
    return entries;
  }
  Result<std::string> load(const std::string& path) override { return files.at(path); }
  Result<std::string> load_range(const std::string& path, uint64_t offset, size_t bytes) override {
    return files.at(path).substr(offset, bytes);
  }
  Result<uint64_t> free_bytes(const std::string&) override {
    return capacity > used() ? capacity - used() : 0;
  }
  uint64_t used() const {
    uint64_t bytes = 0;
    for (const auto& [name, content] : files) bytes += content.size();
    return bytes;
  }
  size_t poll() override {
    std::deque<std::function<void()>> calls;
    calls.swap(calls_);
    for (const auto& call : calls) call();
    return calls.size();
  }
  void drain() override {
    while (!calls_.empty()) poll();
  }
  size_t pending() const override { return calls_.size(); }

  std::map<std::string, std::string> files;
  uint64_t capacity = uint64_t{1} << 40;
  int fail_sync = 0;
  int syncs = 0;

 private:
  std::string& content(FileId file) { return files.at(names_.at(file)); }
  void put(FileId file, uint64_t offset, const std::string& bytes) {
    std::string& to = content(file);
    if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
    to.replace(offset, bytes.size(), bytes);
  }
  void finish(Done done, int error) {
    calls_.push_back([done = std::move(done), error] {
      if (done) done(error);
    });
  }
  std::vector<std::string> names_;
  std::deque<std::function<void()>> calls_;
};

class Heard final : public Journal::Listener {
 public:
  void on_synced(uint64_t position) override { synced = position; }
  void on_failed(int error, uint64_t last) override { failed = {error, last}; }
  void on_checkpoint_wanted(GroupId group) override { wanted.push_back(group); }
  uint64_t synced = 0;
  std::pair<int, uint64_t> failed{0, 0};
  std::vector<GroupId> wanted;
};

class SegmentJournalTest : public testing::Test {
 protected:
  std::unique_ptr<Journal> open(const std::string& key = "") {
    JournalOptions options;
    options.key = key;
    options.seed = "0123456789abcdef";
    options.directory = "j";
    options.segment_bytes_min = 4096;
    options.segment_bytes_max = 4096;
    options.reserve_bytes = 8192;
    return *open_journal(disk_, options, heard_);
  }
  static Instant at(int64_t us) { return Instant{1'000'000'000} + Duration::micros(us); }
  uint64_t append(Journal& journal, GroupId group, uint64_t index, Slice bytes) {
    return *journal.append({group, index, 1, 0, bytes});
  }
  // "index:bytes " of each record that recovery finds.
  Result<std::string> recovered(GroupId group) {
    PETREL_TRY(const std::unique_ptr<JournalTail> tail, read_journals(disk_, "j"));
    std::string text;
    PETREL_TRY_STATUS(tail->visit(group, [&text](const JournalRecord& record) {
      text.append(std::to_string(record.index)).append(":").append(record.bytes).append(" ");
    }));
    return text;
  }
  std::string& file_with(const std::string& text) {
    for (auto& [name, bytes] : disk_.files) {
      if (bytes.find(text) != std::string::npos) return bytes;
    }
    ADD_FAILURE() << "no file with " << text;
    return disk_.files.begin()->second;
  }

  StringDisk disk_;
  Heard heard_;
};

TEST_F(SegmentJournalTest, WhatIsSyncedIsFoundAgain) {
  auto journal = open();
  append(*journal, 7, 1, "one");
  append(*journal, 8, 1, "other");
  const uint64_t last = append(*journal, 7, 2, "two");
  EXPECT_EQ(heard_.synced, 0U);
  journal->commit();
  EXPECT_EQ(heard_.synced, 0U);
  disk_.drain();
  EXPECT_EQ(heard_.synced, last);
  EXPECT_EQ(*recovered(7), "1:one 2:two ");
  EXPECT_EQ(*recovered(8), "1:other ");
  EXPECT_EQ(*recovered(9), "");
}

// What else there is to do at a start is done while the disk works.
TEST_F(SegmentJournalTest, BeginsWithoutWaitingForItsFile) {
  JournalOptions options;
  options.directory = "j";
  auto journal = *begin_journal(disk_, options, heard_);
  EXPECT_GT(disk_.pending(), 0U);
  EXPECT_TRUE(journal->await_room());
  EXPECT_EQ(disk_.pending(), 0U);
  const uint64_t last = append(*journal, 7, 1, "one");
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.synced, last);
  EXPECT_EQ(*recovered(7), "1:one ");
}

// Those who were answered together send again at once.
TEST_F(SegmentJournalTest, AfterABatchTurnsWaitForAsManyRecords) {
  auto journal = open();
  uint64_t index = 0;
  const auto append_some = [&](int count) {
    for (int i = 0; i < count; ++i) append(*journal, 7, ++index, "b");
  };
  append_some(32);
  EXPECT_FALSE(journal->turn(at(0)));
  append_some(8);
  disk_.drain();
  EXPECT_EQ(heard_.synced, 32U);
  EXPECT_TRUE(journal->turn(at(100)));
  append_some(31);
  EXPECT_TRUE(journal->turn(at(120)));
  disk_.drain();
  EXPECT_EQ(heard_.synced, 32U);
  append_some(1);
  EXPECT_FALSE(journal->turn(at(140)));
  disk_.drain();
  EXPECT_EQ(heard_.synced, 72U);
}

TEST_F(SegmentJournalTest, TurnsDoNotWaitLong) {
  auto journal = open();
  uint64_t index = 0;
  for (int i = 0; i < 32; ++i) append(*journal, 7, ++index, "b");
  journal->turn(at(0));
  disk_.drain();
  append(*journal, 7, ++index, "c");
  int64_t us = 100;
  while (journal->turn(at(us))) ASSERT_LT(us += 50, 400);
  disk_.drain();
  EXPECT_EQ(heard_.synced, index);
  // A small batch is followed at once by what gathered meanwhile.
  append(*journal, 7, ++index, "d");
  EXPECT_FALSE(journal->turn(at(us)));
  append(*journal, 7, ++index, "e");
  disk_.drain();
  EXPECT_EQ(heard_.synced, index);
}

TEST_F(SegmentJournalTest, CommitWaitsForNothing) {
  auto journal = open();
  uint64_t index = 0;
  for (int i = 0; i < 32; ++i) append(*journal, 7, ++index, "b");
  journal->turn(at(0));
  append(*journal, 7, ++index, "c");
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.synced, index);
}

TEST_F(SegmentJournalTest, OneSyncIsInFlightAndTheNextBatchGathers) {
  auto journal = open();
  append(*journal, 7, 1, "a");
  journal->commit();
  const int syncs = disk_.syncs;
  for (uint64_t i = 2; i < 50; ++i) {
    append(*journal, 7, i, "b");
    journal->commit();
  }
  EXPECT_EQ(disk_.syncs, syncs);
  disk_.drain();
  EXPECT_EQ(disk_.syncs, syncs + 1);
  EXPECT_EQ(heard_.synced, 49U);
}

TEST_F(SegmentJournalTest, AFailedSyncIsNeverASuccess) {
  auto journal = open();
  const uint64_t first = append(*journal, 7, 1, "a");
  journal->commit();
  disk_.drain();
  append(*journal, 7, 2, "b");
  disk_.fail_sync = EIO;
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.failed, std::make_pair(EIO, first));
  EXPECT_EQ(heard_.synced, first);
  EXPECT_EQ(journal->append({7, 3, 1, 0, "c"}).error().code, Errc::kIo);
}

TEST_F(SegmentJournalTest, ATornLastBatchIsLeftOut) {
  auto journal = open();
  append(*journal, 7, 1, "whole");
  journal->commit();
  disk_.drain();
  append(*journal, 7, 2, "torn-one");
  append(*journal, 7, 3, "torn-two");
  journal->commit();
  disk_.drain();
  std::string& file = file_with("torn-one");
  file[file.find("torn-one")] = 'X';
  EXPECT_EQ(*recovered(7), "1:whole ");
}

TEST_F(SegmentJournalTest, DamageBeforeTheLastBatchIsAnErrorThatNamesThePlace) {
  auto journal = open();
  for (uint64_t i = 1; i <= 3; ++i) {
    append(*journal, 7, i, "record" + std::to_string(i));
    journal->commit();
    disk_.drain();
  }
  std::string& file = file_with("record1");
  file[file.find("record1")] = 'X';
  const Result<std::string> text = recovered(7);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::kCorrupt);
  EXPECT_NE(text.error().detail.find("damaged record at offset 512"), std::string::npos);
}

TEST_F(SegmentJournalTest, ReleasedSegmentsAreUsedAgainAndTellNothingOld) {
  auto journal = open();
  const std::string bytes(1000, 'x');
  uint64_t index = 0;
  for (int i = 0; i < 40; ++i) {
    ++index;
    append(*journal, 7, index, bytes + std::to_string(index));
    journal->commit();
    disk_.drain();
    if (index % 4 == 0) journal->release(7, index - 1);
    disk_.drain();
  }
  EXPECT_LE(disk_.files.size(), 6U);
  const std::string found = *recovered(7);
  EXPECT_NE(found.find("40:"), std::string::npos);
  EXPECT_EQ(found.find(" 1:"), std::string::npos);
  EXPECT_NE(found.substr(0, 2), "1:");
}

TEST_F(SegmentJournalTest, AGroupThatHoldsTheOldestSegmentIsAskedToCheckpoint) {
  auto journal = open();
  append(*journal, 5, 1, "small");
  for (uint64_t i = 1; i < 20; ++i) {
    append(*journal, 7, i, std::string(1000, 'x'));
    journal->commit();
    disk_.drain();
  }
  EXPECT_NE(std::find(heard_.wanted.begin(), heard_.wanted.end(), 5U), heard_.wanted.end());
}

TEST_F(SegmentJournalTest, ALargeRecordGetsASegmentOfItsSize) {
  auto journal = open();
  const std::string large(100'000, 'L');
  append(*journal, 7, 1, large);
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.synced, 1U);
  EXPECT_EQ(*recovered(7), "1:" + large + " ");
}

TEST_F(SegmentJournalTest, WithAKeyNothingStandsThereInClear) {
  const std::string key(32, 'k');
  const std::string other(32, 'o');
  auto journal = open(key);
  append(*journal, 7, 1, "a secret of some length");
  append(*journal, 7, 2, "");
  journal->commit();
  disk_.drain();
  for (const auto& [name, bytes] : disk_.files) EXPECT_EQ(bytes.find("secret"), std::string::npos);
  const auto tail = read_journals(disk_, "j", {other, key});
  ASSERT_TRUE(tail) << tail.error().detail;
  std::string text;
  ASSERT_TRUE((*tail)->visit(7, [&text](const JournalRecord& record) {
    text.append(std::to_string(record.index)).append(":").append(record.bytes).append(" ");
  }));
  EXPECT_EQ(text, "1:a secret of some length 2: ");
  for (const auto& keys : {std::vector<std::string>{}, std::vector<std::string>{other}}) {
    const auto closed = read_journals(disk_, "j", keys);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, Errc::kCorrupt);
    EXPECT_NE(closed.error().detail.find("cannot be decrypted with the given key"),
              std::string::npos);
  }
}

// A publisher that knows the format writes a message that looks like a batch of its own; what
// stands behind a torn write then must not look like damage.
TEST_F(SegmentJournalTest, AMessageCannotPassForARecord) {
  std::string forged;
  RecordWriter writer{JournalOptions{}};
  writer.append(forged, {7, 9, 1, 0, "forged"});
  for (uint64_t segment = 0; segment < 4; ++segment) {
    std::string at_sector = forged;
    const SegmentHeader guessed{.number = (uint64_t{1} << 40) + segment};
    seal_record(at_sector.data(), {salt_of(guessed), 1024, 2, true, true});
    auto journal = open();
    append(*journal, 7, 1, "torn" + std::string(512 - 40 - 4, 'x') + at_sector);
    journal->commit();
    disk_.drain();
    std::string& file = file_with("torn");
    ASSERT_EQ(file.substr(1024, at_sector.size()), at_sector);
    file[file.find("torn")] = 'X';
    const auto text = recovered(7);
    ASSERT_TRUE(text) << text.error().detail;
    EXPECT_EQ(*text, "");
    journal.reset();
    disk_.files.clear();
  }
}

TEST_F(SegmentJournalTest, AHeaderThatIsGoneIsDamageNotAnEmptyFile) {
  auto journal = open();
  append(*journal, 7, 1, "one");
  journal->commit();
  disk_.drain();
  std::string& file = file_with("one");
  file.replace(0, kSegmentHeaderBytes, kSegmentHeaderBytes, '\0');
  const auto text = recovered(7);
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().detail.find("segment header is damaged at offset 0"), std::string::npos);
}

TEST_F(SegmentJournalTest, AMissingSegmentIsDamage) {
  auto journal = open();
  for (uint64_t i = 1; i < 20; ++i) {
    append(*journal, 7, i, std::string(1000, 'x') + "#" + std::to_string(i) + "#");
    journal->commit();
    disk_.drain();
  }
  ASSERT_TRUE(recovered(7));
  for (const std::string name : {"#9#", "#19#"}) {
    const auto files = disk_.files;
    std::erase_if(disk_.files,
                  [&](const auto& file) { return file.second.find(name) != std::string::npos; });
    const auto text = recovered(7);
    ASSERT_FALSE(text) << name;
    EXPECT_NE(text.error().detail.find("the segment before it is missing"), std::string::npos);
    disk_.files = files;
  }
}

TEST_F(SegmentJournalTest, ABatchThatFitsNoSegmentGoesIntoSeveral) {
  auto journal = open();
  for (uint64_t i = 1; i <= 30; ++i) append(*journal, 7, i, std::string(500, 'x'));
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.synced, 30U);
  uint64_t expected = 0;
  const auto tail = *read_journals(disk_, "j");
  ASSERT_TRUE(
      tail->visit(7, [&](const JournalRecord& record) { EXPECT_EQ(record.index, ++expected); }));
  EXPECT_EQ(expected, 30U);
}

// R12: publishes are to be refused as soon as the reserve is touched, what must go on goes on in
// it, then there is a typed error, and nothing accepted is ever lost; it ends when there is room.
TEST_F(SegmentJournalTest, AFullDiskUsesTheReserveAndRecoversByItself) {
  auto journal = open();
  disk_.capacity = disk_.used();
  uint64_t index = 0;
  uint64_t accepted_in_reserve = 0;
  const std::string body(1000, 'x');
  for (int i = 0; i < 100; ++i) {
    const auto position = journal->append({7, index + 1, 1, 0, body});
    if (!position) {
      EXPECT_EQ(position.error().code, Errc::kFull);
      break;
    }
    ++index;
    accepted_in_reserve += journal->is_disk_full() ? 1 : 0;
    journal->commit();
    disk_.drain();
    ASSERT_EQ(heard_.synced, *position);
  }
  EXPECT_TRUE(journal->is_disk_full());
  // A checkpoint would free what it holds.
  EXPECT_NE(std::find(heard_.wanted.begin(), heard_.wanted.end(), 7U), heard_.wanted.end());
  // Once, and again when that one failed.
  heard_.wanted.clear();
  journal->commit();
  disk_.drain();
  EXPECT_TRUE(heard_.wanted.empty());
  journal->checkpoint_failed(7);
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.wanted, std::vector<GroupId>{7});
  EXPECT_GE(accepted_in_reserve, 4U);
  EXPECT_LT(index, 100U);
  EXPECT_EQ(heard_.failed, std::make_pair(0, uint64_t{0}));
  EXPECT_FALSE(disk_.files.contains("j/reserve-0"));

  disk_.capacity += 100'000;
  for (int turn = 0; turn < 3; ++turn) {
    journal->commit();
    disk_.drain();
  }
  EXPECT_FALSE(journal->is_disk_full());
  EXPECT_EQ(disk_.files.at("j/reserve-0").size(), 8192U);
  EXPECT_EQ(append(*journal, 7, ++index, "again"), index);
  journal->commit();
  disk_.drain();
  EXPECT_EQ(heard_.synced, index);
  uint64_t found = 0;
  ASSERT_TRUE((*read_journals(disk_, "j"))->visit(7, [&](const JournalRecord& record) {
    EXPECT_EQ(record.index, ++found);
  }));
  EXPECT_EQ(found, index);
}

// Neither finds a file of the other one when it begins.
TEST_F(SegmentJournalTest, JournalsThatBeginOnAFullDiskStayApart) {
  disk_.capacity = 0;
  JournalOptions options;
  options.directory = "j";
  auto first = *open_journal(disk_, options, heard_);
  options.loop = 1;
  auto second = *open_journal(disk_, options, heard_);
  EXPECT_TRUE(disk_.files.empty());
  disk_.capacity = 100 << 20;
  for (Journal* journal : {first.get(), second.get()}) {
    for (int turn = 0; turn < 3; ++turn) {
      journal->commit();
      disk_.drain();
    }
  }
  append(*first, 7, 1, "one");
  append(*second, 8, 1, "other");
  first->commit();
  second->commit();
  disk_.drain();
  EXPECT_EQ(*recovered(7), "1:one ");
  EXPECT_EQ(*recovered(8), "1:other ");
}

// A checkpoint frees segments, which are used again although the disk stays full.
TEST_F(SegmentJournalTest, OnAFullDiskReleasedSegmentsGoRound) {
  auto journal = open();
  disk_.capacity = disk_.used();
  uint64_t index = 0;
  const std::string body(1000, 'x');
  for (int i = 0; i < 200; ++i) {
    append(*journal, 7, ++index, body);
    journal->commit();
    disk_.drain();
    journal->release(7, index);
    disk_.drain();
  }
  EXPECT_EQ(heard_.synced, 200U);
}

TEST_F(SegmentJournalTest, JournalsOfSeveralSessionsAreReadTogetherAndDiscardedLater) {
  auto first = open();
  append(*first, 7, 1, "before");
  first->commit();
  disk_.drain();
  first.reset();
  const auto old = *read_journals(disk_, "j");
  ASSERT_EQ(old->files().size(), 2U);  // one in use, one prepared
  auto second = open();
  append(*second, 7, 2, "after");
  second->commit();
  disk_.drain();
  EXPECT_EQ(*recovered(7), "1:before 2:after ");
  for (const std::string& file : old->files()) disk_.files.erase(file);
  EXPECT_EQ(*recovered(7), "2:after ");
}

}  // namespace
}  // namespace petrel::store
