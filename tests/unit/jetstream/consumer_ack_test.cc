// Acknowledgements: verbs, floors, redelivery, advisories, and what survives a crash.
#include "consumer_world.h"

#include <gtest/gtest.h>

namespace petrel::jetstream {
namespace {

using World = ConsumerWorld;

// Stores `count` messages and delivers them.
std::vector<OutgoingMessage> delivered(World& world, const ConsumerConfig& config, int count) {
  world.open(config);
  world.store_many("a", count);
  world.pull("inbox", std::to_string(count));
  return world.take("inbox");
}

TEST(ConsumerAck, ExplicitMovesTheFloorOverWhatIsContiguous) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 5);
  ASSERT_EQ(sent.size(), 5U);
  EXPECT_EQ(world.info().num_ack_pending, 5U);
  world.ack(sent[1]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 0U);
  world.ack(sent[0], "");
  EXPECT_EQ(world.info().ack_floor.stream_seq, 2U);
  world.ack(sent[3], "+OK");
  EXPECT_EQ(world.info().ack_floor.stream_seq, 2U);
  EXPECT_EQ(world.info().num_ack_pending, 2U);
  world.ack(sent[2]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 4U);
  world.ack(sent[4]);
  EXPECT_EQ(world.info().ack_floor.consumer_seq, 5U);
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{2, 1, 4, 3, 5}));
}

TEST(ConsumerAck, TheFloorPassesFilteredGapsWhenNothingIsPending) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.filter_subject = "a";
  for (const char* subject : {"a", "b", "b", "a", "b"}) world.store(subject);
  world.open(config);
  world.pull("inbox", "2");
  const auto sent = world.take("inbox");
  ASSERT_EQ(sent.size(), 2U);
  world.ack(sent[0]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 3U);
  world.ack(sent[1]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 4U);
  EXPECT_EQ(world.info().delivered.stream_seq, 4U);
}

TEST(ConsumerAck, AllAcksEverythingBelow) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_policy = AckPolicy::kAll;
  const auto sent = delivered(world, config, 5);
  world.ack(sent[2]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 3U);
  EXPECT_EQ(world.info().ack_floor.consumer_seq, 3U);
  EXPECT_EQ(world.info().num_ack_pending, 2U);
  world.ack(sent[0], "+ACK", "reply");
  EXPECT_EQ(world.take("reply").size(), 1U);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 3U);
  EXPECT_EQ(world.settled_up_to, (std::vector<uint64_t>{3}));
}

TEST(ConsumerAck, NoneIsAckedWithTheDelivery) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_policy = AckPolicy::kNone;
  config.max_ack_pending = 0;
  delivered(world, config, 5);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 5U);
  EXPECT_EQ(world.info().num_ack_pending, 0U);
  // The cursor is written at most once a second.
  EXPECT_EQ(world.proposals, 0);
  world.pass(Duration::millis(1000));
  EXPECT_EQ(world.proposals, 1);
  world.pass(Duration::seconds(10));
  EXPECT_EQ(world.proposals, 1);
  EXPECT_EQ(world.settled_up_to, (std::vector<uint64_t>{5}));
}

TEST(ConsumerAck, TheReplyWaitsForTheJournal) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 2);
  world.commits = false;
  world.ack(sent[0], "+ACK", "sync");
  EXPECT_EQ(world.take("sync").size(), 0U);
  world.commit();
  EXPECT_EQ(world.one("sync").body, "");
  // A second ack of the same message is answered as well.
  world.ack(sent[0], "+ACK", "again");
  EXPECT_EQ(world.take("again").size(), 1U);
}

TEST(ConsumerAck, OnlyAckSyncAsksForTheDiskAtOnce) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 3);
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(world.last_urgency, Urgency::kSoon);
  world.ack(sent[0], "+ACK", "confirm");
  EXPECT_EQ(world.last_urgency, Urgency::kNow);
  world.ack(sent[1]);
  EXPECT_EQ(world.last_urgency, Urgency::kSoon);
}

TEST(ConsumerAck, WhatAStreamKeepsMessagesForIsWrittenAtOnce) {
  World world;
  world.stream_config_.retention = Retention::kWorkQueue;
  const auto sent = delivered(world, World::pull_config(), 1);
  ASSERT_EQ(sent.size(), 1U);
  world.ack(sent[0]);
  EXPECT_EQ(world.last_urgency, Urgency::kNow);
}

