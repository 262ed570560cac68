#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

conf::PermissionOptions subscribe_deny(std::string subject) {
  conf::PermissionOptions options;
  options.subscribe = conf::SubjectPermission{std::nullopt, {{std::move(subject)}}};
  return options;
}

TEST(SessionSubscriptionsTest, AnInvalidSubjectIsToldAndIgnored) {
  SessionWorld world;
  ClientSession& client = world.connected();
  EXPECT_EQ(SessionWorld::ask(client, "SUB a..b 1\r\n"), "-ERR 'Invalid Subject'\r\n");
  EXPECT_EQ(client.subscription_count(), 0U);
  EXPECT_FALSE(client.is_closed);
}

TEST(SessionSubscriptionsTest, ASidThatIsTakenKeepsItsSubject) {
  SessionWorld world;
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\nSUB b 1\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a 1\r\nx\r\nPUB b 1\r\ny\r\n"), "MSG a 1 1\r\nx\r\n");
}

TEST(SessionSubscriptionsTest, UnsubEndsAtOnceOrAfterAMaximum) {
  SessionWorld world;
  ClientSession& client = world.connected();
  const std::string publish = "PUB a 1\r\nx\r\n";
  SessionWorld::feed(client, "SUB a 1\r\nUNSUB 1 2\r\n");
  EXPECT_EQ(SessionWorld::ask(client, publish + publish + publish),
            "MSG a 1 1\r\nx\r\nMSG a 1 1\r\nx\r\n");
  EXPECT_EQ(client.subscription_count(), 0U);
  SessionWorld::feed(client, "SUB a 2\r\nUNSUB 2\r\n");
  EXPECT_EQ(SessionWorld::ask(client, publish), "");
}

TEST(SessionSubscriptionsTest, AMaximumThatIsReachedAlreadyEndsItAtOnce) {
  SessionWorld world;
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\nx\r\nUNSUB 1 2\r\n");
  EXPECT_EQ(client.subscription_count(), 0U);
}

TEST(SessionSubscriptionsTest, ForbiddenSubscriptionsAreNamed) {
  SessionWorld world(config_with(one_user("1", subscribe_deny("a"))));
  ClientSession& client = world.connected(kAnn);
  EXPECT_EQ(SessionWorld::ask(client, "SUB a 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"a\"'\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "SUB a q 2\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"a\" using queue \"q\"'\r\n");
  EXPECT_TRUE(world.has_logged("Subscription Violation - Subject \"a\", Queue: \"q\", SID 2"));
  EXPECT_EQ(client.subscription_count(), 0U);
}

TEST(SessionSubscriptionsTest, AWildcardDoesNotBringDeniedSubjects) {
  SessionWorld world(config_with(one_user("1", subscribe_deny("a.secret"))));
  ClientSession& client = world.connected(kAnn);
  SessionWorld::feed(client, "SUB a.* 1\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a.secret 1\r\nx\r\nPUB a.open 1\r\ny\r\n"),
            "MSG a.open 1 1\r\ny\r\n");
}

TEST(SessionSubscriptionsTest, TheLimitsOfAConnectionAreTold) {
  SessionConfig config;
  config.max_subscriptions = 1;
  config.max_subscription_tokens = 2;
  SessionWorld world(std::move(config));
  ClientSession& client = world.connected();
  EXPECT_EQ(SessionWorld::ask(client, "SUB a.b.c 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"a.b.c\", too many tokens'\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "SUB a 1\r\n"), "");
  EXPECT_EQ(SessionWorld::ask(client, "SUB b 2\r\n"), "-ERR 'maximum subscriptions exceeded'\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "UNSUB 1\r\nSUB b 2\r\n"), "");
}

}  // namespace
}  // namespace petrel::session
