#include "petrel/net/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace petrel::net {
namespace {

TEST(WorkerPool, RunsWorkOnItsOwnThreads) {
  WorkerPool pool(2, 10);
  // Each waits for the other: two threads must run at the same time.
  std::promise<void> first;
  std::promise<void> second;
  std::promise<std::thread::id> done;
  ASSERT_TRUE(pool.push([&] {
    first.set_value();
    second.get_future().wait();
  }));
  ASSERT_TRUE(pool.push([&] {
    first.get_future().wait();
    second.set_value();
    done.set_value(std::this_thread::get_id());
  }));
  EXPECT_NE(done.get_future().get(), std::this_thread::get_id());
}

TEST(WorkerPool, RefusesWhatDoesNotFit) {
  std::promise<void> started;
  std::promise<void> release;
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.push([&] {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();  // it runs and no longer waits
  EXPECT_TRUE(pool.push([] {}));
  EXPECT_TRUE(pool.push([] {}));
  EXPECT_FALSE(pool.push([] {}));
  std::promise<void> drained;
  release.set_value();
  while (!pool.push([&drained] { drained.set_value(); })) std::this_thread::yield();
  drained.get_future().wait();
}

TEST(WorkerPool, EndWaitsForWhatRunsAndDropsWhatWaits) {
  std::atomic<bool> is_finished{false};
  bool was_dropped_run = false;
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = alive;
  {
    std::promise<void> started;
    WorkerPool pool(1, 10);
    ASSERT_TRUE(pool.push([&] {
      started.set_value();
      while (!watch.expired()) std::this_thread::yield();  // until the waiting work is dropped
      is_finished = true;
    }));
    started.get_future().wait();
    ASSERT_TRUE(pool.push([&was_dropped_run, kept = std::move(alive)] { was_dropped_run = true; }));
  }
  EXPECT_TRUE(is_finished);
  EXPECT_FALSE(was_dropped_run);
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace petrel::net