TEST(ConsumerAck, ForgedSubjectsChangeNothing) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 2);
  const auto before = world.info();
  for (const char* subject :
       {"$JS.ACK.S.C.1.3.3.0.0", "$JS.ACK.S.C.1.18446744073709551615.1.0.0",
        "$JS.ACK.S.C.1.18446744073709551616.1.0.0", "$JS.ACK.S.C.1.-1.1.0.0",
        "$JS.ACK.S.C.1.x.1.0.0", "$JS.ACK.S.C.1.0.1.0.0", "$JS.ACK.S.C.1.1.1.0", "$JS.ACK", "",
        "$JS.ACK.S.C.1.1.1.0.0.0", "$JS.ACK.......", "$JS.ACK.S.C.1. 1.1.0.0"}) {
    for (const char* body : {"", "+ACK", "-NAK", "+WPI", "+TERM", "+NXT"}) {
      world.consumer().on_ack(subject, "", body);
    }
  }
  world.turn();
  EXPECT_EQ(world.info().num_ack_pending, before.num_ack_pending);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 0U);
  EXPECT_TRUE(world.settled.empty());
  EXPECT_EQ(world.take("inbox").size(), 0U);
  // The long form with domain and account is understood.
  world.consumer().on_ack("$JS.ACK._.abcdefgh.S.C.1.1.1.0.0.token", "", "");
  world.turn();
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1}));
  static_cast<void>(sent);
}

TEST(ConsumerAck, FarSequencesAreNotFoundBehindAckedOnes) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 10);
  for (int i = 0; i < 5; ++i) world.ack(sent[static_cast<size_t>(i)]);
  for (const char* sequence : {"18446744073709551615", "18446744073709551612", "x", "11", "1"}) {
    for (const char* body : {"+WPI", "-NAK", "+TERM", "+ACK"}) {
      world.consumer().on_ack("$JS.ACK.S.C.1." + std::string(sequence) + ".1.1.0", "", body);
    }
  }
  world.turn();
  EXPECT_EQ(world.info().num_ack_pending, 5U);
}

TEST(ConsumerAck, AForgedConsumerSequenceCannotMoveTheFloorOfAckAll) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_policy = AckPolicy::kAll;
  delivered(world, config, 5);
  world.consumer().on_ack("$JS.ACK.S.C.1.2.999999.0.0", "", "");
  world.turn();
  EXPECT_EQ(world.info().ack_floor.consumer_seq, 2U);
}

TEST(ConsumerAck, NakRedeliversAtOnceWithAnAdvisory) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 2);
  world.pull("inbox", "5");
  world.ack(sent[0], "-NAK");
  const OutgoingMessage again = world.one("inbox");
  EXPECT_EQ(again.reply, "$JS.ACK.S.C.2.1.3.1700000000000000000.0");
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_EQ(world.advisories[0].target, "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.S.C");
  EXPECT_EQ(world.advisories[0].body,
            R"({"type":"io.nats.jetstream.advisory.v1.nak","id":"ID1",)"
            R"("timestamp":"2023-11-14T22:13:20Z","stream":"S","consumer":"C",)"
            R"("consumer_seq":1,"stream_seq":1,"deliveries":1})");
  EXPECT_EQ(world.info().num_redelivered, 1U);
  world.ack(again);
  EXPECT_EQ(world.info().num_redelivered, 0U);
}

TEST(ConsumerAck, NakWaitsForItsDelay) {
  for (const char* body : {"-NAK {\"delay\":2000000000}", "-NAK 2s"}) {
    World world;
    const auto sent = delivered(world, World::pull_config(), 1);
    world.pull("inbox");
    world.ack(sent[0], body);
    world.pass(Duration::millis(1999));
    EXPECT_EQ(world.take("inbox").size(), 0U) << body;
    world.pass(Duration::millis(1));
    EXPECT_EQ(world.take("inbox").size(), 1U) << body;
  }
}

TEST(ConsumerAck, ProgressBeginsTheWaitAnew) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_wait = Duration::seconds(10);
  const auto sent = delivered(world, config, 2);
  world.pull("inbox", "5");
  world.pass(Duration::seconds(9));
  world.ack(sent[0], "+WPI");
  world.pass(Duration::seconds(2));
  EXPECT_EQ(world.one("inbox").reply.substr(0, 14), "$JS.ACK.S.C.2.");
  EXPECT_EQ(world.info().delivered.consumer_seq, 3U);
  world.pass(Duration::seconds(8));
  EXPECT_EQ(world.take("inbox").size(), 1U);
}

