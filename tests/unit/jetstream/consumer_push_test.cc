// Push consumers: interest, heartbeats, flow control, pace; priority groups of pull consumers.
#include "jetstream/consumer_push.h"

#include "consumer_world.h"

#include <gtest/gtest.h>

namespace petrel::jetstream {
namespace {

using World = ConsumerWorld;

TEST(PushConsumer, DeliversWhileSomebodyListens) {
  World world;
  world.gone.insert("push");
  world.open(World::push_config());
  world.store("a", "1");
  world.turn();
  EXPECT_EQ(world.texts("push"), "");
  EXPECT_FALSE(world.info().push_bound);
  world.gone.clear();
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.texts("push"), "1");
  EXPECT_TRUE(world.info().push_bound);
  world.gone.insert("push");
  world.store("a", "2");
  world.turn();
  EXPECT_FALSE(world.info().push_bound);
  EXPECT_EQ(world.info().delivered.consumer_seq, 1U);
}

TEST(PushConsumer, RefusesPulls) {
  World world;
  world.open(World::push_config());
  world.pull("inbox");
  EXPECT_EQ(world.texts("inbox"), "409 Consumer is push based");
}

TEST(PushConsumer, IsRemovedWithoutInterest) {
  World world;
  ConsumerConfig config = World::push_config();
  config.durable_name.clear();
  config.inactive_threshold = Duration::seconds(5);
  world.open(config);
  world.pass(Duration::seconds(20));
  EXPECT_FALSE(world.was_removed);
  world.gone.insert("push");
  world.pass(Duration::seconds(4));
  EXPECT_FALSE(world.was_removed);
  world.pass(Duration::seconds(3));
  EXPECT_TRUE(world.was_removed);
}

TEST(PushConsumer, BeatsWhenNothingWasDelivered) {
  World world;
  ConsumerConfig config = World::push_config();
  config.ack_policy = AckPolicy::kNone;
  config.max_ack_pending = 0;
  config.idle_heartbeat = Duration::seconds(1);
  world.open(config);
  world.pass(Duration::millis(900));
  world.store("a", "1");
  world.turn();
  world.pass(Duration::millis(900));
  EXPECT_EQ(world.texts("push"), "1");
  world.pass(Duration::millis(100));
  EXPECT_EQ(world.one("push").header,
            "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 1\r\n\r\n");
}

TEST(PushConsumer, AsksForFlowControlAtHalfTheWindowAndStopsAtTheWhole) {
  World world;
  ConsumerConfig config = World::push_config();
  config.ack_policy = AckPolicy::kNone;
  config.max_ack_pending = 0;
  config.flow_control = true;
  config.idle_heartbeat = Duration::seconds(1);
  world.open(config);
  const std::string body(100'000, 'x');
  for (int i = 0; i < 60; ++i) world.store("a", body);
  world.turn();
  auto sent = world.take("push");
  // 2 MiB: the request stands behind the 11th message, the 21st is beyond the window.
  ASSERT_EQ(sent.size(), 22U);
  EXPECT_EQ(sent[11].header, "NATS/1.0 100 FlowControl Request\r\n\r\n");
  const std::string reply = sent[11].reply;
  EXPECT_EQ(reply.substr(0, 11), "$JS.FC.S.C.");
  EXPECT_EQ(reply.size(), 15U);
  world.pass(Duration::seconds(1));
  EXPECT_NE(world.one("push").header.find("Nats-Consumer-Stalled: " + reply + "\r\n"),
            std::string::npos);
  world.consumer().on_flow_reply("$JS.FC.S.C.none", "");
  world.turn();
  EXPECT_EQ(world.take("push").size(), 0U);
  world.consumer().on_flow_reply(reply, "");
  world.turn();
  EXPECT_GT(world.take("push").size(), 25U);
}

TEST(PushConsumer, FlowControlAcks) {
  World world;
  ConsumerConfig config = World::push_config();
  config.ack_policy = AckPolicy::kFlowControl;
  config.ack_wait = {};
  config.flow_control = true;
  config.idle_heartbeat = Duration::seconds(1);
  config.max_ack_pending = 3;
  world.open(config);
  world.store_many("a", 5);
  world.turn();
  auto sent = world.take("push");
  ASSERT_EQ(sent.size(), 4U);
  EXPECT_EQ(sent[3].text(), "100 FlowControl Request");
  EXPECT_EQ(world.info().num_ack_pending, 3U);
  world.consumer().on_flow_reply(
      sent[3].reply, "NATS/1.0\r\nNats-Last-Consumer: 3\r\nNats-Last-Stream: 3\r\n\r\n");
  world.turn();
  EXPECT_EQ(world.info().ack_floor.stream_seq, 3U);
  EXPECT_EQ(world.take("push").size(), 2U);
  // Nothing is sent again by itself; the heartbeat asks.
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.texts("push"), "100 Idle Heartbeat,100 FlowControl Request");
}

TEST(PushConsumer, TheRateIsLimited) {
  World world;
  ConsumerConfig config = World::push_config();
  config.rate_limit_bps = 80'000;  // 10 kB in a second
  world.stream_config_.max_msg_size = 1000;
  world.open(config);
  for (int i = 0; i < 40; ++i) world.store("a", std::string(950, 'x'));
  world.turn();
  world.pass(Duration::seconds(2));
  const size_t sent = world.take("push").size();
  EXPECT_GE(sent, 18U);
  EXPECT_LE(sent, 24U);
}

TEST(PushConsumer, ReplaysAtTheOriginalPace) {
  World world;
  world.store("a", "1");
  world.open(World::pull_config());
  world.pass(Duration::seconds(3));
  world.store("a", "2");
  world.pass(Duration::seconds(2));
  ConsumerConfig config = World::push_config();
  config.replay_policy = ReplayPolicy::kOriginal;
  world.open(config);
  EXPECT_EQ(world.texts("push"), "1");
  world.pass(Duration::millis(2999));
  EXPECT_EQ(world.texts("push"), "");
  world.pass(Duration::millis(1));
  EXPECT_EQ(world.texts("push"), "2");
  world.store("a", "3");
  world.turn();
  EXPECT_EQ(world.texts("push"), "3");
}

TEST(PushConsumer, ANewDeliverSubjectGetsWhatIsPendingAgain) {
  World world;
  ConsumerConfig config = World::push_config();
  world.open(config);
  world.store("a", "1");
  world.turn();
  EXPECT_EQ(world.texts("push"), "1");
  world.gone.insert("push");
  config.deliver_subject = "other";
  world.consumer().update(config);
  world.turn();
  EXPECT_EQ(world.texts("other"), "1");
}

TEST(FlowWindow, DoublesWithEachAnswerUpToItsLimit) {
  FlowWindow flow;
  flow.begin();
  EXPECT_EQ(flow.window, 2 << 20);
  for (int i = 0; i < 10; ++i) flow.answered();
  EXPECT_EQ(flow.window, 32 << 20);
}

TEST(RateLimit, LetsABurstPassAndThenTheRate) {
  RateLimit limit;
  limit.begin(8000, 500, Instant{0});
  EXPECT_EQ(limit.take(500, Instant{0}).ns, 0);
  EXPECT_EQ(limit.take(100, Instant{0}), Duration::millis(100));
  EXPECT_EQ(limit.take(100, Instant{200'000'000}).ns, 0);
}

// --- priority groups ---

ConsumerConfig group_config(PriorityPolicy policy) {
  ConsumerConfig config = World::pull_config();
  config.priority_policy = policy;
  config.priority_groups = {"g"};
  config.priority_timeout = Duration::seconds(10);
  return config;
}

TEST(PriorityGroup, MustBeNamed) {
  World world;
  world.open(group_config(PriorityPolicy::kOverflow));
  world.pull("i", R"({"batch":1})");
  EXPECT_EQ(world.texts("i"), "400 Bad Request - Priority Group missing");
  world.pull("i", R"({"batch":1,"group":"h"})");
  EXPECT_EQ(world.texts("i"), "400 Bad Request - Invalid Priority Group");
}

TEST(PriorityGroup, OverflowServesOnlyAboveItsThresholds) {
  World world;
  world.open(group_config(PriorityPolicy::kOverflow));
  world.pull("over", R"({"batch":5,"group":"g","min_pending":3})");
  world.store_many("a", 2);
  world.turn();
  EXPECT_EQ(world.take("over").size(), 0U);
  world.store("a");
  world.turn();
  // Three are pending for the first one, two for the next.
  EXPECT_EQ(world.take("over").size(), 1U);
  world.pull("plain", R"({"batch":1,"group":"g"})");
  EXPECT_EQ(world.take("plain").size(), 1U);
}

TEST(PriorityGroup, OnlyThePinnedClientIsServed) {
  World world;
  world.open(group_config(PriorityPolicy::kPinnedClient));
  world.pull("one", R"({"batch":5,"group":"g"})");
  world.pull("two", R"({"batch":5,"group":"g"})");
  world.store_many("a", 3);
  world.turn();
  const auto sent = world.take("one");
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].header, "NATS/1.0\r\nNats-Pin-Id: ID1\r\n\r\n");
  EXPECT_EQ(world.take("two").size(), 0U);
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_NE(world.advisories[0].body.find(
                R"("account":"$G","stream":"S","consumer":"C","group":"g","pinned_id":"ID1"})"),
            std::string::npos);
  EXPECT_EQ(world.info().priority_groups[0].pinned_client_id, "ID1");
  world.pull("bad", R"({"batch":5,"group":"g","id":"other"})");
  EXPECT_EQ(world.texts("bad"), "423 Nats-Pin-Id mismatch");
}

