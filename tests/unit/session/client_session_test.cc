#include "petrel/session/client_session.h"

#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

TEST(ClientSessionTest, GreetsWithInfo) {
  SessionConfig config;
  config.info.server_id = "SRV";
  SessionWorld world(std::move(config));
  const std::string info = SessionWorld::take(world.open());
  EXPECT_TRUE(info.starts_with("INFO {\"server_id\":\"SRV\""));
  EXPECT_NE(info.find("\"client_id\":1,\"client_ip\":\"127.0.0.1\""), std::string::npos);
}

TEST(ClientSessionTest, ARefusedConnectionIsToldWhyAndClosed) {
  SessionWorld world;
  ClientSession& client = world.open("maximum connections exceeded");
  EXPECT_TRUE(SessionWorld::take(client).ends_with("-ERR 'maximum connections exceeded'\r\n"));
  EXPECT_EQ(client.close_reason(), CloseReason::kMaxConnectionsExceeded);
}

TEST(ClientSessionTest, InputMayBeCutAnywhere) {
  SessionWorld world;
  ClientSession& client = world.connected();
  for (const char byte : std::string("SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n")) {
    SessionWorld::feed(client, std::string(1, byte));
  }
  EXPECT_EQ(SessionWorld::take(client), "MSG a 1 2\r\nhi\r\nPONG\r\n");
}

TEST(ClientSessionTest, PingSeesWhatOtherLoopsPosted) {
  SessionWorld world;
  ClientSession& client = world.connected();
  EXPECT_EQ(SessionWorld::ask(client, "PING\r\n"), "PONG\r\n");
  EXPECT_EQ(world.syncs, 1);
}