TEST(ConsumerAck, NextAcksAndPulls) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 1);
  world.store_many("a", 3);
  world.ack(sent[0], "+NXT 2", "next");
  EXPECT_EQ(world.take("next").size(), 2U);
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1}));
}

TEST(ConsumerAck, TermSettlesWithTheReason) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 1);
  world.ack(sent[0], "+TERM it is broken ", "sync");
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1}));
  EXPECT_EQ(world.take("sync").size(), 1U);
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_EQ(world.advisories[0].target, "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.C");
  EXPECT_NE(world.advisories[0].body.find(
                R"("consumer_seq":1,"stream_seq":1,"deliveries":1,"reason":"it is broken"})"),
            std::string::npos);
}

TEST(ConsumerAck, WaitsAsLongAsTheBackoffSays) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.backoff = {Duration::seconds(1), Duration::seconds(3)};
  config.ack_wait = config.backoff[0];
  delivered(world, config, 1);
  world.pull("inbox", "10");
  world.pass(Duration::millis(1000));
  EXPECT_EQ(world.take("inbox").size(), 1U);
  world.pass(Duration::millis(2900));
  EXPECT_EQ(world.take("inbox").size(), 0U);
  world.pass(Duration::millis(100));
  EXPECT_EQ(world.take("inbox").size(), 1U);
  world.pass(Duration::millis(3000));
  EXPECT_EQ(world.take("inbox").size(), 1U);
}

TEST(ConsumerAck, RedeliversTheLowestFirstAndBeforeAnythingNew) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_wait = Duration::seconds(1);
  config.max_ack_pending = 3;
  delivered(world, config, 3);
  world.store("a", "new");
  world.pass(Duration::seconds(2));
  world.pull("inbox", "4");
  std::string order;
  for (const OutgoingMessage& sent : world.take("inbox")) {
    order += sent.reply.substr(0, 16) + " ";
  }
  EXPECT_EQ(order, "$JS.ACK.S.C.2.1. $JS.ACK.S.C.2.2. $JS.ACK.S.C.2.3. ");
}

TEST(ConsumerAck, IsNotDeliveredMoreOftenThanAllowed) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_wait = Duration::seconds(1);
  config.max_deliver = 2;
  const auto sent = delivered(world, config, 1);
  world.pull("inbox", "10");
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.take("inbox").size(), 1U);
  world.pass(Duration::seconds(5));
  EXPECT_EQ(world.take("inbox").size(), 0U);
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_EQ(world.advisories[0].target, "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.C");
  EXPECT_NE(world.advisories[0].body.find(
                R"("stream":"S","consumer":"C","stream_seq":1,"deliveries":2})"),
            std::string::npos);
  EXPECT_EQ(world.info().num_ack_pending, 0U);
  EXPECT_EQ(world.info().num_redelivered, 1U);
  EXPECT_TRUE(world.consumer().needs(1));
  EXPECT_TRUE(world.settled.empty());
  // Late, but it counts.
  world.ack(sent[0]);
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1}));
  EXPECT_FALSE(world.consumer().needs(1));
  EXPECT_EQ(world.info().num_redelivered, 0U);
}

TEST(ConsumerAck, StopsAtMaxAckPendingAndGoesOnWithAnAck) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.max_ack_pending = 2;
  world.open(config);
  world.store_many("a", 5);
  world.pull("inbox", "5");
  const auto sent = world.take("inbox");
  ASSERT_EQ(sent.size(), 2U);
  world.ack(sent[0]);
  EXPECT_EQ(world.take("inbox").size(), 1U);
}

TEST(ConsumerAck, DeletedMessagesAreNoLongerWaitedFor) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 3);
  world.remove(2);
  EXPECT_EQ(world.info().num_ack_pending, 2U);
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_NE(world.advisories[0].body.find("Unacknowledged message was deleted"), std::string::npos);
  world.ack(sent[0]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 2U);
}

