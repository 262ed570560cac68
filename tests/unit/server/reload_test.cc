#include "unit/server/test_client.h"
#include "unit/server/test_server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace petrel::server {
namespace {

conf::UserOptions user(const std::string& name, const std::string& password) {
  return {.user = name, .password = password};
}

conf::Options as_started(const TestServer& server, conf::Options options) {
  options.host = "127.0.0.1";
  options.port = server.port();
  options.petrel.loops = 2;
  return options;
}

TEST(ReloadTest, ClosesClientsWhoseUserIsGoneAndKeepsTheOthers) {
  conf::Options options;
  options.authorization.users = {user("a", "1"), user("b", "2"), user("d", "4")};
  TestServer server(options);
  server.started();
  TestClient kept(server.port());
  TestClient gone(server.port());
  TestClient stale(server.port());
  ASSERT_EQ(stale.connect_with("\"user\":\"d\",\"pass\":\"4\""), "PONG\r\n");
  ASSERT_EQ(kept.connect_with("\"user\":\"a\",\"pass\":\"1\""), "PONG\r\n");
  ASSERT_EQ(gone.connect_with("\"user\":\"b\",\"pass\":\"2\""), "PONG\r\n");
  options.authorization.users = {user("a", "1"), user("c", "3"), user("d", "5")};
  options.digest = "sha256:new";
  const Status status = server->reload(as_started(server, options));
  ASSERT_TRUE(status) << status.error().detail;
  EXPECT_EQ(gone.rest(), "");  // without a word, as nats-server does
  EXPECT_TRUE(gone.is_closed_by_server());
  EXPECT_EQ(stale.rest(), "-ERR 'Authorization Violation'\r\n");
  kept.send("PING\r\n");
  EXPECT_EQ(kept.line(), "PONG\r\n");
  TestClient fresh(server.port());
  EXPECT_EQ(fresh.connect_with("\"user\":\"c\",\"pass\":\"3\""), "PONG\r\n");
  EXPECT_TRUE(server.said("I Reloaded: authorization users"));
  EXPECT_EQ(server.lines().back(), "I Reloaded server configuration (sha256:new)");
}

TEST(ReloadTest, PermissionsThatShrinkTakeSubscriptionsAway) {
  conf::Options options;
  options.authorization.users = {user("a", "1")};
  TestServer server(options);
  server.started();
  TestClient client(server.port());
  ASSERT_EQ(client.connect_with("\"user\":\"a\",\"pass\":\"1\""), "PONG\r\n");
  client.send("SUB open 1\r\nSUB closed 2\r\nPING\r\n");
  ASSERT_EQ(client.line(), "PONG\r\n");
  conf::PermissionOptions permissions;
  permissions.subscribe =
      conf::SubjectPermission{.allow = std::vector<conf::PermissionSubject>{{.subject = "open"}}};
  options.authorization.users[0].permissions = permissions;
  ASSERT_TRUE(server->reload(as_started(server, options)));
  EXPECT_EQ(client.line(),
            "-ERR 'Permissions Violation for Subscription to \"closed\" (sid \"2\")'\r\n");
  client.send("PUB closed 1\r\nx\r\nPUB open 1\r\ny\r\n");
  EXPECT_EQ(client.line(), "MSG open 1 1\r\n");
}

TEST(ReloadTest, ARefusedChangeChangesNothing) {
  conf::Options options;
  options.max_connections = 10;
  TestServer server(options);
  server.started();
  const size_t said = server.lines().size();
  conf::Options next = as_started(server, options);
  next.server_name = "other";
  next.max_connections = 0;
  const Status status = server->reload(next);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail, "config reload not supported for ServerName: old=, new=other");
  EXPECT_EQ(server.lines().size(), said);
  TestClient client(server.port());
  EXPECT_EQ(client.connect_with(""), "PONG\r\n");
}

TEST(ReloadTest, AMappingThatCannotBeMadeChangesNothing) {
  TestServer server;
  server.started();
  conf::Options next = as_started(server, {});
  next.mappings = {{.source = "a.*", .destinations = {{.subject = "b.$5"}}}};
  EXPECT_FALSE(server->reload(next));
  EXPECT_FALSE(server.said("Reloaded"));
}