TEST(PriorityGroup, ThePinIsLostWithoutRequests) {
  World world;
  world.open(group_config(PriorityPolicy::kPinnedClient));
  world.pull("one", R"({"batch":1,"group":"g"})");
  world.store("a");
  world.turn();
  EXPECT_EQ(world.take("one").size(), 1U);
  world.pull("two", R"({"batch":5,"group":"g"})");
  world.store("a");
  world.pass(Duration::seconds(9));
  EXPECT_EQ(world.take("two").size(), 0U);
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.take("two").size(), 1U);
  ASSERT_EQ(world.advisories.size(), 3U);
  EXPECT_NE(world.advisories[1].body.find(R"("group":"g","reason":"timeout"})"), std::string::npos);
  world.consumer().unpin("g");
  EXPECT_NE(world.advisories[3].body.find(R"("group":"g","reason":"admin"})"), std::string::npos);
}

TEST(PriorityGroup, LowerNumbersAreServedFirst) {
  World world;
  world.open(group_config(PriorityPolicy::kPrioritized));
  world.pull("five", R"({"batch":2,"group":"g","priority":5})");
  world.pull("one", R"({"batch":2,"group":"g","priority":1})");
  world.pull("uno", R"({"batch":2,"group":"g","priority":1})");
  world.pull("raw", "1");
  for (const char* body : {"1", "2", "3", "4", "5", "6", "7"}) world.store("a", body);
  world.turn();
  EXPECT_EQ(world.texts("one"), "1,3");
  EXPECT_EQ(world.texts("uno"), "2,4");
  EXPECT_EQ(world.texts("five"), "5,6");
  EXPECT_EQ(world.texts("raw"), "7");
}

}  // namespace
}  // namespace petrel::jetstream
