// Pull consumers: requests, their ends, deliveries and what is told of them.
#include "consumer_world.h"

#include <gtest/gtest.h>

namespace petrel::jetstream {
namespace {

using World = ConsumerWorld;

TEST(PullConsumer, DeliversUnderTheStoredSubjectWithAnAckSubject) {
  World world;
  world.open(World::pull_config());
  world.store("orders.eu", "hello", "NATS/1.0\r\nA: b\r\n\r\n");
  world.store("orders.us");
  world.pull("inbox");
  const OutgoingMessage sent = world.one("inbox");
  EXPECT_EQ(sent.subject, "orders.eu");
  EXPECT_EQ(sent.body, "hello");
  EXPECT_EQ(sent.header, "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(sent.reply, "$JS.ACK.S.C.1.1.1.1700000000000000000.1");
}

TEST(PullConsumer, ABatchWaitsForMessagesThatComeLater) {
  World world;
  world.open(World::pull_config());
  world.pull("inbox", R"({"batch":3})");
  EXPECT_EQ(world.info().num_waiting, 1U);
  world.store("a", "1");
  world.turn();
  world.store("a", "2");
  world.store("a", "3");
  world.store("a", "4");
  world.turn();
  EXPECT_EQ(world.texts("inbox"), "1,2,3");
  EXPECT_EQ(world.info().num_waiting, 0U);
  EXPECT_EQ(world.info().num_pending, 1U);
}

TEST(PullConsumer, RequestsTakeTurns) {
  World world;
  world.open(World::pull_config());
  world.pull("one", "2");
  world.pull("two", "2");
  for (const char* body : {"1", "2", "3", "4"}) world.store("a", body);
  world.turn();
  EXPECT_EQ(world.texts("one"), "1,3");
  EXPECT_EQ(world.texts("two"), "2,4");
}

TEST(PullConsumer, NoWaitEndsAtTheEndOfTheStream) {
  World world;
  world.open(World::pull_config());
  world.pull("inbox", R"({"batch":5,"no_wait":true})");
  EXPECT_EQ(world.texts("inbox"), "404 No Messages");
  world.store("a", "1");
  world.store("a", "2");
  world.pull("inbox", R"({"batch":5,"no_wait":true})");
  EXPECT_EQ(world.texts("inbox"), "1,2,404 No Messages");
  world.store("a", "3");
  world.pull("inbox", R"({"batch":1,"no_wait":true})");
  EXPECT_EQ(world.texts("inbox"), "3");
}

TEST(PullConsumer, NoWaitWithExpiryWaitsWhenNothingIsThere) {
  World world;
  world.open(World::pull_config());
  world.pull("inbox", R"({"batch":2,"no_wait":true,"expires":1000000000})");
  EXPECT_EQ(world.texts("inbox"), "");
  world.store("a", "1");
  world.turn();
  EXPECT_EQ(world.texts("inbox"), "1,404 No Messages");
}

TEST(PullConsumer, NoWaitIsRefusedWhenOthersWantEverything) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.max_ack_pending = 1;
  world.open(config);
  world.store_many("a", 3);
  world.pull("one", R"({"batch":10})");
  EXPECT_EQ(world.take("one").size(), 1U);
  world.pull("two", R"({"batch":1,"no_wait":true})");
  EXPECT_EQ(world.texts("two"), "408 Requests Pending");
}

TEST(PullConsumer, ExpiryTellsWhatIsLeft) {
  World world;
  world.open(World::pull_config());
  world.pull("inbox", R"({"batch":3,"max_bytes":500,"expires":2000000000})");
  world.store("a", "1");
  world.pass(Duration::millis(1999));
  const auto before = world.take("inbox");
  ASSERT_EQ(before.size(), 1U);
  world.pass(Duration::millis(1));
  const OutgoingMessage end = world.one("inbox");
  EXPECT_EQ(end.header.substr(0, 54), "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 2");
  const auto used = before[0].subject.size() + before[0].reply.size() + before[0].body.size();
  EXPECT_NE(end.header.find("Nats-Pending-Bytes: " + std::to_string(500 - used)),
            std::string::npos);
}

TEST(PullConsumer, HeartbeatsTellTheLastSequences) {
  World world;
  world.open(World::pull_config());
  world.store("a");
  world.pull("inbox", R"({"batch":3,"expires":3000000000,"idle_heartbeat":1000000000})");
  EXPECT_EQ(world.take("inbox").size(), 1U);
  world.pass(Duration::millis(1500));
  EXPECT_EQ(world.one("inbox").header,
            "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 1\r\n\r\n");
  world.pass(Duration::millis(2000));
  EXPECT_EQ(world.texts("inbox"), "100 Idle Heartbeat,408 Request Timeout");
}

TEST(PullConsumer, BytesEndARequest) {
  World world;
  world.open(World::pull_config());
  world.store("a", std::string(100, 'x'));
  world.pull("small", R"({"batch":1,"max_bytes":50})");
  EXPECT_EQ(world.one("small").header,
            "NATS/1.0 409 Message Size Exceeds MaxBytes\r\nNats-Pending-Messages: 1\r\n"
            "Nats-Pending-Bytes: 50\r\n\r\n");
  world.pull("large", R"({"batch":1,"max_bytes":1000})");
  const auto sent = world.take("large");
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].text(), "409 Batch Completed");
  // A budget that is met exactly ends without a word.
  const uint64_t next = world.store("a", std::string(100, 'x'));
  const std::string reply = "$JS.ACK.S.C.1." + std::to_string(next) + ".2.1700000000000000000.0";
  const size_t bytes = 1 + reply.size() + 100;
  world.pull("exact", R"({"batch":9,"max_bytes":)" + std::to_string(bytes) + "}");
  EXPECT_EQ(world.take("exact").size(), 1U);
  EXPECT_EQ(world.info().num_waiting, 0U);
}

