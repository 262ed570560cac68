// The simulated world does what its headers promise; a simulator that is wrong proves nothing.
#include "sim/world/event_queue.h"
#include "sim/world/sim_clock.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_network.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace petrel::sim {
namespace {

Instant at_ms(int64_t ms) {
  return Instant{ms * 1'000'000};
}

TEST(EventQueueTest, GivesEventsByTimeAndEqualTimesInOrder) {
  EventQueue<int> queue;
  queue.push(at_ms(5), 1);
  queue.push(at_ms(3), 2);
  queue.push(at_ms(5), 3);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.now(), at_ms(3));
  queue.push(at_ms(1), 4);  // in the past: now
  EXPECT_EQ(queue.pop(), 4);
  EXPECT_EQ(queue.now(), at_ms(3));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_TRUE(queue.is_empty());
}

TEST(SimClockTest, RunsAtItsRateJumpsAndStandsStill) {
  SimClock clock;
  const Instant start = clock.read(at_ms(0));
  EXPECT_EQ((clock.read(at_ms(10)) - start).ns, 10'000'000);
  clock.set_rate(at_ms(10), 1500);
  EXPECT_EQ((clock.read(at_ms(20)) - start).ns, 25'000'000);
  EXPECT_EQ(clock.world_time(Duration::millis(15)), Duration::millis(10));
  clock.jump(at_ms(20), Duration::seconds(1));
  EXPECT_EQ((clock.read(at_ms(20)) - start).ns, 1'025'000'000);
  clock.freeze_until(at_ms(20), at_ms(40));
  EXPECT_EQ((clock.read(at_ms(35)) - start).ns, 1'025'000'000);
  EXPECT_EQ((clock.read(at_ms(50)) - start).ns, 1'040'000'000);
}

TEST(SimNetworkTest, KeepsTheOrderOfOneDirectionUnlessToldToReorder) {
  SimNetwork network(2, {}, 1);
  Instant last;
  for (int i = 0; i < 1000; ++i) {
    const Deliveries deliveries = network.send(0, 1, Instant{i * 1000});
    ASSERT_EQ(deliveries.count, 1U);
    EXPECT_GE(deliveries.at[0], last);
    EXPECT_GE(deliveries.at[0] - Instant{i * 1000}, Duration::micros(100));
    last = deliveries.at[0];
  }
  network.set_options({.reorder_per_mille = 500});
  bool overtaken = false;
  for (int i = 0; i < 1000; ++i) {
    const Deliveries deliveries = network.send(0, 1, Instant{i * 1000});
    overtaken = overtaken || deliveries.at[0] < last;
    last = deliveries.at[0];
  }
  EXPECT_TRUE(overtaken);
}

TEST(SimNetworkTest, DropsAndDuplicatesAtTheRateAskedFor) {
  SimNetwork network(2, {.drop_per_mille = 250, .duplicate_per_mille = 500}, 7);
  int lost = 0;
  int twice = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Deliveries deliveries = network.send(0, 1, Instant{});
    lost += deliveries.count == 0;
    twice += deliveries.count == 2;
  }
  EXPECT_NEAR(lost, 2500, 200);
  EXPECT_NEAR(twice, 3750, 250);
  EXPECT_EQ(network.counts().sent, 10'000U);
  EXPECT_EQ(network.counts().dropped, static_cast<uint64_t>(lost));
  EXPECT_EQ(network.counts().duplicated, static_cast<uint64_t>(twice));
}

TEST(SimNetworkTest, CutsOneWaySidesBridgesAndNodes) {
  SimNetwork network(5, {}, 1);
  const auto passes = [&](uint32_t from, uint32_t to) {
    return network.send(from, to, Instant{}).count > 0;
  };
  network.cut(0, 1);
  EXPECT_FALSE(passes(0, 1));
  EXPECT_TRUE(passes(1, 0));
  network.mend_all();
  network.partition(0b00011);
  EXPECT_TRUE(passes(0, 1));
  EXPECT_FALSE(passes(1, 2));
  EXPECT_FALSE(passes(2, 1));
  EXPECT_TRUE(passes(3, 4));
  network.mend_all();
  network.partition_with_bridge(0b00011, 2);
  EXPECT_TRUE(passes(0, 2));
  EXPECT_TRUE(passes(2, 0));
  EXPECT_TRUE(passes(2, 4));
  EXPECT_FALSE(passes(0, 4));
  network.mend_all();
  network.isolate(3);
  EXPECT_FALSE(passes(3, 0));
  EXPECT_FALSE(passes(0, 3));
  EXPECT_TRUE(passes(0, 4));
}

TEST(SimDiskTest, ForgetsWhatWasNotSyncedAndKeepsWhatWas) {
  SimDisk disk({}, 3);
  disk.write("f", 0, "durable");
  const SimDisk::Ticket ticket = disk.start_sync("f");
  disk.write("f", 7, "-later-and-long");
  ASSERT_TRUE(disk.finish_sync("f", ticket).is_ok());
  EXPECT_EQ(disk.read("f"), "durable-later-and-long");
  bool was_lost = false;
  bool was_torn = false;
  bool was_kept = false;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SimDisk copy({}, seed);
    copy.write("f", 0, "durable");
    ASSERT_TRUE(copy.finish_sync("f", copy.start_sync("f")).is_ok());
    copy.write("f", 7, "-later-and-long");
    copy.crash();
    const std::string after = copy.read("f");
    ASSERT_EQ(after.substr(0, 7), "durable");
    was_lost |= after == "durable";
    was_kept |= after == "durable-later-and-long";
    was_torn |= after.size() > 7 && after.size() < 22;
  }
  EXPECT_TRUE(was_lost);
  EXPECT_TRUE(was_torn);
  EXPECT_TRUE(was_kept);
}

TEST(SimDiskTest, FailsSyncsWithoutMakingTheirWritesDurable) {
  SimDisk disk({.fail_per_mille = 1000}, 3);
  disk.write("f", 0, "x");
  EXPECT_EQ(disk.finish_sync("f", disk.start_sync("f")).error().code, Errc::kIo);
  EXPECT_FALSE(disk.flip_bit("f", 0));  // nothing durable to damage
}

TEST(SimDiskTest, DamagesDurableBytesAndMisdirectsWrites) {
  SimDisk disk({}, 3);
  disk.write("f", 0, std::string(64, 'a'));
  ASSERT_TRUE(disk.finish_sync("f", disk.start_sync("f")).is_ok());
  ASSERT_TRUE(disk.flip_bit("f", 10));
  EXPECT_NE(disk.read("f")[10], 'a');
  ASSERT_TRUE(disk.zero("f", 20, 4));
  EXPECT_EQ(disk.read("f").substr(20, 4), std::string(4, '\0'));
  EXPECT_FALSE(disk.zero("f", 62, 4));
  disk.misdirect_next_write(32);
  disk.write("f", 64, "zz");
  EXPECT_EQ(disk.read("f").substr(32, 2), "zz");
  EXPECT_EQ(disk.size("f"), 64U);
  EXPECT_EQ(disk.counts().flipped, 1U);
  EXPECT_EQ(disk.counts().zeroed, 1U);
  EXPECT_EQ(disk.counts().misdirected, 1U);
}

TEST(SimDiskTest, RenamesAtOnce) {
  SimDisk disk({}, 3);
  disk.write("new", 0, "two");
  ASSERT_TRUE(disk.finish_sync("new", disk.start_sync("new")).is_ok());
  disk.rename("new", "f");
  disk.crash();
  EXPECT_FALSE(disk.has("new"));
  EXPECT_EQ(disk.read("f"), "two");
}

}  // namespace
}  // namespace petrel::sim
