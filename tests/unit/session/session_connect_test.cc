#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

constexpr const char* kHash = "$2a$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

std::string answer_to(SessionWorld& world, const std::string& connect) {
  ClientSession& client = world.open();
  SessionWorld::take(client);
  return SessionWorld::ask(client, connect);
}

TEST(SessionConnectTest, VerboseClientsGetOk) {
  SessionWorld world;
  EXPECT_EQ(answer_to(world, "CONNECT {}\r\nSUB a 1\r\n"), "+OK\r\n+OK\r\n");
  EXPECT_EQ(answer_to(world, "CONNECT {\"verbose\":false}\r\nSUB a 1\r\n"), "");
}

TEST(SessionConnectTest, WhatCannotBeServedIsRefused) {
  SessionWorld world;
  EXPECT_EQ(answer_to(world, "CONNECT {\"protocol\":2}\r\n"), "-ERR 'invalid client protocol'\r\n");
  EXPECT_EQ(world.closed.back().reason, CloseReason::kBadClientProtocolVersion);
  EXPECT_EQ(answer_to(world, "CONNECT {\"no_responders\":true}\r\n"),
            "-ERR 'no responders requires headers support'\r\n");
  EXPECT_EQ(world.closed.back().reason, CloseReason::kNoRespondersRequiresHeaders);
  EXPECT_EQ(answer_to(world, "CONNECT {\"account\":\"a\"}\r\n"),
            "-ERR 'Authorization Violation'\r\n");
  EXPECT_EQ(answer_to(world, "CONNECT nonsense\r\n"), "");
  EXPECT_EQ(world.closed.back().reason, CloseReason::kProtocolViolation);
}

TEST(SessionConnectTest, WrongCredentialsAreAViolation) {
  SessionWorld world(config_with(one_user("1")));
  EXPECT_EQ(answer_to(world, "CONNECT {\"user\":\"ann\",\"pass\":\"2\"}\r\n"),
            "-ERR 'Authorization Violation'\r\n");
  EXPECT_EQ(world.closed.back().reason, CloseReason::kAuthenticationViolation);
  EXPECT_TRUE(world.has_logged("authentication error - User \"ann\""));
  EXPECT_EQ(answer_to(world, "SUB a 1\r\n"), "-ERR 'Authorization Violation'\r\n");
  EXPECT_EQ(answer_to(world, kConnectAnn), "");
}

TEST(SessionConnectTest, InputWaitsWhileAPasswordIsChecked) {
  SessionWorld world(config_with(one_user(kHash)));
  ClientSession& client = world.open();
  SessionWorld::take(client);
  EXPECT_EQ(SessionWorld::ask(client, std::string(kConnectAnn) + "PING\r\n"), "");
  EXPECT_EQ(SessionWorld::ask(client, "PING\r\n"), "");
  ASSERT_EQ(world.verified.size(), 1U);
  EXPECT_EQ(world.verified[0], (std::pair<std::string, std::string>(kHash, "1")));
  EXPECT_EQ(world.pauses, 1);
  client.password_verified(true);
  EXPECT_EQ(SessionWorld::take(client), "PONG\r\nPONG\r\n");
  EXPECT_EQ(world.resumes, 1);
}

TEST(SessionConnectTest, AWrongPasswordDropsTheInputThatWaited) {
  SessionWorld world(config_with(one_user(kHash)));
  ClientSession& client = world.open();
  SessionWorld::take(client);
  SessionWorld::feed(client, std::string(kConnectAnn) + "PING\r\n");
  client.password_verified(false);
  EXPECT_EQ(SessionWorld::take(client), "-ERR 'Authorization Violation'\r\n");
  EXPECT_TRUE(client.is_closed);
}

TEST(SessionConnectTest, ABusyPasswordQueueRefuses) {
  SessionWorld world(config_with(one_user(kHash)));
  world.has_workers = false;
  EXPECT_EQ(answer_to(world, kConnectAnn), "-ERR 'Authorization Violation'\r\n");
}

TEST(SessionConnectTest, LittleInputIsKeptBeforeAuthentication) {
  SessionWorld world(config_with(one_user(kHash)));
  ClientSession& client = world.open();
  SessionWorld::take(client);
  SessionWorld::feed(client, std::string(kConnectAnn) + "PING\r\n");
  SessionWorld::feed(client, std::string(70000, 'x'));
  EXPECT_EQ(client.close_reason(), CloseReason::kAuthenticationViolation);
}

TEST(SessionConnectTest, ANoAuthUserNeedsNoConnect) {
  conf::Options options;
  conf::UserOptions user;
  user.user = "guest";
  user.permissions.emplace();
  user.permissions->publish = conf::SubjectPermission{std::nullopt, {{"closed"}}};
  options.authorization.users.push_back(user);
  options.no_auth_user = "guest";
  SessionWorld world(config_with(std::make_shared<const auth::Authenticator>(options)));
  EXPECT_EQ(answer_to(world, "PUB closed 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish to \"closed\"'\r\n");
}

TEST(SessionConnectTest, ASecondConnectStartsFromNothing) {
  SessionWorld world;
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\n");
  EXPECT_EQ(SessionWorld::ask(client, "CONNECT {\"verbose\":true,\"echo\":false}\r\n"), "+OK\r\n");
  EXPECT_EQ(client.subscription_count(), 0U);
  EXPECT_EQ(SessionWorld::ask(client, "SUB a 1\r\nPUB a 1\r\nx\r\n"), "+OK\r\n+OK\r\n");
}

TEST(SessionConnectTest, AReloadClosesUsersThatAreGoneWithoutAWord) {
  SessionWorld world(config_with(one_user("1")));
  ClientSession& client = world.connected(kAnn);
  conf::Options options;
  options.authorization.user = "bob";
  options.authorization.password = "1";
  world.use(config_with(std::make_shared<const auth::Authenticator>(options)));
  client.on_config_change(true);
  EXPECT_EQ(SessionWorld::take(client), "");
  EXPECT_EQ(client.close_reason(), CloseReason::kClientClosed);
}

TEST(SessionConnectTest, AReloadKeepsUsersWithTheSameHash) {
  SessionWorld world(config_with(one_user(kHash)));
  ClientSession& client = world.open();
  SessionWorld::feed(client, kConnectAnn);
  client.password_verified(true);
  world.use(config_with(one_user(kHash)));
  client.on_config_change(true);
  EXPECT_FALSE(client.is_closed);
  EXPECT_EQ(world.verified.size(), 1U);
}

TEST(SessionConnectTest, AReloadTakesAwaySubscriptionsThatAreForbiddenNow) {
  SessionWorld world(config_with(one_user("1")));
  ClientSession& client = world.connected(kAnn);
  SessionWorld::feed(client, "SUB a 1\r\nSUB b q 2\r\nSUB c 3\r\n");
  conf::PermissionOptions permissions;
  permissions.subscribe = conf::SubjectPermission{std::nullopt, {{"a"}, {"b"}}};
  world.use(config_with(one_user("1", permissions)));
  client.on_config_change(true);
  const std::string told = SessionWorld::take(client);
  EXPECT_NE(told.find("-ERR 'Permissions Violation for Subscription to \"a\" (sid \"1\")'\r\n"),
            std::string::npos);
  EXPECT_NE(told.find("-ERR 'Permissions Violation for Subscription to \"b\" using queue \"q\" "
                      "(sid \"2\")'\r\n"),
            std::string::npos);
  EXPECT_EQ(client.subscription_count(), 1U);
  EXPECT_EQ(world.counters.subscriptions.get(), 1U);
}

}  // namespace
}  // namespace petrel::session