TEST(ConsumerAck, APurgeMovesEverything) {
  World world;
  delivered(world, World::pull_config(), 3);
  world.store_many("a", 4);
  world.purge(6);
  EXPECT_EQ(world.info().num_ack_pending, 0U);
  EXPECT_EQ(world.info().num_pending, 2U);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 5U);
  world.pull("inbox", "5");
  EXPECT_EQ(world.take("inbox").size(), 2U);
}

TEST(ConsumerAck, ResetBeginsAtTheFloorOrWhereAsked) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 4);
  world.ack(sent[0]);
  world.consumer().reset(0);
  world.turn();
  EXPECT_EQ(world.info().delivered.consumer_seq, 0U);
  EXPECT_EQ(world.info().delivered.stream_seq, 1U);
  EXPECT_EQ(world.info().num_pending, 3U);
  EXPECT_EQ(world.info().num_ack_pending, 0U);
  world.pull("inbox");
  EXPECT_EQ(world.one("inbox").reply, "$JS.ACK.S.C.1.2.1.1700000000000000000.2");
  world.consumer().reset(1);
  world.turn();
  EXPECT_EQ(world.info().num_pending, 4U);
}

TEST(ConsumerAck, SamplesEveryAckAtAHundredPercent) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.sample_freq = "100%";
  const auto sent = delivered(world, config, 1);
  world.pass(Duration::millis(5));
  world.ack(sent[0]);
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_EQ(world.advisories[0].target, "$JS.EVENT.METRIC.CONSUMER.ACK.S.C");
  EXPECT_EQ(world.advisories[0].body,
            R"({"type":"io.nats.jetstream.metric.v1.consumer_ack","id":"ID1",)"
            R"("timestamp":"2023-11-14T22:13:20.005Z","stream":"S","consumer":"C",)"
            R"("consumer_seq":1,"stream_seq":1,"ack_time":5000000,"deliveries":1})");
}

TEST(ConsumerAck, OneEntryHoldsATurn) {
  World world;
  world.open(World::pull_config());
  world.store_many("a", 900);
  world.pull("inbox", "900");
  const auto sent = world.take("inbox");
  ASSERT_EQ(sent.size(), 900U);
  EXPECT_EQ(world.proposals, 1);
  for (const OutgoingMessage& one : sent) world.consumer().on_ack(one.reply, "", "");
  world.turn();
  EXPECT_EQ(world.proposals, 2);
  EXPECT_EQ(world.settled.size(), 900U);
}

TEST(ConsumerAck, ACrashLosesNothingThatWasJournaled) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_wait = Duration::seconds(5);
  const auto sent = delivered(world, config, 6);
  world.ack(sent[0]);
  world.checkpoint();
  world.ack(sent[2]);
  world.ack(sent[3]);
  const auto before = world.info();
  world.crash();
  const auto after = world.info();
  EXPECT_EQ(after.num_ack_pending, before.num_ack_pending);
  EXPECT_EQ(after.ack_floor.stream_seq, before.ack_floor.stream_seq);
  EXPECT_EQ(after.delivered.consumer_seq, before.delivered.consumer_seq);
  world.pull("inbox", "10");
  world.pass(Duration::seconds(6));
  std::string order;
  for (const OutgoingMessage& one : world.take("inbox")) order += one.reply.substr(12, 4);
  EXPECT_EQ(order, "2.2.2.5.2.6.");
}

TEST(ConsumerAck, OlderEntriesChangeANewerSnapshotNoMore) {
  World world;
  const auto sent = delivered(world, World::pull_config(), 4);
  world.commits = false;
  world.ack(sent[0]);
  world.ack(sent[1], "-NAK");
  world.pull("inbox");
  // The checkpoint holds what is proposed and not applied yet.
  world.checkpoint();
  const auto before = world.info();
  world.commit();
  world.commits = true;
  world.crash();
  EXPECT_EQ(world.info().num_ack_pending, before.num_ack_pending);
  EXPECT_EQ(world.info().num_redelivered, before.num_redelivered);
  EXPECT_EQ(world.info().delivered.consumer_seq, before.delivered.consumer_seq);
  // What follows from the entries for the stream happens again.
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1, 1}));
}

TEST(ConsumerAck, AResetSurvivesWhatWasProposedBeforeIt) {
  World world;
  delivered(world, World::pull_config(), 4);
  world.commits = false;
  world.store_many("a", 2);
  world.pull("inbox", "2");
  world.consumer().reset(1);
  world.turn();
  world.commits = true;
  world.commit();
  world.crash();
  EXPECT_EQ(world.info().num_ack_pending, 0U);
  EXPECT_EQ(world.info().num_pending, 6U);
}

