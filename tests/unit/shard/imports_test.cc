// Imports between accounts, on one loop and across two.
#include "tenants_world.h"

namespace petrel::shard {
namespace {

constexpr const char* kConfig = R"(
accounts {
  E { users: [{ user: e, password: p }]
      exports: [{ stream: "pub.>" }, { service: "svc.*" }, { service: "many", response: stream },
                { service: "slow", threshold: "1s" },
                { service: "timed", latency: { sampling: 100, subject: "lat" }, threshold: "2s" }] }
  I { users: [{ user: i, password: p }]
      imports: [{ stream: { account: E, subject: "pub.>" }, prefix: "e" },
                { service: { account: E, subject: "svc.*" } },
                { service: { account: E, subject: "many" } },
                { service: { account: E, subject: "slow" } },
                { service: { account: E, subject: "timed" } }] }
}
)";

// The third word of "MSG subject sid reply size".
std::string reply_of(const std::string& frame) {
  size_t at = 0;
  for (int i = 0; i < 3; ++i) at = frame.find(' ', at) + 1;
  return frame.substr(at, frame.find(' ', at) - at);
}

class ImportsTest : public testing::TestWithParam<uint16_t> {
 protected:
  TenantsWorld world_{kConfig};
  TenantsWorld::Client& exporter_ = world_.connect("e", 0);
  TenantsWorld::Client& importer_ = world_.connect("i", GetParam());
};

TEST_P(ImportsTest, AStreamComesUnderTheImportersSubject) {
  world_.say(importer_, "SUB e.> 1\r\nSUB e.pub.b q 2\r\n");
  world_.publish(exporter_, "pub.a", "x", "back");
  EXPECT_EQ(world_.take(importer_), "MSG e.pub.a 1 back 1\r\nx\r\n");
  world_.publish(exporter_, "pub.b", "y");
  const std::string both = world_.take(importer_);
  EXPECT_NE(both.find("MSG e.pub.b 1 1\r\ny\r\n"), std::string::npos);
  EXPECT_NE(both.find("MSG e.pub.b 2 1\r\ny\r\n"), std::string::npos);
  world_.say(importer_, "UNSUB 1\r\nUNSUB 2\r\n");
  world_.publish(exporter_, "pub.b", "z");
  EXPECT_EQ(world_.take(importer_), "");
  EXPECT_EQ(world_.accounts.get("E").index.stats().subscriptions, 4U);
  EXPECT_EQ(world_.accounts.get("E").shadows.load(), 0U);
}

TEST_P(ImportsTest, ARequestIsAnsweredOnceThroughAReplyOfTheExporter) {
  world_.say(exporter_, "SUB svc.a 1\r\n");
  world_.say(importer_, "SUB in.1 9\r\n");
  world_.publish(importer_, "svc.a", "ask", "in.1");
  const std::string request = world_.take(exporter_);
  const std::string reply = reply_of(request);
  ASSERT_EQ(reply.substr(0, 4), "_R_.");
  EXPECT_EQ(reply.size(), 17U);
  EXPECT_NE(request.find("Nats-Request-Info: {\"acc\":\"I\""), std::string::npos);
  world_.publish(exporter_, reply, "told");
  EXPECT_EQ(world_.take(importer_), "MSG in.1 9 4\r\ntold\r\n");
  world_.publish(exporter_, reply, "again");
  EXPECT_EQ(world_.take(importer_), "");
}

TEST_P(ImportsTest, LargeMessagesGoThroughUnchanged) {
  const std::string large(100'000, 'l');
  world_.say(exporter_, "SUB svc.a 1\r\n");
  world_.say(importer_, "SUB in.1 9\r\n");
  world_.publish(importer_, "svc.a", large, "in.1");
  const std::string request = world_.take(exporter_);
  EXPECT_NE(request.find("\r\n\r\n" + large + "\r\n"), std::string::npos);
  world_.publish(exporter_, reply_of(request), large);
  EXPECT_EQ(world_.take(importer_), "MSG in.1 9 100000\r\n" + large + "\r\n");
}

TEST_P(ImportsTest, AStreamOfAnswersEndsWithTheEmptyOne) {
  world_.say(exporter_, "SUB many 1\r\n");
  world_.say(importer_, "SUB in.1 9\r\n");
  world_.publish(importer_, "many", "ask", "in.1");
  const std::string reply = reply_of(world_.take(exporter_));
  for (const char* body : {"1", "2", "", "3"}) world_.publish(exporter_, reply, body);
  EXPECT_EQ(world_.take(importer_),
            "MSG in.1 9 1\r\n1\r\nMSG in.1 9 1\r\n2\r\nMSG in.1 9 0\r\n\r\n");
}

TEST_P(ImportsTest, AnAnswerAfterTheThresholdIsLost) {
  world_.say(exporter_, "SUB slow 1\r\n");
  world_.say(importer_, "SUB in.1 9\r\n");
  world_.publish(importer_, "slow", "ask", "in.1");
  const std::string reply = reply_of(world_.take(exporter_));
  world_.advance(Duration::millis(1001));
  world_.publish(exporter_, reply, "late");
  EXPECT_EQ(world_.take(importer_), "");
}

TEST_P(ImportsTest, LatencyIsToldInTheExportersAccount) {
  world_.say(exporter_, "SUB timed 1\r\nSUB lat 2\r\n");
  world_.say(importer_, "SUB in.1 9\r\n");
  world_.publish(importer_, "timed", "ask", "in.1");
  const std::string reply = reply_of(world_.take(exporter_));
  EXPECT_EQ(reply.substr(17), ".SERVERID.T");
  world_.advance(Duration::millis(5));
  world_.publish(exporter_, reply, "told");
  EXPECT_EQ(world_.take(importer_), "MSG in.1 9 4\r\ntold\r\n");
  const std::string event = world_.take(exporter_);
  EXPECT_NE(event.find("MSG lat 2 "), std::string::npos);
  EXPECT_NE(event.find("\"status\":200,\"requestor\":{\"acc\":\"I\""), std::string::npos);
  EXPECT_NE(event.find("\"responder\":{\"start\":"), std::string::npos) << event;
}

TEST_P(ImportsTest, RequestsWithoutReplyServiceOrAnswerAreToldToo) {
  world_.say(exporter_, "SUB lat 2\r\n");
  world_.say(importer_, "SUB in.1 9\r\n");
  world_.publish(importer_, "timed", "ask");
  EXPECT_NE(world_.take(exporter_).find("\"status\":400,\"description\":\"Bad Request\""),
            std::string::npos);
  world_.publish(importer_, "timed", "ask", "in.1");
  EXPECT_NE(world_.take(exporter_).find("\"status\":503,\"description\":\"Service Unavailable\""),
            std::string::npos);
  world_.say(exporter_, "SUB timed 1\r\n");
  world_.publish(importer_, "timed", "ask", "in.1");
  world_.take(exporter_);
  world_.advance(Duration::seconds(2));
  EXPECT_NE(world_.take(exporter_).find("\"status\":504,\"description\":\"Service Timeout\""),
            std::string::npos);
  world_.publish(importer_, "timed", "ask", "in.1");
  world_.take(exporter_);
  world_.say(importer_, "UNSUB 9\r\n");
  EXPECT_NE(world_.take(exporter_).find("\"status\":408,\"description\":\"Request Timeout\""),
            std::string::npos);
}

TEST_P(ImportsTest, AReloadChangesImportsOfThoseWhoAreHere) {
  world_.say(importer_, "SUB > 1\r\n");
  world_.say(exporter_, "SUB svc.a 1\r\n");
  std::string changed = kConfig;
  changed.replace(changed.find("prefix: \"e\""), 11, "prefix: \"f\"");
  world_.reload(changed);
  world_.publish(exporter_, "pub.a", "x");
  EXPECT_EQ(world_.take(importer_), "MSG f.pub.a 1 1\r\nx\r\n");
  world_.publish(importer_, "svc.a", "still");
  EXPECT_NE(world_.take(exporter_).find("still"), std::string::npos);
  world_.take(importer_);
  world_.reload(
      "accounts { E { users: [{ user: e, password: p }] }, I { users: [{ user: i, password: p }] } "
      "}");
  world_.publish(exporter_, "pub.a", "x");
  EXPECT_EQ(world_.take(importer_), "");
  world_.publish(importer_, "svc.a", "own");
  EXPECT_EQ(world_.take(importer_), "MSG svc.a 1 3\r\nown\r\n");
  EXPECT_EQ(world_.take(exporter_), "");
}

INSTANTIATE_TEST_SUITE_P(OnOneLoopAndAcross, ImportsTest, testing::Values(0, 1));

}  // namespace
}  // namespace petrel::shard
