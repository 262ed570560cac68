// The monitoring listener answers before JetStream has found its streams again.
#include "unit/server/test_client.h"

#include "petrel/server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <unistd.h>

namespace petrel::server {
namespace {

std::string http_get(uint16_t port, const std::string& path) {
  TestClient client(port);
  client.send("GET " + path + " HTTP/1.0\r\n\r\n");
  return client.rest();
}

TEST(MonitoringWhileJetStreamRecovers, AnswersAndSaysThatClientsMustWait) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("petrel-recovery-" + std::to_string(getpid()));
  std::string varz;
  std::string connz;
  std::string healthz;
  Server* server = nullptr;
  ServerOptions given;
  given.options.host = "127.0.0.1";
  given.options.port = -1;
  given.options.http_port = -1;
  given.options.petrel.loops = 2;
  given.options.jetstream.enabled = true;
  given.options.jetstream.store_dir = folder.string();
  // Written on the thread that recovers, before it begins.
  given.log = [&](LogLevel, const std::string& text) {
    if (text != "Starting JetStream") return;
    varz = http_get(server->monitor_port(), "/varz");
    connz = http_get(server->monitor_port(), "/connz");
    healthz = http_get(server->monitor_port(), "/healthz");
  };
  auto made = Server::create(std::move(given));
  ASSERT_TRUE(made);
  server = made->get();
  ASSERT_TRUE(server->start());
  EXPECT_NE(varz.find(" 200 "), std::string::npos) << varz;
  EXPECT_NE(varz.find("\"server_id\""), std::string::npos);
  EXPECT_NE(connz.find("\"num_connections\": 0"), std::string::npos) << connz;
  EXPECT_NE(healthz.find(" 500 "), std::string::npos) << healthz;
  EXPECT_NE(http_get(server->monitor_port(), "/healthz").find(" 200 "), std::string::npos);
  server->stop();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace petrel::server