TEST(ClientSessionTest, TheFirstPongOfANewClientIsFollowedByInfo) {
  SessionWorld world;
  ClientSession& client = world.open();
  SessionWorld::take(client);
  const std::string got =
      SessionWorld::ask(client, "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
  EXPECT_TRUE(got.starts_with("PONG\r\nINFO {"));
  EXPECT_NE(got.find("\"connect_info\":true"), std::string::npos);
  EXPECT_EQ(SessionWorld::ask(client, "PING\r\n"), "PONG\r\n");
}

TEST(ClientSessionTest, ParseErrorsAreToldAsTheServerWordsThem) {
  const std::vector<std::tuple<std::string, std::string, CloseReason>> cases = {
      {"FOO\r\n", "-ERR 'Unknown Protocol Operation'\r\n", CloseReason::kProtocolViolation},
      {"PUB a 2000000\r\n", "-ERR 'Maximum Payload Violation'\r\n",
       CloseReason::kMaxPayloadExceeded},
      {"SUB " + std::string(5000, 'x') + " 1\r\n", "-ERR 'maximum control line exceeded'\r\n",
       CloseReason::kMaxControlLineExceeded},
      {"PUB a\r\n", "", CloseReason::kProtocolViolation},
      {"-ERR 'x'\r\n", "", CloseReason::kParseError},
  };
  for (const auto& [input, answer, reason] : cases) {
    SessionWorld world;
    ClientSession& client = world.connected();
    EXPECT_EQ(SessionWorld::ask(client, input), answer) << input.substr(0, 20);
    EXPECT_EQ(client.close_reason(), reason) << input.substr(0, 20);
    ASSERT_EQ(world.closed.size(), 1U);
    EXPECT_EQ(world.closed[0].reason, reason);
  }
}

TEST(ClientSessionTest, AClosedSessionKeepsNoSubscriptions) {
  SessionWorld world;
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\nSUB b q 2\r\n");
  EXPECT_EQ(world.counters.subscriptions.get(), 2U);
  client.close(CloseReason::kReadError);
  EXPECT_EQ(world.counters.subscriptions.get(), 0U);
  EXPECT_EQ(world.router.subscriptions().size(), 0U);
  EXPECT_EQ(world.closed.at(0).subscriptions.size(), 2U);
  EXPECT_EQ(SessionWorld::ask(world.connected(), "PUB a 1\r\nx\r\nPING\r\n"), "PONG\r\n");
}

TEST(ClientSessionTest, AuthenticationMustComeInTime) {
  SessionConfig config = config_with(one_user("1"));
  config.auth_timeout = Duration::seconds(3);
  SessionWorld world(std::move(config));
  ClientSession& late = world.open();
  ClientSession& in_time = world.open();
  EXPECT_EQ(world.due(late, TimerKind::kAuthentication), world.context.now + Duration::seconds(3));
  SessionWorld::feed(in_time, kConnectAnn);
  SessionWorld::take(late);
  SessionWorld::take(in_time);
  late.on_timer(TimerKind::kAuthentication);
  in_time.on_timer(TimerKind::kAuthentication);
  EXPECT_EQ(SessionWorld::take(late), "-ERR 'Authentication Timeout'\r\n");
  EXPECT_EQ(late.close_reason(), CloseReason::kAuthenticationTimeout);
  EXPECT_FALSE(in_time.is_closed);
}

TEST(ClientSessionTest, AClientThatAnswersNoPingIsStale) {
  SessionConfig config;
  config.ping_interval = Duration::seconds(10);
  config.ping_max = 2;
  SessionWorld world(std::move(config));
  ClientSession& client = world.connected();
  EXPECT_GT(world.due(client, TimerKind::kPing), world.context.now);
  for (int i = 0; i < 2; ++i) {
    world.advance(Duration::seconds(10));
    client.on_timer(TimerKind::kPing);
    EXPECT_EQ(SessionWorld::take(client), "PING\r\n");
    EXPECT_EQ(world.due(client, TimerKind::kPing), world.context.now + Duration::seconds(10));
  }
  world.advance(Duration::seconds(10));
  client.on_timer(TimerKind::kPing);
  EXPECT_EQ(SessionWorld::take(client), "-ERR 'Stale Connection'\r\n");
  EXPECT_EQ(client.close_reason(), CloseReason::kStaleConnection);
  EXPECT_EQ(world.counters.stale_connections.get(), 1U);
}

TEST(ClientSessionTest, APongStartsTheCountAgainAndTellsTheRoundTrip) {
  SessionConfig config;
  config.ping_interval = Duration::seconds(10);
  config.ping_max = 1;
  SessionWorld world(std::move(config));
  ClientSession& client = world.connected();
  for (int i = 0; i < 5; ++i) {
    world.advance(Duration::seconds(10));
    client.on_timer(TimerKind::kPing);
    world.advance(Duration::millis(3));
    SessionWorld::feed(client, "PONG\r\n");
  }
  EXPECT_FALSE(client.is_closed);
  EXPECT_EQ(client.view({}).rtt, Duration::millis(3));
}

TEST(ClientSessionTest, ABusyClientIsNotPinged) {
  SessionConfig config;
  config.ping_interval = Duration::seconds(10);
  SessionWorld world(std::move(config));
  ClientSession& client = world.connected();
  world.advance(Duration::seconds(5));
  SessionWorld::feed(client, "SUB a 1\r\n");
  world.advance(Duration::seconds(5));
  client.on_timer(TimerKind::kPing);
  EXPECT_EQ(SessionWorld::take(client), "");
}

TEST(ClientSessionTest, AStalledPublisherIsHeldUntilTheTimer) {
  SessionWorld world;
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\n");
  client.stall();
  EXPECT_EQ(world.pauses, 1);
  EXPECT_EQ(world.due(client, TimerKind::kStall), world.context.now + Duration::millis(10));
  EXPECT_EQ(client.view({}).stalls, 1U);
  // What was read already is parsed up to its first operation; the rest waits.
  SessionWorld::feed(client, "PUB a 1\r\n1\r\nPUB a 1\r\n2\r\n");
  SessionWorld::feed(client, "PUB a 1\r\n3\r\n");
  EXPECT_EQ(SessionWorld::take(client), "MSG a 1 1\r\n1\r\n");
  client.on_timer(TimerKind::kStall);
  EXPECT_EQ(SessionWorld::take(client), "MSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n");
  EXPECT_EQ(world.resumes, 1);
}

TEST(ClientSessionTest, TooMuchPendingIsASlowConsumer) {
  SessionConfig config;
  config.max_pending = 1000;
  SessionWorld world(std::move(config));
  ClientSession& reader = world.connected();
  ClientSession& writer = world.connected();
  SessionWorld::feed(reader, "SUB a 1\r\n");
  SessionWorld::feed(writer, "PUB a 1100\r\n" + std::string(1100, 'x') + "\r\n");
  EXPECT_EQ(reader.close_reason(), CloseReason::kSlowConsumerPendingBytes);
  EXPECT_EQ(world.counters.slow_consumers.get(), 1U);
  EXPECT_TRUE(world.has_logged("Slow Consumer Detected: MaxPending of 1000 Exceeded"));
  EXPECT_FALSE(writer.is_closed);
}

TEST(ClientSessionTest, ANearlyFullReaderStallsThePublisher) {
  SessionConfig config;
  config.max_pending = 1000;
  for (const bool is_off : {false, true}) {
    config.no_fast_producer_stall = is_off;
    SessionWorld world(config);
    ClientSession& reader = world.connected();
    ClientSession& writer = world.connected();
    SessionWorld::feed(reader, "SUB a 1\r\n");
    SessionWorld::feed(writer, "PUB a 800\r\n" + std::string(800, 'x') + "\r\n");
    EXPECT_EQ(writer.view({}).stalls, is_off ? 0U : 1U);
    EXPECT_FALSE(reader.is_closed);
  }
}

TEST(ClientSessionTest, TheWriteDeadlineClosesOrIsTriedAgain) {
  SessionWorld world;
  ClientSession& closes = world.connected();
  closes.on_write_deadline();
  EXPECT_EQ(closes.close_reason(), CloseReason::kSlowConsumerWriteDeadline);
  EXPECT_TRUE(world.has_logged("Slow Consumer Detected: WriteDeadline of 10s exceeded"));

  SessionConfig retry;
  retry.retry_slow_writes = true;
  world.use(std::move(retry));
  ClientSession& goes_on = world.connected();
  SessionWorld::feed(goes_on, "PING\r\n");
  goes_on.write_goal = 1;  // the rest of what was to be taken: something was
  goes_on.on_write_deadline();
  EXPECT_FALSE(goes_on.is_closed);
  goes_on.write_goal = goes_on.outbound.pending_bytes();
  goes_on.on_write_deadline();
  EXPECT_TRUE(goes_on.is_closed);
}

TEST(ClientSessionTest, LameDuckIsToldToNewClientsThatHadTheirPong) {
  SessionWorld world;
  ClientSession& client = world.open();
  ClientSession& silent = world.open();
  SessionWorld::feed(client, "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
  SessionWorld::take(client);
  SessionWorld::take(silent);
  client.announce_lame_duck({"10.0.0.2:4222"});
  silent.announce_lame_duck({"10.0.0.2:4222"});
  const std::string info = SessionWorld::take(client);
  EXPECT_TRUE(info.starts_with("INFO {"));
  EXPECT_NE(info.find("\"ldm\":true"), std::string::npos);
  EXPECT_NE(info.find("\"connect_urls\":[\"10.0.0.2:4222\"]"), std::string::npos);
  EXPECT_EQ(SessionWorld::take(silent), "");
}

TEST(ClientSessionTest, TheViewTellsWhatPassed) {
  SessionWorld world;
  ClientSession& client = world.connected(R"("name":"n","lang":"go","version":"1.2")");
  SessionWorld::feed(client, "SUB a 1\r\nPUB a 5\r\nhello\r\n");
  const SessionView view = client.view({.subscriptions = true, .user = false});
  EXPECT_EQ(view.cid, 1U);
  EXPECT_EQ(view.name + view.lang + view.version, "ngo1.2");
  EXPECT_EQ(view.in_msgs, 1U);
  EXPECT_EQ(view.in_bytes, 5U);
  EXPECT_EQ(view.out_msgs, 1U);
  EXPECT_EQ(view.out_bytes, 5U);
  ASSERT_EQ(view.subscriptions.size(), 1U);
  EXPECT_EQ(view.subscriptions[0].delivered, 1U);
  EXPECT_EQ(world.counters.in_msgs.get(), 1U);
  EXPECT_EQ(client.log_prefix(), "127.0.0.1:5000 - cid:1 - \"v1.2:go:n\"");
}

}  // namespace
}  // namespace petrel::session
