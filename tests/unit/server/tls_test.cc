// TLS of a whole server: hostile clients, and files that change. Source: spec protocol.md
// section 9.
#include "unit/net/tls_world.h"
#include "unit/server/test_client.h"
#include "unit/server/test_server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace petrel::server {
namespace {

class TlsServer : public testing::Test {
 protected:
  TlsServer() {
    folder_ = std::filesystem::temp_directory_path() /
              ("petrel-tls-" + std::to_string(getpid()) + "-" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    write_identity(authority_.issue());
  }
  ~TlsServer() override { std::filesystem::remove_all(folder_); }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  void write_identity(const net::TlsIdentity& identity) {
    write(folder_ / "key", identity.key);
    write(folder_ / "certificate", identity.certificates);
  }
  static conf::Options plain() {
    conf::Options options;
    options.host = "127.0.0.1";
    options.port = -1;
    options.petrel.loops = 2;
    return options;
  }
  conf::Options options() const {
    conf::Options options = plain();
    options.tls.emplace();
    options.tls->cert_file = folder_ / "certificate";
    options.tls->key_file = folder_ / "key";
    options.tls->timeout = Duration::seconds(20);
    return options;
  }
  // True when a client can do a handshake and gets PONG.
  static bool serves(uint16_t port) {
    TestClient client(port);
    client.line();
    net::MemoryClient tls;
    const auto exchange = [&] {
      client.send(tls.take());
      tls.give(client.some());
    };
    while (!tls.shake_hands()) {
      if (client.is_closed_by_server()) return false;
      exchange();
    }
    client.send(tls.encrypt("CONNECT {\"verbose\":false}\r\nPING\r\n"));
    std::string got;
    while (got.find("PONG\r\n") == std::string::npos) {
      tls.give(client.some());
      got += tls.read_all();
      if (client.is_closed_by_server()) return false;
    }
    return true;
  }

  std::filesystem::path folder_;
  net::TestAuthority authority_;
};

TEST_F(TlsServer, ServesOnBothBackEnds) {
  for (const conf::Backend backend : {conf::Backend::kEpoll, conf::Backend::kIoUring}) {
    conf::Options wanted = options();
    wanted.petrel.backend = backend;
    TestServer server(wanted);
    server.started();
    EXPECT_TRUE(serves(server.port()));
  }
}

TEST_F(TlsServer, ClosesWithoutAWordWhatIsNoTls) {
  TestServer server(options());
  server.started();
  const std::vector<std::string> openings = {
      "CONNECT {\"verbose\":false}\r\nPING\r\n", "GET / HTTP/1.1\r\n\r\n",
      std::string(100'000, '\xff'),
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(600, 'x'),
      std::string("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9) + std::string(16, 'x')};
  for (const std::string& opening : openings) {
    TestClient client(server.port());
    EXPECT_EQ(client.line().substr(0, 5), "INFO ");
    // The server may have enough before all of it is sent.
    static_cast<void>(::send(client.fd(), opening.data(), opening.size(), MSG_NOSIGNAL));
    EXPECT_EQ(client.rest().find("-ERR"), std::string::npos);
  }
  EXPECT_TRUE(serves(server.port()));
}

// Thousands of clients that begin a handshake and stop: each is closed when its time is over, and
// others are served meanwhile.
TEST_F(TlsServer, HalfOpenHandshakesEndAndHinderNobody) {
  constexpr size_t kClients = 2000;
  conf::Options wanted = options();
  wanted.tls->timeout = Duration::seconds(2);
  TestServer server(wanted);
  server.started();
  const std::string hello = [] {
    net::MemoryClient tls;
    tls.shake_hands();
    return tls.take();
  }();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<TestClient>(server.port()));
    ASSERT_TRUE(clients.back()->is_open());
    clients.back()->send(hello.substr(0, 1 + i % hello.size()));
  }
  EXPECT_TRUE(serves(server.port()));
  EXPECT_TRUE(eventually([&] { return server->connection_count() == 0; }));
  for (const auto& client : clients) {
    EXPECT_EQ(client->rest().find("-ERR"), std::string::npos);
    EXPECT_TRUE(client->is_closed_by_server());
  }
}

TEST_F(TlsServer, TakesChangedFilesWithoutASignal) {
  TestServer server(options());
  server.started();
  EXPECT_TRUE(serves(server.port()));
  const net::TlsIdentity next = authority_.issue({.subject = {{"CN", "next"}}});
  // Half of the change is no change.
  write(folder_ / "certificate", next.certificates);
  EXPECT_TRUE(eventually([&] { return server.said("the old ones stay in force"); }));
  EXPECT_TRUE(serves(server.port()));
  write(folder_ / "key", next.key);
  EXPECT_TRUE(
      eventually([&] { return server.said("TLS files changed: new connections use them"); }));
  EXPECT_TRUE(serves(server.port()));
}

TEST_F(TlsServer, AReloadTurnsTlsOnAndOff) {
  TestServer server(plain());
  server.started();
  TestClient before(server.port());
  EXPECT_EQ(before.connect_with(""), "PONG\r\n");
  ASSERT_TRUE(server->reload(options()));
  EXPECT_TRUE(serves(server.port()));
  before.send("PING\r\n");
  EXPECT_EQ(before.line(), "PONG\r\n");
  EXPECT_TRUE(server.said("Reloaded: tls = enabled"));
  ASSERT_TRUE(server->reload(plain()));
  EXPECT_TRUE(server.said("Reloaded: tls = disabled"));
  TestClient after(server.port());
  EXPECT_EQ(after.connect_with(""), "PONG\r\n");
}

TEST_F(TlsServer, AReloadWithFilesThatDoNotFitChangesNothing) {
  TestServer server(options());
  server.started();
  write(folder_ / "key", authority_.issue().key);
  const Status reloaded = server->reload(options());
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().detail.find("tls"), std::string::npos) << reloaded.error().detail;
  EXPECT_TRUE(serves(server.port()));
}

TEST_F(TlsServer, SaysHowManyHandshakesItRefused) {
  conf::Options wanted = options();
  wanted.tls->connection_rate_limit = 1;
  TestServer server(wanted);
  server.started();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(std::make_unique<TestClient>(server.port()));
  EXPECT_TRUE(eventually([&] { return server.said("connections due to TLS rate limiting"); }));
}

}  // namespace
}  // namespace petrel::server
