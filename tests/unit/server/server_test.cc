#include "petrel/server.h"

#include "unit/server/test_client.h"
#include "unit/server/test_server.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <set>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace petrel::server {
namespace {

TEST(ServerTest, DeliversMessagesOnAPortOfTheSystemsChoice) {
  TestServer server;
  server.started();
  ASSERT_NE(server.port(), 0);
  TestClient subscriber(server.port());
  TestClient publisher(server.port());
  ASSERT_EQ(subscriber.connect_with(""), "PONG\r\n");
  ASSERT_EQ(publisher.connect_with(""), "PONG\r\n");
  subscriber.send("SUB orders.* 1\r\nPING\r\n");
  ASSERT_EQ(subscriber.line(), "PONG\r\n");
  publisher.send("PUB orders.eu 5\r\nhello\r\n");
  EXPECT_EQ(subscriber.line(), "MSG orders.eu 1 5\r\n");
  EXPECT_EQ(subscriber.line(), "hello\r\n");
}

TEST(ServerTest, SaysWhatNatsServerSaysAtStartAndEnd) {
  conf::Options options;
  options.server_name = "n1";
  options.max_payload = 16 << 20;
  options.feature_flags = {{"js_ack_fc_v2", true}, {"js_raft_delete_range", false}, {"own", true}};
  TestServer server(options);
  server.started();
  server->stop();
  const std::vector<std::string> expected = {
      "I Starting nats-server",
      "I   Version:  2.15.2",
      "I   Git:      [not set]",
      "I   Petrel:   0.1.0",
      "I   Name:     n1",
      "I   ID:       " + server->id(),
      "I   Feature flags:",
      "I     Configured:    js_ack_fc_v2 (opt-in), js_raft_delete_range (opt-out)",
      "I     Unsupported:   own",
      "W Maximum payloads over 8.00 MB are generally discouraged and could lead to poor "
      "performance",
      "I Listening for client connections on 127.0.0.1:" + std::to_string(server.port()),
      "I Server is ready",
      "I Initiating Shutdown...",
      "I Server Exiting..",
  };
  EXPECT_EQ(server.lines(), expected);
}

TEST(ServerTest, WarnsOfPlainPasswordsOnly) {
  conf::Options options;
  options.authorization.users = {{.user = "a", .password = "$2a$04$abcdefghijklmnopqrstuv"}};
  TestServer hashed(options);
  hashed.started();
  EXPECT_FALSE(hashed.said("Plaintext passwords"));
  options.authorization.users.push_back({.user = "b", .password = "plain"});
  TestServer plain(options);
  plain.started();
  EXPECT_TRUE(plain.said("W Plaintext passwords detected, use nkeys or bcrypt"));
}

TEST(ServerTest, SeveralServersLiveInOneProcessWithoutHearingEachOther) {
  TestServer first;
  TestServer second;
  first.started();
  second.started();
  ASSERT_NE(first.port(), second.port());
  EXPECT_NE(first->id(), second->id());
  TestClient subscriber(first.port());
  TestClient publisher(second.port());
  ASSERT_EQ(subscriber.connect_with(""), "PONG\r\n");
  ASSERT_EQ(publisher.connect_with(""), "PONG\r\n");
  subscriber.send("SUB a 1\r\nPING\r\n");
  ASSERT_EQ(subscriber.line(), "PONG\r\n");
  publisher.send("PUB a 1\r\nx\r\nPING\r\n");
  ASSERT_EQ(publisher.line(), "PONG\r\n");
  subscriber.send("PING\r\n");
  EXPECT_EQ(subscriber.line(), "PONG\r\n");
}

TEST(ServerTest, TenServersStartAndStopInOneProcess) {
  std::vector<std::unique_ptr<TestServer>> servers;
  std::set<uint16_t> ports;
  std::set<std::string> ids;
  for (int i = 0; i < 10; ++i) {
    servers.push_back(std::make_unique<TestServer>());
    servers.back()->started();
    ports.insert(servers.back()->port());
    ids.insert((*servers.back())->id());
  }
  EXPECT_EQ(ports.size(), 10U);
  EXPECT_EQ(ids.size(), 10U);
  // Half of them end; the others go on serving.
  for (int i = 0; i < 5; ++i) servers.erase(servers.begin());
  for (const auto& server : servers) {
    TestClient client(server->port());
    ASSERT_EQ(client.connect_with(""), "PONG\r\n");
    client.send("SUB a 1\r\nPUB a 1\r\nx\r\n");
    EXPECT_EQ(client.line(), "MSG a 1 1\r\n");
  }
}

TEST(ServerTest, StopClosesClientsAndFreesThePort) {
  conf::Options options;
  TestServer first(options);
  first.started();
  TestClient client(first.port());
  ASSERT_EQ(client.connect_with(""), "PONG\r\n");
  first->stop();
  first->stop();  // again: nothing happens
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(client.is_closed_by_server());
  EXPECT_EQ(first->connection_count(), 0u);
  options.port = first.port();
  TestServer second(options);
  second.started();
  TestClient again(second.port());
  EXPECT_EQ(again.connect_with(""), "PONG\r\n");
}

TEST(ServerTest, NamesThePortThatIsTaken) {
  TestServer first;
  first.started();
  conf::Options options;
  options.port = first.port();
  TestServer second(options);
  const Status status = second->start();
  ASSERT_FALSE(status);
  const std::string address = "127.0.0.1:" + std::to_string(first.port());
  EXPECT_EQ(status.error().detail, "Error listening on port: " + address + ", \"listen tcp " +
                                       address + ": bind: address already in use\"");
}

TEST(ServerTest, ChecksBcryptPasswords) {
  conf::Options options;
  // bcrypt of "secret"
  options.authorization.users = {
      {.user = "a", .password = "$2a$04$CzdyeiZJcEXd8rJtQBzKMuI9b0jQDBhIG2fjtHwyXQt0Fi1WHk2tG"}};
  TestServer server(options);
  server.started();
  TestClient wrong(server.port());
  EXPECT_EQ(wrong.connect_with("\"user\":\"a\",\"pass\":\"wrong\""),
            "-ERR 'Authorization Violation'\r\n");
  TestClient right(server.port());
  EXPECT_EQ(right.connect_with("\"user\":\"a\",\"pass\":\"secret\""), "PONG\r\n");
  EXPECT_TRUE(server.said("authentication error - User \"a\""));
}

TEST(ServerTest, RefusesConnectionsAboveTheLimit) {
  conf::Options options;
  options.max_connections = 1;
  TestServer server(options);
  server.started();
  {
    TestClient first(server.port());
    ASSERT_EQ(first.connect_with(""), "PONG\r\n");
    TestClient second(server.port());
    EXPECT_EQ(second.line().substr(0, 5), "INFO ");
    EXPECT_EQ(second.line(), "-ERR 'maximum connections exceeded'\r\n");
    EXPECT_EQ(second.line(), "");
    EXPECT_TRUE(second.is_closed_by_server());
  }
  ASSERT_TRUE(eventually([&] { return server->connection_count() == 0; }));
  TestClient third(server.port());
  EXPECT_EQ(third.connect_with(""), "PONG\r\n");
}

TEST(ServerTest, ClosesASlowConsumerAndServesTheOthers) {
  conf::Options options;
  options.max_pending = 2 << 20;
  TestServer server(options);
  server.started();
  TestClient slow(server.port());
  TestClient publisher(server.port());
  ASSERT_EQ(slow.connect_with(""), "PONG\r\n");
  ASSERT_EQ(publisher.connect_with(""), "PONG\r\n");
  slow.send("SUB big 1\r\nPING\r\n");
  ASSERT_EQ(slow.line(), "PONG\r\n");
  const std::string message = "PUB big 1000000\r\n" + std::string(1000000, 'x') + "\r\n";
  const auto is_detected = [&] {
    return server.said("Slow Consumer Detected: MaxPending of 2097152 Exceeded");
  };
  for (int sent = 0; sent < 100 && !is_detected(); ++sent) {
    publisher.send(message + "PING\r\n");
    ASSERT_EQ(publisher.line(), "PONG\r\n");
  }
  EXPECT_TRUE(is_detected());
}

TEST(ServerTest, TellsClientsTheAdvertisedAddress) {
  conf::Options options;
  options.client_advertise = "broker.example:4333";
  TestServer server(options);
  server.started();
  TestClient client(server.port());
  const std::string info = client.line();
  EXPECT_NE(info.find("\"host\":\"broker.example\",\"port\":4333"), std::string::npos) << info;
}

TEST(ServerTest, TakesTheAddressOfAClientFromTheProxyHeader) {
  conf::Options options;
  options.proxy_protocol = true;
  options.debug = true;
  TestServer server(options);
  server.started();
  EXPECT_TRUE(server.said("I PROXY protocol enabled for client connections"));
  TestClient proxied(server.port());
  EXPECT_EQ(proxied.line().find("client_ip"), std::string::npos);
  proxied.send("PROXY TCP4 192.0.2.9 198.51.100.2 5000 4222\r\n");
  proxied.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
  EXPECT_EQ(proxied.line(), "PONG\r\n");
  EXPECT_NE(proxied.line().find("\"client_ip\":\"192.0.2.9\""), std::string::npos);
  TestClient direct(server.port());
  direct.line();
  direct.send("PING\r\n");  // no header: the bytes are the client's own
  EXPECT_EQ(direct.line(), "PONG\r\n");
  TestClient broken(server.port());
  broken.line();
  broken.send("PROXY TCP9 1 2 3 4\r\n");
  EXPECT_EQ(broken.rest(), "");
  EXPECT_TRUE(server.said("Error reading PROXY protocol header from 127.0.0.1:"));
}

// Answers io_uring_setup with EPERM in this process, as container runtimes do.
bool forbid_io_uring() {
  std::array<sock_filter, 4> filter = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(ServerTest, FallsBackToEpollWithOneLineWhereIoUringIsForbidden) {
  const pid_t child = fork();
  if (child == 0) {
    if (!forbid_io_uring()) _exit(77);
    conf::Options options;
    options.petrel.backend = conf::Backend::kIoUring;
    TestServer server(options);
    server.started();
    TestClient client(server.port());
    const bool is_served = client.connect_with("") == "PONG\r\n";
    int lines = 0;
    for (const std::string& line : server.lines()) {
      lines += line.starts_with("W io_uring is not available here, using epoll");
    }
    _exit(is_served && lines == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "seccomp is not available here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ServerTest, MapsSubjects) {
  conf::Options options;
  options.mappings = {{.source = "old.*", .destinations = {{.subject = "new.$1"}}}};
  TestServer server(options);
  server.started();
  TestClient client(server.port());
  ASSERT_EQ(client.connect_with(""), "PONG\r\n");
  client.send("SUB new.a 1\r\nPUB old.a 1\r\nx\r\n");
  EXPECT_EQ(client.line(), "MSG new.a 1 1\r\n");
}

}  // namespace
}  // namespace petrel::server
