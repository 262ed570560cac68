#include "petrel/router/router.h"

#include "router_fakes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace petrel::router {
namespace {

class RouterTest : public testing::Test {
 protected:
  uint32_t publish(Slice subject, Slice body, Receiver* publisher = nullptr) {
    OwnedMessage owned(subject, "", body);
    owned.message.publisher = publisher;
    return router_.route(account_, owned.message);
  }
  AccountInterest account_{"$G"};
  FakePort port_;
  Router router_{{0, 2, 1}, port_};
  FakeReceiver a_{router_, 1};
  FakeReceiver b_{router_, 2};
};

TEST_F(RouterTest, DeliversToEveryMatchingSubscription) {
  a_.subscribe(account_, "a.*", "", "1");
  a_.subscribe(account_, "a.b", "", "2");
  b_.subscribe(account_, "c", "", "1");
  EXPECT_EQ(publish("a.b", "hi"), 2U);
  const std::string got = a_.take();
  EXPECT_NE(got.find("MSG a.b 1 2\r\nhi\r\n"), std::string::npos);
  EXPECT_NE(got.find("MSG a.b 2 2\r\nhi\r\n"), std::string::npos);
  EXPECT_EQ(b_.take(), "");
  EXPECT_EQ(router_.touched(), std::vector<Receiver*>{&a_});
  EXPECT_EQ(a_.out_msgs, 2U);
  EXPECT_EQ(a_.out_bytes, 4U);
}

TEST_F(RouterTest, CachedPlansFollowTheInterest) {
  const uint32_t slot = a_.subscribe(account_, "a.b", "", "1");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(publish("a.b", "x"), 1U);
  b_.subscribe(account_, "a.>", "", "1");
  EXPECT_EQ(publish("a.b", "x"), 2U);
  a_.on_max_delivered(slot);
  EXPECT_EQ(publish("a.b", "x"), 1U);
}

TEST_F(RouterTest, AShareOfManySubjectsFollowsANewOne) {
  a_.subscribe(account_, "a.*", "", "1");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(publish("a." + std::to_string(i), "x"), 1U);
  b_.subscribe(account_, "a.5", "", "1");
  EXPECT_EQ(publish("a.5", "x"), 2U);
  EXPECT_EQ(publish("a.6", "x"), 1U);
  EXPECT_NE(a_.take().find("MSG a.6 1 1\r\nx\r\n"), std::string::npos);
}

TEST_F(RouterTest, AnswersToOneInboxFollowWhoListens) {
  const uint32_t slot = a_.subscribe(account_, "_INBOX.x.*", "", "1");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(publish("_INBOX.x." + std::to_string(i), "x"), 1U);
  EXPECT_NE(a_.take().find("MSG _INBOX.x.19 1 1\r\nx\r\n"), std::string::npos);
  EXPECT_EQ(publish("_INBOX.x.1.2", "x"), 0U);
  EXPECT_EQ(publish("_INBOX.x", "x"), 0U);
  EXPECT_EQ(publish("_INBOX.y.1", "x"), 0U);
  EXPECT_EQ(publish("_INBOX.x.30", "x"), 1U);
  b_.subscribe(account_, "_INBOX.x.5", "", "1");
  EXPECT_EQ(publish("_INBOX.x.5", "x"), 2U);
  EXPECT_EQ(publish("_INBOX.x.6", "x"), 1U);
  a_.on_max_delivered(slot);
  EXPECT_EQ(publish("_INBOX.x.5", "x"), 1U);
  EXPECT_EQ(publish("_INBOX.x.6", "x"), 0U);
}

TEST_F(RouterTest, ThePublisherHearsItselfOnlyWithEcho) {
  a_.subscribe(account_, "a", "", "1");
  EXPECT_EQ(publish("a", "x", &a_), 1U);
  a_.echo = false;
  EXPECT_EQ(publish("a", "x", &a_), 0U);
  EXPECT_EQ(publish("a", "x", &b_), 1U);
}

TEST_F(RouterTest, TheLastMessageOfAMaximumEndsTheSubscription) {
  const uint32_t slot = a_.subscribe(account_, "a", "", "1");
  router_.subscriptions().at(slot).max = 2;
  EXPECT_EQ(publish("a", "1"), 1U);
  EXPECT_EQ(publish("a", "2"), 1U);
  EXPECT_EQ(publish("a", "3"), 0U);
  EXPECT_EQ(router_.subscriptions().size(), 0U);
}

TEST_F(RouterTest, ReceiversWithoutHeadersGetTheBareMessage) {
  a_.subscribe(account_, "a", "", "1");
  b_.subscribe(account_, "a", "", "2");
  b_.headers = false;
  OwnedMessage owned("a", "r", "NATS/1.0\r\n\r\nhello", 12);
  router_.route(account_, owned.message);
  EXPECT_EQ(a_.take(), "HMSG a 1 r 12 17\r\nNATS/1.0\r\n\r\nhello\r\n");
  EXPECT_EQ(b_.take(), "MSG a 2 r 5\r\nhello\r\n");
}

TEST_F(RouterTest, OneMemberOfAQueueGroupGetsEachMessage) {
  a_.subscribe(account_, "a", "q", "1");
  b_.subscribe(account_, "a", "q", "2");
  for (int i = 0; i < 200; ++i) EXPECT_EQ(publish("a", "x"), 1U);
  EXPECT_EQ(a_.out_msgs + b_.out_msgs, 200U);
  EXPECT_GT(a_.out_msgs, 50U);
  EXPECT_GT(b_.out_msgs, 50U);
}

TEST_F(RouterTest, AGroupMemberThatCannotTakeItIsPassedOver) {
  a_.subscribe(account_, "a", "q", "1");
  b_.subscribe(account_, "a", "q", "2");
  a_.is_closed = true;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(publish("a", "x"), 1U);
  EXPECT_EQ(b_.out_msgs, 20U);
}

TEST_F(RouterTest, ReceiversThatMustBeAskedAreAsked) {
  a_.subscribe(account_, "a.*", "", "1");
  a_.checks_delivery = true;
  a_.denied = "a.secret";
  EXPECT_EQ(publish("a.open", "x"), 1U);
  EXPECT_EQ(publish("a.secret", "x"), 0U);
}

TEST_F(RouterTest, RepliesAreNotedForReceiversThatTrackThem) {
  a_.subscribe(account_, "a", "", "1");
  a_.tracks_replies = true;
  OwnedMessage owned("a", "r.1", "x");
  router_.route(account_, owned.message);
  publish("a", "no reply");
  EXPECT_EQ(a_.replies, std::vector<std::string>{"r.1"});
}

TEST_F(RouterTest, LargeMessagesAreDeliveredByReference) {
  a_.subscribe(account_, "a", "", "1");
  OwnedMessage owned("a", "", std::string(5000, 'x'));
  router_.route(account_, owned.message);
  EXPECT_FALSE(owned.block.is_unique());
  EXPECT_EQ(a_.take(), "MSG a 1 5000\r\n" + std::string(5000, 'x') + "\r\n");
}

TEST_F(RouterTest, OtherLoopsGetOneBatch) {
  FakePort port;
  Router other({1, 2, 1}, port);
  FakeReceiver far(other, 1);
  far.subscribe(account_, "a", "", "7");
  EXPECT_EQ(publish("a", "1"), 1U);
  EXPECT_EQ(publish("a", "2"), 1U);
  EXPECT_TRUE(port_.posted.empty());
  router_.post_batches();
  ASSERT_EQ(port_.posted.size(), 1U);
  EXPECT_EQ(port_.posted[0].first, 1);
  other.deliver_batch(*port_.posted[0].second);
  EXPECT_EQ(far.take(), "MSG a 7 1\r\n1\r\nMSG a 7 1\r\n2\r\n");
}

TEST_F(RouterTest, ATargetThatLeftMeanwhileGetsNothing) {
  FakePort port;
  Router other({1, 2, 1}, port);
  FakeReceiver far(other, 1);
  const uint32_t slot = far.subscribe(account_, "a", "", "7");
  publish("a", "1");
  router_.post_batches();
  far.on_max_delivered(slot);
  far.subscribe(account_, "b", "", "8");  // takes the slot over
  other.deliver_batch(*port_.posted[0].second);
  EXPECT_EQ(far.take(), "");
}

TEST_F(RouterTest, AGroupMemberThatLeftMeanwhileIsReplaced) {
  FakePort port;
  Router other({1, 2, 1}, port);
  FakeReceiver leaves(other, 1);
  FakeReceiver stays(other, 2);
  const uint32_t slot = leaves.subscribe(account_, "a", "q", "7");
  publish("a", "1");
  router_.post_batches();
  leaves.on_max_delivered(slot);
  stays.subscribe(account_, "a", "q", "8");
  other.deliver_batch(*port_.posted[0].second);
  EXPECT_EQ(stays.take(), "MSG a 8 1\r\n1\r\n");
}

TEST_F(RouterTest, TooMuchPendingIsReportedUnlessAnEarlyFlushHelps) {
  a_.subscribe(account_, "a", "", "1");
  a_.max_pending = 1000;
  port_.takes_early = true;
  publish("a", std::string(1500, 'x'));
  EXPECT_FALSE(a_.is_exceeded);
  EXPECT_EQ(port_.early_flushes, 1);
  port_.takes_early = false;
  publish("a", std::string(1500, 'x'));
  EXPECT_TRUE(a_.is_exceeded);
}

TEST_F(RouterTest, ANearlyFullReceiverSlowsThePublisherDown) {
  a_.subscribe(account_, "a", "", "1");
  a_.max_pending = 1000;
  publish("a", std::string(100, 'x'));
  EXPECT_FALSE(router_.take_stall_request());
  publish("a", std::string(750, 'x'));
  EXPECT_TRUE(a_.is_congested);
  EXPECT_TRUE(router_.take_stall_request());
  EXPECT_FALSE(router_.take_stall_request());
  EXPECT_FALSE(a_.is_exceeded);
}

TEST_F(RouterTest, APublisherOfAnotherLoopIsAskedToSlowDown) {
  FakePort port;
  Router other({1, 2, 1}, port);
  FakeReceiver far(other, 1);
  far.subscribe(account_, "a", "", "7");
  far.max_pending = 1000;
  publish("a", std::string(800, 'x'), &a_);
  router_.post_batches();
  other.deliver_batch(*port_.posted[0].second);
  EXPECT_EQ(port.stalled, std::vector<ConnectionHandle>{a_.handle});
  EXPECT_FALSE(other.take_stall_request());
}

TEST_F(RouterTest, AFullInboxSlowsThePublisherDown) {
  FakePort port;
  Router other({1, 2, 1}, port);
  FakeReceiver far(other, 1);
  far.subscribe(account_, "a", "", "7");
  port_.waiting_bytes = size_t{100} << 20;
  publish("a", std::string(2 << 20, 'x'));
  EXPECT_TRUE(router_.take_stall_request());
  EXPECT_EQ(port_.posted.size(), 1U);
}

TEST_F(RouterTest, OwnSubscriptionIsTheReceiversPlainOne) {
  a_.subscribe(account_, "r.*", "q", "1");
  b_.subscribe(account_, "r.*", "", "2");
  EXPECT_EQ(router_.own_subscription(account_, a_, "r.1"), nullptr);
  const Subscription* own = router_.own_subscription(account_, b_, "r.1");
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->sid(), "2");
}

