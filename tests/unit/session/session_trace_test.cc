#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

SessionConfig traced() {
  SessionConfig config;
  config.trace = true;
  return config;
}

TEST(SessionTraceTest, BothDirectionsAreWritten) {
  SessionWorld world(traced());
  ClientSession& client = world.connected();
  SessionWorld::feed(client, "SUB a 1\r\nPUB a r 2\r\nhi\r\nUNSUB 1\r\nPING\r\n");
  for (const char* line :
       {"<<- [SUB a 1]", "<<- [PUB a r 2]", "<<- MSG_PAYLOAD: [\"hi\"]", "->> [MSG a 1 r 2]",
        "<<- [UNSUB 1]", "<-> [DELSUB 1]", "<<- [PING]", "->> [PONG]"}) {
    EXPECT_TRUE(world.has_logged(line)) << line;
  }
}

TEST(SessionTraceTest, PasswordsAreNotWritten) {
  SessionWorld world(traced());
  world.connected(R"("user":"ann","pass":"s3cret","auth_token":"t0ken")");
  EXPECT_TRUE(world.has_logged("<<- [CONNECT "));
  EXPECT_FALSE(world.has_logged("s3cret"));
  EXPECT_FALSE(world.has_logged("t0ken"));
}

TEST(SessionTraceTest, LongPayloadsAreCutInsideTheQuotes) {
  SessionConfig config = traced();
  config.max_traced_bytes = 3;
  SessionWorld world(std::move(config));
  SessionWorld::feed(world.connected(), "PUB a 5\r\nhello\r\n");
  EXPECT_TRUE(world.has_logged("<<- MSG_PAYLOAD: [\"hel...\"]"));
}

TEST(SessionTraceTest, NothingIsWrittenWithoutTrace) {
  SessionWorld world;
  SessionWorld::feed(world.connected(), "SUB a 1\r\nPUB a 2\r\nhi\r\n");
  EXPECT_TRUE(world.logs.empty());
}

}  // namespace
}  // namespace petrel::session
