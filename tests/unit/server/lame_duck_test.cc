#include "server/lame_duck.h"

#include "unit/server/test_client.h"
#include "unit/server/test_server.h"

#include <gtest/gtest.h>

#include <atomic>

namespace petrel::server {
namespace {

TEST(CloseIntervalTest, SpreadsClientsWithinASecondEach) {
  EXPECT_EQ(close_interval(Duration::seconds(110), 1), Duration::seconds(1));
  EXPECT_EQ(close_interval(Duration::seconds(110), 1100), Duration::millis(100));
  EXPECT_EQ(close_interval(Duration::nanos(5), 10), Duration::nanos(1));
  EXPECT_EQ(close_interval(Duration::seconds(-1), 2), Duration::millis(500));
}

conf::Options quick() {
  conf::Options options;
  options.lame_duck_duration = Duration::millis(200);
  options.lame_duck_grace_period = Duration::millis(50);
  return options;
}

TEST(LameDuckTest, WithoutClientsIsOverAtOnce) {
  conf::Options options = quick();
  options.lame_duck_duration = Duration::hours(2);
  options.lame_duck_grace_period = Duration::hours(1);
  TestServer server(options);
  server.started();
  std::atomic<int> done{0};
  server->enter_lame_duck([&] { ++done; });
  EXPECT_TRUE(eventually([&] { return done == 1; }));
  EXPECT_TRUE(server.said("I Entering lame duck mode, stop accepting new clients"));
}

TEST(LameDuckTest, TellsClientsTakesNoMoreAndClosesThem) {
  TestServer server(quick());
  server.started();
  TestClient told(server.port());
  ASSERT_EQ(told.connect_with(""), "PONG\r\n");
  TestClient silent(server.port());  // has not said that it understands such an INFO
  silent.line();
  silent.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
  ASSERT_EQ(silent.line(), "PONG\r\n");
  std::atomic<int> done{0};
  server->enter_lame_duck([&] { ++done; });
  server->enter_lame_duck([&] { done += 100; });  // a second time: nothing happens
  EXPECT_TRUE(server->is_lame_duck());
  const std::string info = told.line();
  EXPECT_EQ(info.substr(0, 5), "INFO ");
  EXPECT_NE(info.find("\"ldm\":true"), std::string::npos) << info;
  EXPECT_FALSE(TestClient(server.port()).is_open());
  told.send("PING\r\n");
  EXPECT_EQ(told.rest(), "PONG\r\n");
  EXPECT_EQ(silent.rest(), "");
  EXPECT_TRUE(silent.is_closed_by_server());
  EXPECT_TRUE(eventually([&] { return done == 1; }));
  EXPECT_TRUE(server.said("I Closing existing clients"));
}

TEST(LameDuckTest, StopEndsIt) {
  conf::Options options = quick();
  options.lame_duck_duration = Duration::hours(2);
  options.lame_duck_grace_period = Duration::hours(1);
  TestServer server(options);
  server.started();
  TestClient client(server.port());
  ASSERT_EQ(client.connect_with(""), "PONG\r\n");
  std::atomic<int> done{0};
  server->enter_lame_duck([&] { ++done; });
  EXPECT_NE(client.line().find("\"ldm\":true"), std::string::npos);
  server->stop();
  EXPECT_EQ(done, 0);
  EXPECT_EQ(client.rest(), "");
}

}  // namespace
}  // namespace petrel::server