TEST(ConsumerAck, MemoryStateIsNotJournaled) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.mem_storage = true;
  const auto sent = delivered(world, config, 2);
  world.ack(sent[0], "+ACK", "sync");
  EXPECT_EQ(world.take("sync").size(), 1U);
  EXPECT_EQ(world.proposals, 0);
}

TEST(ConsumerAck, OneInFlightForEachSubject) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.metadata["petrel.max_ack_pending_per_subject"] = "1";
  world.open(config);
  for (const char* message : {"a1", "a2", "b1", "a3", "b2", "c1"}) {
    world.store(std::string(message, 1), message);
  }
  world.pull("inbox", "20");
  auto sent = world.take("inbox");
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].body + sent[1].body + sent[2].body, "a1b1c1");
  EXPECT_EQ(world.info().num_pending, 3U);
  // The floor does not pass what was passed over.
  world.ack(sent[1]);
  auto next = world.take("inbox");
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].body, "b2");
  world.ack(next[0]);
  world.ack(sent[2]);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 0U);
  EXPECT_TRUE(world.consumer().needs(2));
  world.crash();
  EXPECT_EQ(world.info().num_pending, 2U);
  world.pull("inbox", "20");
  EXPECT_EQ(world.texts("inbox"), "");
  world.ack(sent[0]);
  next = world.take("inbox");
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].body, "a2");
  world.ack(next[0], "-NAK");
  EXPECT_EQ(world.texts("inbox"), "a2");
  world.remove(4);
  world.ack(next[0]);
  EXPECT_EQ(world.texts("inbox"), "");
  EXPECT_EQ(world.info().num_pending, 0U);
  EXPECT_EQ(world.info().ack_floor.stream_seq, 6U);
}

std::string priority(int level) {
  return "NATS/1.0\r\nNats-Priority: " + std::to_string(level) + "\r\n\r\n";
}

TEST(ConsumerAck, HighPrioritiesGoFirst) {
  World world;
  world.stream_config_.retention = Retention::kWorkQueue;
  world.stream_config_.metadata["petrel.priority"] = "true";
  world.open(World::pull_config());
  world.store("a", "low", priority(1));
  world.store("a", "plain");
  world.store("a", "high", priority(9));
  world.store("a", "plain too");
  world.store("a", "above plain", priority(5));
  world.pull("inbox", "1");
  auto sent = world.take("inbox");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].body, "high");
  EXPECT_EQ(world.info().num_pending, 4U);
  // One that comes later goes before what waits, also when the server was killed in between.
  world.store("a", "higher", priority(9));
  world.crash();
  EXPECT_EQ(world.info().num_pending, 5U);
  world.pull("inbox", "3");
  EXPECT_EQ(world.texts("inbox"), "higher,above plain,plain");
  // What was passed over is needed, and the floor stays below it.
  world.ack(sent[0]);
  EXPECT_TRUE(world.consumer().needs(1));
  EXPECT_EQ(world.info().ack_floor.stream_seq, 0U);
  world.remove(4);
  world.pull("inbox", "9");
  EXPECT_EQ(world.texts("inbox"), "low");
  EXPECT_EQ(world.info().num_pending, 0U);
}

TEST(ConsumerAck, WithoutPrioritiesOfTheStreamTheHeaderMeansNothing) {
  World world;
  world.stream_config_.retention = Retention::kWorkQueue;
  world.open(World::pull_config());
  world.store("a", "low", priority(1));
  world.store("a", "high", priority(9));
  world.pull("inbox", "2");
  EXPECT_EQ(world.texts("inbox"), "low,high");
}

TEST(ConsumerAck, AStallIsTold) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.max_ack_pending = 1;
  delivered(world, config, 3);
  world.pull("inbox", "2");
  world.pass(Duration::millis(900));
  EXPECT_TRUE(world.logs.empty());
  world.pass(Duration::seconds(5));
  ASSERT_EQ(world.logs.size(), 1U);
  EXPECT_EQ(world.logs[0],
            "JetStream consumer '$G > S > C' has 2 messages and 2 requests and delivers nothing: "
            "max_ack_pending is reached");
}

}  // namespace
}  // namespace petrel::jetstream