TEST(PullConsumer, RefusesWhatTheConfigurationForbids) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.max_batch = 10;
  config.max_expires = Duration::seconds(5);
  config.max_bytes = 1000;
  config.max_waiting = 1;
  world.open(config);
  world.pull("i", "11");
  EXPECT_EQ(world.texts("i"), "409 Exceeded MaxRequestBatch of 10");
  world.pull("i", R"({"batch":1,"expires":5000000001})");
  EXPECT_EQ(world.texts("i"), "409 Exceeded MaxRequestExpires of 5s");
  world.pull("i", R"({"batch":1,"max_bytes":1001})");
  EXPECT_EQ(world.texts("i"), "409 Exceeded MaxRequestMaxBytes of 1000");
  world.pull("i", R"({"batch":1,"expires":1000000000,"idle_heartbeat":600000000})");
  EXPECT_EQ(world.texts("i"), "400 Bad Request - heartbeat value too large");
  world.pull("i", R"({"batch":1,"id":"x"})");
  EXPECT_EQ(world.texts("i"), "400 Bad Request - Not a Pinned Client Priority consumer");
  world.pull("i", R"({"batch":1,"min_pending":1})");
  EXPECT_EQ(world.texts("i"), "400 Bad Request - Not a Overflow Priority consumer");
  world.pull("i", R"({"batch":1,"priority":10})");
  EXPECT_EQ(world.texts("i"), "400 Bad Request - Priority must be between 0 and 9");
  world.pull("first");
  world.pull("i");
  EXPECT_EQ(world.texts("i"), "409 Exceeded MaxWaiting");
  world.pull("i", R"({"batch":1,"expires":4000000000,"idle_heartbeat":100000000})");
  EXPECT_EQ(world.texts("i"), "");
  EXPECT_EQ(world.info().num_waiting, 1U);
}

TEST(PullConsumer, RequestsWithoutAnInboxAreForgotten) {
  World world;
  world.open(World::pull_config());
  world.pull("dead", "5");
  world.pull("alive", "5");
  world.gone.insert("dead");
  EXPECT_EQ(world.info().num_waiting, 1U);
  world.store("a", "1");
  world.turn();
  EXPECT_EQ(world.texts("alive"), "1");
  EXPECT_EQ(world.info().delivered.consumer_seq, 1U);
}

TEST(PullConsumer, FiltersSkipWhatDoesNotMatch) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.filter_subjects = {"a.*", "c"};
  for (const char* subject : {"a.1", "b.1", "c", "b.2", "a.2"}) world.store(subject, subject);
  world.open(config);
  EXPECT_EQ(world.info().num_pending, 3U);
  world.pull("inbox", "2");
  EXPECT_EQ(world.texts("inbox"), "a.1,c");
  EXPECT_EQ(world.info().num_pending, 1U);
  world.store("b.3");
  world.store("a.3", "a.3");
  EXPECT_EQ(world.info().num_pending, 2U);
  world.remove(5);
  EXPECT_EQ(world.info().num_pending, 1U);
  world.pull("inbox", "2");
  EXPECT_EQ(world.texts("inbox"), "a.3");
}

