#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

conf::PermissionOptions publish_deny(std::string subject) {
  conf::PermissionOptions options;
  options.publish = conf::SubjectPermission{std::nullopt, {{std::move(subject)}}};
  return options;
}

TEST(SessionPublishTest, TheControlLineMayBeWrittenLoosely) {
  SessionWorld world;
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "pub\ta   r\t2\r\nhi\r\n"), "MSG a 1 r 2\r\nhi\r\n");
}

TEST(SessionPublishTest, PedanticClientsHearOfWildcards) {
  SessionWorld world;
  ClientSession& client = world.connected("\"pedantic\":true");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a.* 1\r\nx\r\n"), "-ERR 'Invalid Publish Subject'\r\n");
  EXPECT_FALSE(client.is_closed);
}

TEST(SessionPublishTest, WithoutEchoOwnMessagesDoNotComeBack) {
  SessionWorld world;
  ClientSession& client = world.connected("\"echo\":false");
  EXPECT_EQ(SessionWorld::ask(client, "SUB a 1\r\nPUB a 1\r\nx\r\n"), "");
  SessionWorld::feed(world.connected(), "PUB a 1\r\ny\r\n");
  EXPECT_EQ(SessionWorld::take(client), "MSG a 1 1\r\ny\r\n");
}

TEST(SessionPublishTest, ForbiddenSubjectsAreNamed) {
  SessionWorld world(config_with(one_user("1", publish_deny("a"))));
  ClientSession& client = world.connected(kAnn);
  SessionWorld::feed(client, "SUB > 1\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a 1\r\nx\r\n"),
            "-ERR 'Permissions Violation for Publish to \"a\"'\r\n");
  EXPECT_TRUE(world.has_logged("Publish Violation - Subject \"a\""));
  EXPECT_EQ(SessionWorld::ask(client, "PUB b 1\r\nx\r\n"), "MSG b 1 1\r\nx\r\n");
}

TEST(SessionPublishTest, ReservedSubjectsAndRepliesAreRefused) {
  SessionWorld world;
  ClientSession& client = world.connected();
  EXPECT_EQ(SessionWorld::ask(client, "PUB $GR.a 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish to \"$GR.a\"'\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a _R_.x 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish with Reply of \"_R_.x\"'\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a _INBOX.x 0\r\n\r\n"), "");
}

TEST(SessionPublishTest, ARequestNobodyHearsIsAnswered) {
  SessionWorld world;
  ClientSession& client = world.connected("\"headers\":true,\"no_responders\":true");
  SessionWorld::feed(client, "SUB r.* 9\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a.b r.1 1\r\nx\r\n"),
            "HMSG r.1 9 35 35\r\nNATS/1.0 503\r\nNats-Subject: a.b\r\n\r\n\r\n");
  ClientSession& responder = world.connected();
  SessionWorld::feed(responder, "SUB a.* 1\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "PUB a.b r.1 1\r\nx\r\n"), "");
  ClientSession& plain = world.connected("\"headers\":true");
  SessionWorld::feed(plain, "SUB r.* 9\r\n");
  EXPECT_EQ(SessionWorld::ask(plain, "PUB nobody r.1 1\r\nx\r\n"), "");
}

TEST(SessionPublishTest, ResponsesMayBeSentSoOftenAndSoLong) {
  conf::PermissionOptions permissions;
  permissions.allow_responses = conf::ResponsePermission{2, Duration::seconds(10)};
  SessionWorld world(config_with(one_user("1", permissions)));
  ClientSession& responder = world.connected(kAnn);
  SessionWorld::feed(responder, "SUB a 1\r\n");
  const std::string refused = "-ERR 'Permissions Violation for Publish to \"r\"'\r\n";
  EXPECT_EQ(SessionWorld::ask(responder, "PUB r 0\r\n\r\n"), refused);

  world.use(config_with(one_user("1")));  // the requestor may publish everything
  ClientSession& requestor = world.connected(kAnn);
  SessionWorld::feed(requestor, "PUB a r 0\r\n\r\n");
  SessionWorld::take(responder);
  EXPECT_EQ(SessionWorld::ask(responder, "PUB r 0\r\n\r\nPUB r 0\r\n\r\n"), "");
  EXPECT_EQ(SessionWorld::ask(responder, "PUB r 0\r\n\r\n"), refused);

  SessionWorld::feed(requestor, "PUB a r 0\r\n\r\n");
  SessionWorld::take(responder);
  world.advance(Duration::seconds(11));
  EXPECT_EQ(SessionWorld::ask(responder, "PUB r 0\r\n\r\n"), refused);
}

// What was allowed is not looked up again, until the user changes.
TEST(SessionPublishTest, APermissionHoldsUntilItIsTakenAway) {
  const auto allowing = [](const std::string& subject) {
    conf::PermissionOptions permissions;
    permissions.publish =
        conf::SubjectPermission{std::vector<conf::PermissionSubject>{{subject, ""}}, {}};
    return config_with(one_user("1", permissions));
  };
  SessionWorld world(allowing("a.>"));
  ClientSession& client = world.connected(kAnn);
  std::string many;
  for (int i = 0; i < 40; ++i) {
    const std::string publish = "PUB a." + std::to_string(i % 20) + " 1\r\nx\r\n";
    many += publish + publish + publish;
  }
  EXPECT_EQ(SessionWorld::ask(client, many), "");
  EXPECT_EQ(SessionWorld::ask(client, "PUB b 1\r\nx\r\nPUB a.1 1\r\nx\r\n"),
            "-ERR 'Permissions Violation for Publish to \"b\"'\r\n");
  world.use(allowing("b"));
  client.on_config_change(true);
  EXPECT_EQ(SessionWorld::ask(client, "PUB a.1 1\r\nx\r\nPUB b 1\r\nx\r\nPUB b 1\r\nx\r\n"),
            "-ERR 'Permissions Violation for Publish to \"a.1\"'\r\n");
}

TEST(SessionPublishTest, HeadersNeedAConnectThatAsksForThem) {
  SessionWorld world;
  ClientSession& client = world.connected();
  EXPECT_EQ(SessionWorld::ask(client, "HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n"), "");
  EXPECT_EQ(client.close_reason(), CloseReason::kProtocolViolation);
}

}  // namespace
}  // namespace petrel::session
