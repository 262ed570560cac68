#include "disk/sync_route.h"

#include "disk/uring_disk.h"

#include "petrel/disk/open_disk.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <unistd.h>

namespace petrel::disk {
namespace {

constexpr Duration kFast = Duration::micros(150);
constexpr Duration kSlow = Duration::millis(5);

// How many of `batches` went through the ring, when both paths take so long.
int by_ring(SyncRoute& route, int batches, Duration ring, Duration worker) {
  int count = 0;
  for (int i = 0; i < batches; ++i) {
    const SyncPath path = route.next();
    if (path == SyncPath::kRing) ++count;
    route.note(path, path == SyncPath::kRing ? ring : worker);
  }
  return count;
}

TEST(SyncRouteTest, StaysWithAQuickRing) {
  SyncRoute route;
  EXPECT_EQ(by_ring(route, 1000, kFast, kFast), 1000);
}

TEST(SyncRouteTest, OneSlowBatchChangesNothing) {
  SyncRoute route;
  by_ring(route, 10, kFast, kFast);
  by_ring(route, 1, kSlow, kFast);
  EXPECT_EQ(by_ring(route, 100, kFast, kFast), 100);
}

TEST(SyncRouteTest, LeavesASlowRingAndTriesItSeldom) {
  SyncRoute route;
  by_ring(route, 10, kSlow, kFast);
  EXPECT_LE(by_ring(route, 1024, kSlow, kFast), 4);
}

TEST(SyncRouteTest, ComesBackWhenTheRingIsQuickAgain) {
  SyncRoute route;
  by_ring(route, 1000, kSlow, kFast);
  by_ring(route, 20'000, kFast, kFast);
  EXPECT_EQ(by_ring(route, 1000, kFast, kFast), 1000);
}

TEST(SyncRouteTest, KeepsTheRingOnASlowDevice) {
  SyncRoute route;
  EXPECT_GE(by_ring(route, 1000, kSlow, kSlow * 2), 850);
}

// The worker of a ring that was found to be slow.
TEST(SyncRouteTest, ABatchGivenToTheWorkerIsWritten) {
  if (!is_uring_usable()) GTEST_SKIP() << "io_uring is forbidden here";
  SyncRoute route;
  route.note(SyncPath::kRing, kSlow);
  ASSERT_EQ(SyncRoute(route).next(), SyncPath::kWorker);
  auto disk = UringDisk::create(-1, route);
  ASSERT_TRUE(disk);
  const std::string path =
      std::filesystem::temp_directory_path() / ("petrel_route_" + std::to_string(::getpid()));
  const auto file = (*disk)->open(path, store::OpenMode::kWrite);
  ASSERT_TRUE(file);
  const std::string sector(512, 's');
  int done = 0;
  for (uint64_t i = 0; i < 3; ++i) {
    (*disk)->write_and_sync(*file, i * sector.size(), sector, [&](int error) {
      EXPECT_EQ(error, 0);
      ++done;
    });
  }
  (*disk)->write(*file, 3 * sector.size(), "end", [&](int error) {
    EXPECT_EQ(error, 0);
    EXPECT_EQ(done++, 3);
  });
  (*disk)->drain();
  EXPECT_EQ(done, 4);
  const auto written = (*disk)->load(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, sector + sector + sector + "end");
}

}  // namespace
}  // namespace petrel::disk