TEST(PullConsumer, ANewFilterCountsAnew) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.filter_subject = "a.*";
  for (const char* subject : {"a.1", "b.1", "a.2", "b.2", "b.3"}) world.store(subject, subject);
  world.open(config);
  world.pull("inbox");
  EXPECT_EQ(world.texts("inbox"), "a.1");
  config.filter_subject = "b.*";
  world.consumer().update(config);
  world.turn();
  EXPECT_EQ(world.info().num_pending, 3U);
  world.pull("inbox", "5");
  EXPECT_EQ(world.texts("inbox"), "b.1,b.2,b.3");
}

struct StartCase {
  const char* name;
  DeliverPolicy policy;
  uint64_t sequence;
  const char* expected;
};

TEST(PullConsumer, BeginsWhereItsPolicySays) {
  for (const StartCase& start : {StartCase{"all", DeliverPolicy::kAll, 0, "1,2,3,4,5"},
                                 StartCase{"last", DeliverPolicy::kLast, 0, "5"},
                                 StartCase{"new", DeliverPolicy::kNew, 0, ""},
                                 StartCase{"sequence", DeliverPolicy::kByStartSequence, 4, "4,5"},
                                 StartCase{"beyond", DeliverPolicy::kByStartSequence, 9, ""},
                                 StartCase{"subjects", DeliverPolicy::kLastPerSubject, 0, "3,5"}}) {
    World world;
    for (const char* body : {"1", "2", "3"}) world.store("a", body);
    for (const char* body : {"4", "5"}) world.store("b", body);
    ConsumerConfig config = World::pull_config();
    config.deliver_policy = start.policy;
    config.opt_start_seq = start.sequence;
    world.open(config);
    world.pull("inbox", "10");
    EXPECT_EQ(world.texts("inbox"), start.expected) << start.name;
    EXPECT_EQ(world.info().num_pending, 0U) << start.name;
  }
}

TEST(PullConsumer, BeginsAtATime) {
  World world;
  world.store("a", "1");
  world.open(World::pull_config());
  world.pass(Duration::seconds(10));
  world.store("a", "2");
  ConsumerConfig config = World::pull_config();
  config.deliver_policy = DeliverPolicy::kByStartTime;
  config.opt_start_time = world.wall_now() + Duration::seconds(-5);
  world.open(config);
  world.pull("inbox", "10");
  EXPECT_EQ(world.texts("inbox"), "2");
}

TEST(PullConsumer, LastPerSubjectCountsDownToZero) {
  World world;
  for (int round = 0; round < 3; ++round) {
    for (const char* subject : {"a", "b", "c"}) world.store(subject, subject);
  }
  ConsumerConfig config = World::pull_config();
  config.deliver_policy = DeliverPolicy::kLastPerSubject;
  world.open(config);
  EXPECT_EQ(world.info().num_pending, 3U);
  world.store("a", "new");
  EXPECT_EQ(world.info().num_pending, 4U);
  world.pull("inbox", "9");
  std::string pending;
  for (const OutgoingMessage& sent : world.take("inbox"))
    pending += sent.reply.substr(sent.reply.size() - 1);
  EXPECT_EQ(pending, "3210");
}

TEST(PullConsumer, HeadersOnlyTellsTheSize) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.headers_only = true;
  world.open(config);
  world.store("a", "hello");
  world.store("a", "hi", "NATS/1.0\r\nA: b\r\n\r\n");
  world.pull("inbox", "2");
  const auto sent = world.take("inbox");
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].header, "NATS/1.0\r\nNats-Msg-Size: 5\r\n\r\n");
  EXPECT_EQ(sent[1].header, "NATS/1.0\r\nA: b\r\nNats-Msg-Size: 2\r\n\r\n");
  EXPECT_EQ(sent[1].body, "");
}

TEST(PullConsumer, StopAnswersWhoWaits) {
  World world;
  world.open(World::pull_config());
  world.pull("inbox", "2");
  world.consumer().stop("Consumer Deleted");
  EXPECT_EQ(world.one("inbox").header, "NATS/1.0 409 Consumer Deleted\r\n\r\n");

  World other;
  other.open(World::pull_config());
  other.pull("inbox", "2");
  other.consumer().stop("Server Shutdown");
  EXPECT_EQ(other.one("inbox").header,
            "NATS/1.0 409 Server Shutdown\r\nNats-Pending-Messages: 2\r\nNats-Pending-Bytes: "
            "0\r\n\r\n");
}

