// The monitoring listener answers before JetStream has found its streams again; clients are
// refused.
#include "unit/server/test_client.h"

#include "petrel/server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace petrel::server {
namespace {

std::string http_get(uint16_t port, const std::string& path) {
  TestClient client(port);
  client.send("GET " + path + " HTTP/1.0\r\n\r\n");
  return client.rest();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class MonitoringWhileJetStreamRecovers : public testing::Test {
 protected:
  ~MonitoringWhileJetStreamRecovers() override { std::filesystem::remove_all(folder_); }

  // `on_line` sees each line of the log on the thread that recovers, which waits meanwhile.
  std::unique_ptr<Server> create(std::function<void(const Server&, const std::string&)> on_line) {
    ServerOptions given;
    given.options.host = "127.0.0.1";
    given.options.port = -1;
    given.options.http_port = -1;
    given.options.petrel.loops = 2;
    given.options.jetstream.enabled = true;
    given.options.jetstream.store_dir = folder_.string();
    auto server = std::make_shared<Server*>(nullptr);
    given.log = [server, on_line = std::move(on_line)](LogLevel, const std::string& text) {
      if (*server != nullptr) on_line(**server, text);
    };
    auto made = Server::create(std::move(given));
    EXPECT_TRUE(made);
    *server = made->get();
    return *std::move(made);
  }

  void store_streams(const std::vector<std::string>& names) {
    const std::unique_ptr<Server> server = create([](const Server&, const std::string&) {});
    ASSERT_TRUE(server->start());
    TestClient client(server->client_port());
    client.line();
    client.send("CONNECT {\"verbose\":false}\r\nSUB r 1\r\n");
    for (const std::string& name : names) {
      const std::string config = "{\"name\":\"" + name + "\"}";
      client.send("PUB $JS.API.STREAM.CREATE." + name + " r " + std::to_string(config.size()) +
                  "\r\n" + config + "\r\n");
      client.line();
      EXPECT_TRUE(contains(client.line(), "\"did_create\":true"));
    }
    server->stop();
  }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("petrel-recovery-" + std::to_string(getpid()));
};

TEST_F(MonitoringWhileJetStreamRecovers, AnswersBeforeTheStoreWasLookedAt) {
  std::string varz;
  std::string connz;
  std::string healthz;
  const std::unique_ptr<Server> server = create([&](const Server& of, const std::string& line) {
    if (line != "Starting JetStream") return;
    varz = http_get(of.monitor_port(), "/varz");
    connz = http_get(of.monitor_port(), "/connz");
    healthz = http_get(of.monitor_port(), "/healthz");
  });
  ASSERT_TRUE(server->start());
  EXPECT_TRUE(contains(varz, " 200 ")) << varz;
  EXPECT_TRUE(contains(varz, "\"server_id\""));
  EXPECT_TRUE(contains(connz, "\"num_connections\": 0")) << connz;
  EXPECT_TRUE(contains(healthz, " 503 ")) << healthz;
  EXPECT_TRUE(contains(http_get(server->monitor_port(), "/healthz"), " 200 "));
}

TEST_F(MonitoringWhileJetStreamRecovers, SaysHowManyStreamsAreFoundAndRefusesClients) {
  store_streams({"A", "B", "C"});
  std::vector<std::string> seen;
  std::vector<std::string> told;
  bool was_refused = true;
  const std::unique_ptr<Server> server = create([&](const Server& of, const std::string& line) {
    if (contains(line, "Recovering streams")) told.push_back(line);
    if (!contains(line, "Restored 0 messages for stream")) return;
    const std::string health = http_get(of.monitor_port(), "/healthz?js-enabled-only=true");
    seen.push_back(contains(health, " 503 ") ? health.substr(health.find('{')) : health);
    was_refused = was_refused && !TestClient(of.client_port()).is_open();
  });
  ASSERT_TRUE(server->start());
  const auto recovering = [](int count) {
    return R"({"status":"unavailable","error":"recovering )" + std::to_string(count) +
           R"( of 3 streams"})";
  };
  // A stream is counted after its line.
  EXPECT_EQ(seen, (std::vector<std::string>{recovering(0), recovering(1), recovering(2)}));
  EXPECT_EQ(told, std::vector<std::string>{"Recovering streams: 3"});
  EXPECT_TRUE(was_refused);
  EXPECT_TRUE(TestClient(server->client_port()).is_open());
  EXPECT_TRUE(contains(http_get(server->monitor_port(), "/healthz"), " 200 "));
}

}  // namespace
}  // namespace petrel::server
