#include "disk/work_queue.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <unistd.h>

namespace petrel::disk {
namespace {

using Kind = Operation::Kind;

class WorkQueueTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const auto& file : files_) ::close(file->fd);
  }
  std::shared_ptr<OpenFile> file() {
    auto made = std::make_shared<OpenFile>();
    std::string pattern = (std::filesystem::temp_directory_path() / "petrel_queue_XXXXXX").string();
    made->fd = ::mkstemp(pattern.data());
    ::unlink(pattern.c_str());
    files_.push_back(made);
    return made;
  }
  void push(Kind kind, const std::shared_ptr<OpenFile>& file, std::string name) {
    queue_.push(std::make_unique<Operation>(
        Operation{.kind = kind, .file = file, .path = std::move(name), .bytes = "x"}));
  }
  // Names of what finished, in order.
  std::string take(size_t count) {
    std::string names;
    std::vector<std::unique_ptr<Operation>> finished;
    while (count > 0) {
      queue_.wait_finished();
      queue_.take_finished(finished);
      for (const auto& operation : finished) names += operation->path;
      count -= finished.size();
    }
    return names;
  }

  std::vector<std::shared_ptr<OpenFile>> files_;
  WorkQueue queue_{-1};
};

// No worker serves the other lane here: whatever waits there, the journal's write goes through.
TEST_F(WorkQueueTest, UrgentOperationsDoNotWaitForOthers) {
  const auto slow = file();
  const auto journal = file();
  push(Kind::kRead, slow, "a");
  push(Kind::kWrite, slow, "b");
  push(Kind::kWriteAndSync, journal, "J");
  std::thread urgent([this] { queue_.work(WorkQueue::Lane::kUrgent); });
  EXPECT_EQ(take(1), "J");
  std::thread other([this] { queue_.work(WorkQueue::Lane::kOther); });
  EXPECT_EQ(take(2), "ab");
  queue_.close();
  urgent.join();
  other.join();
}

TEST_F(WorkQueueTest, AnUrgentOperationWaitsForEarlierOnesOfItsFile) {
  const auto journal = file();
  push(Kind::kWrite, journal, "a");
  push(Kind::kWriteAndSync, journal, "J");
  push(Kind::kRead, journal, "b");
  std::thread urgent([this] { queue_.work(WorkQueue::Lane::kUrgent); });
  std::thread other([this] { queue_.work(WorkQueue::Lane::kOther); });
  EXPECT_EQ(take(3), "aJb");
  queue_.close();
  urgent.join();
  other.join();
}

TEST_F(WorkQueueTest, ClosingPerformsWhatWaits) {
  const auto one = file();
  for (int i = 0; i < 100; ++i) push(i % 2 == 0 ? Kind::kWrite : Kind::kWriteAndSync, one, "w");
  queue_.close();
  std::thread urgent([this] { queue_.work(WorkQueue::Lane::kUrgent); });
  std::thread other([this] { queue_.work(WorkQueue::Lane::kOther); });
  urgent.join();
  other.join();
  EXPECT_EQ(take(100).size(), 100U);
}

// Whatever the kernel says later: it has forgotten what it could not write.
TEST(Operation, ASyncThatFailedOnceKeepsFailing) {
  auto broken = std::make_shared<OpenFile>();
  broken->sync_error = EIO;
  std::string pattern = (std::filesystem::temp_directory_path() / "petrel_queue_XXXXXX").string();
  broken->fd = ::mkstemp(pattern.data());
  ::unlink(pattern.c_str());
  Operation write{.kind = Kind::kWriteAndSync, .file = broken, .bytes = "x"};
  ASSERT_TRUE(write.perform());
  EXPECT_EQ(write.error, EIO);
  Operation sync{.kind = Kind::kSync, .file = broken};
  ASSERT_TRUE(sync.perform());
  EXPECT_EQ(sync.error, EIO);
  // A pipe cannot be synced: the first failure is remembered.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto pipe = std::make_shared<OpenFile>();
  pipe->fd = ends[1];
  Operation first{.kind = Kind::kSync, .file = pipe};
  ASSERT_TRUE(first.perform());
  EXPECT_NE(first.error, 0);
  EXPECT_EQ(pipe->sync_error, first.error);
  ::close(ends[0]);
  ::close(ends[1]);
  ::close(broken->fd);
}

}  // namespace
}  // namespace petrel::disk