class SeenEgress final : public RouteObserver {
 public:
  void on_egress(const Egress& egress) override {
    lines.push_back(std::string(egress.subject) + "/" + std::string(egress.queue) + "/" +
                    std::to_string(static_cast<int>(egress.outcome)) +
                    (egress.receiver == nullptr ? " elsewhere" : ""));
  }
  void on_service_import(Slice account, Slice from, Slice to) override {
    lines.push_back("import " + std::string(account) + " " + std::string(from) + " " +
                    std::string(to));
  }
  void on_stream_export(Slice account, Slice to) override {
    lines.push_back("export " + std::string(account) + " " + std::string(to));
  }
  void on_intake(const Intake& intake) override {
    lines.push_back("taken " + std::string(intake.stream) + " " + std::string(intake.subject));
  }
  std::vector<std::string> lines;
};

TEST_F(RouterTest, AnObservedRouteTellsEveryStep) {
  FakePort port;
  Router other({1, 2, 1}, port);
  FakeReceiver far(other, 1);
  a_.subscribe(account_, "a.*", "", "1");
  a_.echo = false;
  b_.subscribe(account_, "a.b", "", "1");
  b_.subscribe(account_, "a.b", "q", "2");
  far.subscribe(account_, "a.>", "", "1");
  for (const bool is_dry : {true, false}) {
    SeenEgress seen;
    OwnedMessage owned("a.b", "", "x");
    owned.message.publisher = &a_;
    EXPECT_EQ(router_.route_observed(account_, owned.message, seen, is_dry), 3U);
    std::sort(seen.lines.begin(), seen.lines.end());
    EXPECT_EQ(seen.lines,
              (std::vector<std::string>{"//0 elsewhere", "a.*//2", "a.b//0", "a.b/q/0"}));
    EXPECT_EQ(b_.take(), is_dry ? "" : "MSG a.b 1 1\r\nx\r\nMSG a.b 2 1\r\nx\r\n");
    router_.post_batches();
    EXPECT_EQ(port_.posted.size(), is_dry ? 0U : 1U);
  }
}

}  // namespace
}  // namespace petrel::router
