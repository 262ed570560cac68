// What every disk promises, over both back ends.
#include "petrel/disk/open_disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

namespace petrel::disk {
namespace {

class DiskTest : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "petrel_disk_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    DiskOptions options;
    options.backend = GetParam();
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
    ASSERT_GE(wake_fd_, 0);
    options.wake_fd = wake_fd_;
    auto opened = open_disk(options);
    ASSERT_TRUE(opened) << opened.error().detail;
    disk_ = *std::move(opened);
  }
  void TearDown() override {
    disk_.reset();
    ::close(wake_fd_);
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  store::FileId open(const std::string& name, store::OpenMode mode = store::OpenMode::kWrite) {
    auto opened = disk_->open(path(name), mode);
    EXPECT_TRUE(opened) << opened.error().detail;
    return *opened;
  }
  void await_wake() const {
    uint64_t count = 0;
    ASSERT_EQ(::read(wake_fd_, &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
  }
  // A completion that must be a success.
  store::Disk::Done succeeds() {
    return [this](int error) {
      EXPECT_EQ(error, 0);
      ++completed_;
    };
  }
  store::Disk::Done fails_with(int expected) {
    return [this, expected](int error) {
      EXPECT_EQ(error, expected);
      ++completed_;
    };
  }
  std::string load(const std::string& name) {
    auto loaded = disk_->load(path(name));
    EXPECT_TRUE(loaded) << loaded.error().detail;
    return loaded ? *loaded : "";
  }

  std::string directory_;
  int wake_fd_ = -1;
  int completed_ = 0;
  std::unique_ptr<store::Disk> disk_;
};

TEST_P(DiskTest, WhatIsWrittenIsRead) {
  const store::FileId file = open("a");
  disk_->write(file, 3, "defg", succeeds());
  disk_->write(file, 0, "abc", succeeds());
  disk_->sync(file, succeeds());
  std::string got;
  disk_->read(file, {1, 100}, [&](int error, const BlockRef&, Slice bytes) {
    EXPECT_EQ(error, 0);
    got = bytes;
  });
  EXPECT_EQ(disk_->pending(), 4U);
  disk_->drain();
  EXPECT_EQ(disk_->pending(), 0U);
  EXPECT_EQ(completed_, 3);
  EXPECT_EQ(got, "bcdefg");
  EXPECT_EQ(*disk_->size(file), 7U);
}

TEST_P(DiskTest, OperationsOnOneFileKeepTheirOrder) {
  const store::FileId file = open("a");
  std::string order;
  for (int round = 0; round < 50; ++round) {
    const std::string digit(1, static_cast<char>('0' + round % 10));
    if (round % 3 == 0) {
      disk_->write_and_sync(file, 0, digit, [&order, digit](int) { order += digit; });
    } else {
      disk_->write(file, 0, digit, [&order, digit](int) { order += digit; });
    }
    disk_->read(file, {0, 1},
                [digit](int, const BlockRef&, Slice bytes) { EXPECT_EQ(bytes, digit); });
  }
  disk_->drain();
  std::string expected;
  for (int round = 0; round < 50; ++round) expected += static_cast<char>('0' + round % 10);
  EXPECT_EQ(order, expected);
}

TEST_P(DiskTest, ALargeWriteIsWhole) {
  const store::FileId file = open("a");
  std::string bytes(9 << 20, 'x');
  for (size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<char>('a' + i / 4096 % 26);
  disk_->write_and_sync(file, 4096, bytes, succeeds());
  disk_->drain();
  EXPECT_EQ(*disk_->load_range(path("a"), 4096, bytes.size()), bytes);
  std::string got;
  disk_->read(file, {4096, bytes.size()}, [&](int, const BlockRef&, Slice read) { got = read; });
  disk_->drain();
  EXPECT_EQ(got, bytes);
}

// Whole sectors go around the page cache, all else through it: both see what the other wrote.
TEST_P(DiskTest, WritesOfAllSizesSeeEachOther) {
  const store::FileId file = open("a");
  std::string expected;
  const auto put = [&](uint64_t offset, size_t bytes, char fill, bool is_synced) {
    const std::string text(bytes, fill);
    if (expected.size() < offset + bytes) expected.resize(offset + bytes, '\0');
    expected.replace(offset, bytes, text);
    if (is_synced) {
      disk_->write_and_sync(file, offset, text, succeeds());
    } else {
      disk_->write(file, offset, text, succeeds());
    }
  };
  disk_->preallocate(file, 3 << 20, succeeds());
  expected.assign(3 << 20, '\0');
  put(0, 512, 'a', true);
  put(512, 1536, 'b', true);
  put(100, 7, 'c', false);
  put(4096, 256 << 10, 'd', false);
  put(5000, 3, 'e', false);
  put(4608, 512, 'f', true);
  put(512, 128 << 10, 'g', false);
  put((3 << 20) - 512, 2 << 20, 'h', true);
  put((4 << 20) + 1, 70000, 'i', false);
  std::string got;
  disk_->read(file, {0, 10 << 20}, [&](int, const BlockRef&, Slice read) { got = read; });
  disk_->drain();
  EXPECT_EQ(completed_, 10);
  EXPECT_TRUE(got == expected);
  EXPECT_TRUE(load("a") == expected);
}

// Around the page cache or through it, from any place up to the end of the file and beyond.
TEST_P(DiskTest, AReadThatIsMadeOnceSeesTheSame) {
  const store::FileId file = open("a");
  std::string expected(700'001, '\0');
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<char>('a' + i * 7 % 25);
  disk_->write_and_sync(file, 0, expected, succeeds());
  for (const uint64_t offset : {0, 4096, 48, 511, 599'000, 634'465, 700'000, 700'001, 900'000}) {
    disk_->read(
        file, {offset, 100'000, true}, [&, offset](int error, const BlockRef& block, Slice bytes) {
          ++completed_;
          EXPECT_EQ(error, 0);
          const Slice wanted = Slice(expected).substr(std::min<size_t>(offset, expected.size()));
          EXPECT_TRUE(bytes == wanted.substr(0, 100'000)) << offset;
          EXPECT_TRUE(bytes.empty() ||
                      (bytes.data() >= block->bytes() &&
                       bytes.data() + bytes.size() <= block->bytes() + block->capacity()));
        });
  }
  disk_->drain();
  EXPECT_EQ(completed_, 10);
}

TEST_P(DiskTest, TheOwnerIsWokenForACompletion) {
  const store::FileId file = open("a");
  disk_->write_and_sync(file, 0, "abc", succeeds());
  await_wake();
  while (disk_->poll() == 0) {
  }
  EXPECT_EQ(completed_, 1);
}

// An owner that only polls when it is woken gets every answer: of bytes in the page cache, which
// are there at once, and of bytes that come from the device.
TEST_P(DiskTest, EveryReadWakesItsOwner) {
  const store::FileId file = open("a");
  disk_->write_and_sync(file, 0, std::string(4 << 20, 'x'), succeeds());
  disk_->drain();
  const int fd = ::open(path("a").c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  size_t answered = 0;
  for (size_t round = 0; round < 300; ++round) {
    if (round % 3 == 0) ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (uint64_t i = 0; i < 4; ++i) {
      const store::FileRange range{(round * 7 + i) % 60 * 65536 + 48, 65536, round % 2 == 0};
      disk_->read(file, range, [&](int error, const BlockRef&, Slice bytes) {
        EXPECT_EQ(error, 0);
        EXPECT_EQ(bytes.size(), 65536U);
        ++answered;
      });
    }
    while (disk_->pending() > 0) {
      await_wake();
      disk_->poll();
    }
  }
  EXPECT_EQ(answered, 1200U);
  ::close(fd);
}

TEST_P(DiskTest, ACompletionMayAskForMore) {
  const store::FileId file = open("a");
  int left = 20;
  std::function<void(int)> again = [&](int error) {
    EXPECT_EQ(error, 0);
    if (--left > 0) disk_->write(file, 0, "x", again);
  };
  disk_->write(file, 0, "x", again);
  disk_->drain();
  EXPECT_EQ(left, 0);
}

TEST_P(DiskTest, CloseComesAfterWhatWasAskedForBefore) {
  const store::FileId first = open("a");
  for (int i = 0; i < 100; ++i) disk_->write(first, static_cast<uint64_t>(i), "x", succeeds());
  disk_->close(first);
  const store::FileId second = open("b");
  disk_->write(second, 0, "y", succeeds());
  disk_->drain();
  EXPECT_EQ(completed_, 101);
  EXPECT_EQ(load("a"), std::string(100, 'x'));
  EXPECT_EQ(load("b"), "y");
}

TEST_P(DiskTest, APreallocatedFileIsZeros) {
  const store::FileId file = open("a", store::OpenMode::kCreate);
  disk_->preallocate(file, 300'000, succeeds());
  disk_->write_and_sync(file, 10, "x", succeeds());
  disk_->drain();
  std::string expected(300'000, '\0');
  expected[10] = 'x';
  EXPECT_EQ(load("a"), expected);
}

TEST_P(DiskTest, FilesAreReplacedRenamedAndRemoved) {
  disk_->replace_file(path("a"), "first", succeeds());
  disk_->replace_file(path("a"), "second", succeeds());
  disk_->rename_file(path("a"), path("b"), succeeds());
  disk_->replace_file(path("c"), "third", succeeds());
  disk_->remove_file(path("c"), succeeds());
  disk_->remove_file(path("c"), fails_with(ENOENT));
  disk_->drain();
  EXPECT_EQ(completed_, 6);
  const auto entries = disk_->list(directory_);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ(entries->front().name, "b");
  EXPECT_EQ(entries->front().bytes, 6U);
  EXPECT_EQ(load("b"), "second");
}

TEST_P(DiskTest, ATreeIsRemovedWithAllThatIsInIt) {
  for (int i = 0; i < 100; ++i) {
    const std::string folder = path("tree/" + std::to_string(i % 7));
    ASSERT_TRUE(disk_->make_directories(folder));
    disk_->replace_file(folder + "/" + std::to_string(i), "x", succeeds());
  }
  disk_->remove_tree(path("tree"), succeeds());
  disk_->remove_tree(path("never"), succeeds());
  disk_->drain();
  EXPECT_EQ(completed_, 102);
  EXPECT_TRUE(disk_->list(directory_)->empty());
}

TEST_P(DiskTest, ErrorsSayWhatFailed) {
  const auto missing = disk_->open(path("none"), store::OpenMode::kRead);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_NE(missing.error().detail.find("none: No such file"), std::string::npos);
  open("a");
  EXPECT_FALSE(disk_->open(path("a"), store::OpenMode::kCreate));
  const auto no_directory = disk_->list(path("none"));
  ASSERT_FALSE(no_directory);
  EXPECT_EQ(no_directory.error().code, Errc::kNotFound);
  disk_->replace_file(path("none/a"), "x", fails_with(ENOENT));
  disk_->rename_file(path("none"), path("b"), fails_with(ENOENT));
  disk_->drain();
  EXPECT_EQ(completed_, 2);
}

TEST_P(DiskTest, AWriteThatIsNotAllowedFails) {
  {
    open("a");
  }
  const store::FileId file = open("a", store::OpenMode::kRead);
  disk_->write(file, 0, "x", fails_with(EBADF));
  disk_->write_and_sync(file, 0, "x", fails_with(EBADF));
  disk_->drain();
  EXPECT_EQ(completed_, 2);
}

// /dev/full takes no byte; its sync fails too (EINVAL), and keeps failing.
TEST_P(DiskTest, AFullDiskIsAnErrorNeverASuccess) {
  auto full = disk_->open("/dev/full", store::OpenMode::kWrite);
  ASSERT_TRUE(full);
  disk_->write(*full, 0, "x", fails_with(ENOSPC));
  disk_->write_and_sync(*full, 0, "x", fails_with(ENOSPC));
  disk_->preallocate(*full, 10'000, fails_with(ENOSPC));
  disk_->drain();
  EXPECT_EQ(completed_, 3);
}

TEST_P(DiskTest, WhatIsUnderWayAtTheEndIsPerformed) {
  const store::FileId file = open("a");
  for (int i = 0; i < 100; ++i) disk_->write(file, static_cast<uint64_t>(i), "x", nullptr);
  disk_.reset();
  EXPECT_EQ(std::filesystem::file_size(path("a")), 100U);
}

TEST_P(DiskTest, FreeBytesAreTold) {
  const auto free = disk_->free_bytes(directory_);
  ASSERT_TRUE(free);
  EXPECT_GT(*free, 0U);
  EXPECT_FALSE(disk_->free_bytes(path("none")));
}

// A back end that is forbidden here has no tests; the thread sanitizer does not know what the
// kernel orders.
std::vector<Backend> backends() {
  std::vector<Backend> usable{Backend::kThreads};
#ifndef __SANITIZE_THREAD__
  if (is_uring_usable()) usable.push_back(Backend::kUring);
#endif
  return usable;
}

INSTANTIATE_TEST_SUITE_P(Backends, DiskTest, ::testing::ValuesIn(backends()),
                         [](const auto& backend) {
                           return backend.param == Backend::kUring ? "Uring" : "Threads";
                         });

}  // namespace
}  // namespace petrel::disk