TEST(ReloadTest, TheLogChangesLastAndOnlyIfItCanBeOpened) {
  TestServer server;
  server.started();
  conf::Options next = as_started(server, {});
  next.log_file = TestServer::kUnwritableLog;
  const Status status = server->reload(next);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail, "error opening file");
  EXPECT_FALSE(server.said("Reloaded"));
  next.log_file = "other";
  ASSERT_TRUE(server->reload(next));
  const std::vector<std::string> lines = server.lines();
  ASSERT_GE(lines.size(), 3u);
  EXPECT_EQ(lines[lines.size() - 3], "I Reloaded: log_file = other");
  EXPECT_EQ(lines[lines.size() - 2], "I log changed");
}

TEST(ReloadTest, TracingStartsForClientsThatAreHere) {
  TestServer server;
  server.started();
  TestClient client(server.port());
  ASSERT_EQ(client.connect_with(""), "PONG\r\n");
  conf::Options next = as_started(server, {});
  next.trace = true;
  ASSERT_TRUE(server->reload(next));
  client.send("PUB a 1\r\nx\r\nPING\r\n");
  ASSERT_EQ(client.line(), "PONG\r\n");
  EXPECT_TRUE(server.said("<<- [PUB a 1]"));
}

TEST(ReloadTest, FewerConnectionsCloseRandomOnes) {
  TestServer server;
  server.started();
  TestClient one(server.port());
  TestClient two(server.port());
  TestClient three(server.port());
  for (TestClient* client : {&one, &two, &three}) ASSERT_EQ(client->connect_with(""), "PONG\r\n");
  conf::Options next = as_started(server, {});
  next.max_connections = 1;
  ASSERT_TRUE(server->reload(next));
  EXPECT_TRUE(eventually([&] { return server->connection_count() == 1; }));
  EXPECT_TRUE(server.said("I Closed 2 connections to fall within max_connections"));
  EXPECT_TRUE(server.said("I Reloaded: max_connections = 1"));
  TestClient four(server.port());
  four.line();
  EXPECT_EQ(four.line(), "-ERR 'maximum connections exceeded'\r\n");
  int closed = 0;
  for (TestClient* client : {&one, &two, &three}) {
    ::shutdown(client->fd(), SHUT_WR);
    closed += client->rest() == "-ERR 'maximum connections exceeded'\r\n";
  }
  EXPECT_EQ(closed, 2);
}

TEST(ReloadTest, NewLimitsCountForClientsThatAreHere) {
  TestServer server;
  server.started();
  TestClient client(server.port());
  ASSERT_EQ(client.connect_with(""), "PONG\r\n");
  conf::Options next = as_started(server, {});
  next.max_payload = 3;
  ASSERT_TRUE(server->reload(next));
  client.send("PUB a 4\r\n");
  EXPECT_EQ(client.line(), "-ERR 'Maximum Payload Violation'\r\n");
}

TEST(ReloadTest, MovesThePidAndThePortsFile) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("reload_test_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder / "a");
  std::filesystem::create_directories(folder / "b");
  conf::Options options;
  options.pid_file = folder / "a" / "pid";
  options.ports_file_dir = folder / "a";
  TestServer server(options);
  server.started();
  const std::string ports = "nats-server_" + std::to_string(getpid()) + ".ports";
  EXPECT_TRUE(std::filesystem::exists(folder / "a" / ports));
  conf::Options next = as_started(server, options);
  next.pid_file = folder / "b" / "pid";
  next.ports_file_dir = folder / "b";
  ASSERT_TRUE(server->reload(next));
  EXPECT_FALSE(std::filesystem::exists(folder / "a" / ports));
  std::stringstream text;
  text << std::ifstream(folder / "b" / ports).rdbuf();
  EXPECT_EQ(text.str(), "{\"nats\":[\"nats://127.0.0.1:" + std::to_string(server.port()) + "\"]}");
  std::stringstream pid;
  pid << std::ifstream(folder / "b" / "pid").rdbuf();
  EXPECT_EQ(pid.str(), std::to_string(getpid()));
  server->stop();
  EXPECT_FALSE(std::filesystem::exists(folder / "b" / ports));
  EXPECT_TRUE(std::filesystem::exists(folder / "b" / "pid"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace petrel::server