TEST(PullConsumer, IsRemovedWhenNobodyAsks) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.durable_name.clear();
  config.inactive_threshold = Duration::seconds(5);
  world.open(config);
  world.pull("inbox", R"({"batch":1,"expires":10000000000})");
  world.pass(Duration::seconds(14));
  EXPECT_FALSE(world.was_removed);
  world.pass(Duration::seconds(3));
  EXPECT_TRUE(world.was_removed);
}

TEST(PullConsumer, IsKeptWhileAClientMayBeAtWork) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.inactive_threshold = Duration::seconds(5);
  config.ack_wait = Duration::seconds(60);
  config.max_deliver = 1;
  world.open(config);
  world.store("a");
  world.pull("inbox");
  world.pass(Duration::seconds(50));
  EXPECT_FALSE(world.was_removed);
  world.pass(Duration::seconds(30));
  EXPECT_TRUE(world.was_removed);
}

TEST(PullConsumer, AMillionRequestsAreBounded) {
  World world;
  world.open(World::pull_config());
  for (int i = 0; i < 100'000; ++i) world.consumer().on_pull("i", "", R"({"batch":1})");
  EXPECT_EQ(world.info().num_waiting, 512U);
}

TEST(PullConsumer, PausedKeepsRequestsAndResumesByItself) {
  World world;
  world.open(World::pull_config());
  world.consumer().pause(world.wall_now() + Duration::seconds(10));
  world.store("a", "1");
  world.pull("inbox", R"({"batch":1,"expires":60000000000,"idle_heartbeat":4000000000})");
  world.pass(Duration::seconds(9));
  EXPECT_EQ(world.texts("inbox"), "100 Idle Heartbeat,100 Idle Heartbeat");
  EXPECT_TRUE(world.info().paused);
  world.pass(Duration::millis(1001));
  EXPECT_EQ(world.texts("inbox"), "1");
  ASSERT_EQ(world.advisories.size(), 2U);
  EXPECT_EQ(world.advisories[0].target, "$JS.EVENT.ADVISORY.CONSUMER.PAUSE.S.C");
  EXPECT_NE(world.advisories[0].body.find(R"("paused":true,"pause_until":"2023-11-14T)"),
            std::string::npos);
  EXPECT_NE(world.advisories[1].body.find(R"("paused":false,"pause_until":"2023-11-14T)"),
            std::string::npos);
}

// What comes next is looked up for several deliveries at a time: what happens meanwhile counts.
TEST(PullConsumer, AFilteredConsumerSeesWhatWasRemovedAndAddedSince) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.filter_subject = "a.1";
  world.open(config);
  for (int i = 1; i <= 40; ++i) {
    world.store("a.1", std::to_string(i));
    world.store_many("a.2", 9);
  }
  world.pull("inbox", "2");
  EXPECT_EQ(world.texts("inbox"), "1,2");
  world.remove(31);  // the fourth
  world.store("a.1", "41");
  world.pull("inbox", "3");
  EXPECT_EQ(world.texts("inbox"), "3,5,6");
  world.purge(352);  // all up to the 36th
  world.pull("inbox", "10");
  EXPECT_EQ(world.texts("inbox"), "37,38,39,40,41");
  world.store("a.2");
  world.store("a.1", "42");
  world.turn();
  EXPECT_EQ(world.texts("inbox"), "42");
}

TEST(PullConsumer, AFilteredConsumerThatIsSetBackBeginsThere) {
  World world;
  ConsumerConfig config = World::pull_config();
  config.ack_policy = AckPolicy::kNone;
  config.filter_subject = "a.1";
  world.open(config);
  for (int i = 1; i <= 40; ++i) {
    world.store("a.1", std::to_string(i));
    world.store_many("a.2", 9);
  }
  world.pull("inbox", "5");
  EXPECT_EQ(world.texts("inbox"), "1,2,3,4,5");
  world.consumer().reset(12);
  world.pull("inbox", "2");
  EXPECT_EQ(world.texts("inbox"), "3,4");
  config.filter_subject = "a.2";
  world.consumer().update(config);
  world.pull("inbox", "1");
  EXPECT_EQ(world.texts("inbox"), "x");
  EXPECT_EQ(world.info().delivered.stream_seq, 32U);
}

}  // namespace
}  // namespace petrel::jetstream
