#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

SessionConfig behind_proxy() {
  SessionConfig config;
  config.proxy_protocol = true;
  return config;
}

TEST(SessionProxyTest, TheHeaderNamesThePeer) {
  SessionWorld world(behind_proxy());
  ClientSession& client = world.open();
  SessionWorld::take(client);
  SessionWorld::feed(client, "PROXY TCP4 10.1.2.3 10.0.0.1 5");
  EXPECT_EQ(SessionWorld::ask(client, "1234 4222\r\nPING\r\n"), "PONG\r\n");
  EXPECT_EQ(client.peer().ip, "10.1.2.3");
  EXPECT_EQ(client.peer().port, 51234);
}

TEST(SessionProxyTest, AHeaderThatDoesNotComeClosesTheConnection) {
  SessionWorld world(behind_proxy());
  ClientSession& client = world.open();
  EXPECT_EQ(world.due(client, TimerKind::kProxyHeader), world.context.now + Duration::seconds(5));
  client.on_timer(TimerKind::kProxyHeader);
  EXPECT_EQ(client.close_reason(), CloseReason::kProtocolViolation);
}

}  // namespace
}  // namespace petrel::session
