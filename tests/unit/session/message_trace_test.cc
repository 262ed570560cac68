#include "session/message_trace.h"

#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

std::string hpub(const std::string& subject, const std::string& headers) {
  const std::string block = "NATS/1.0\r\n" + headers + "\r\n";
  return "HPUB " + subject + " " + std::to_string(block.size()) + " " +
         std::to_string(block.size() + 2) + "\r\n" + block + "ok\r\n";
}

const std::string kToTrace = "Nats-Trace-Dest: trace\r\n";

// A client with headers and another one that hears the events.
class MessageTraceTest : public testing::Test {
 protected:
  ClientSession& listener() {
    ClientSession& client = world_.connected();
    SessionWorld::feed(client, "SUB trace 1\r\n");
    return client;
  }
  SessionWorld world_;
};

TEST(TraceOrderTest, OnlyADestinationAsksForATrace) {
  EXPECT_EQ(read_trace_order("").destination, "");
  EXPECT_EQ(read_trace_order("NATS/1.0\r\nNats-Trace-Only: true\r\n\r\n").destination, "");
  EXPECT_EQ(read_trace_order("NATS/1.0\r\nNats-Trace-Dest: trace disabled\r\n\r\n").destination,
            "");
  EXPECT_EQ(read_trace_order("NATS/1.0\r\nNats-Trace-Dest: a.b \r\n\r\n").destination, "a.b");
}

TEST(TraceOrderTest, TraceOnlyIsOneTrueOrOn) {
  for (const std::string value : {"1", "true", "TRUE", "on"}) {
    EXPECT_TRUE(
        read_trace_order("NATS/1.0\r\n" + kToTrace + "Nats-Trace-Only: " + value + "\r\n\r\n")
            .is_trace_only)
        << value;
  }
  EXPECT_FALSE(
      read_trace_order("NATS/1.0\r\n" + kToTrace + "Nats-Trace-Only: yes\r\n\r\n").is_trace_only);
}

TEST_F(MessageTraceTest, TheEventTellsWhoPublishedAndWhoGotIt) {
  ClientSession& hears = listener();
  ClientSession& client = world_.connected(R"("headers":true,"name":"n")");
  const std::string got = SessionWorld::ask(client, "SUB foo.* 2\r\n" + hpub("foo.a", kToTrace));
  EXPECT_TRUE(got.starts_with("HMSG foo.a 2 "));
  const std::string event = SessionWorld::take(hears);
  EXPECT_TRUE(event.starts_with("MSG trace 1 "));
  EXPECT_NE(event.find(R"("request":{"header":{"Nats-Trace-Dest":["trace"]},"msgsize":38})"),
            std::string::npos);
  EXPECT_NE(event.find(R"([{"type":"in","ts":"1970-01-01T00:00:01.000000000Z","kind":0,"cid":2,)"
                       R"("name":"n","acc":"$G","subj":"foo.a"},{"type":"eg",)"
                       R"("ts":"1970-01-01T00:00:01.000000000Z","kind":0,"cid":2,"name":"n",)"
                       R"("sub":"foo.*"}]})"),
            std::string::npos)
      << event;
}

TEST_F(MessageTraceTest, TheEventDescribesTheServer) {
  SessionConfig config = *world_.config;
  config.info.server_name = "s1";
  config.info.version = "1.2";
  config.tags = {"eu", "big"};
  config.metadata = {{"owner", "ops"}};
  config.feature_flags = {{"f", true}};
  world_.use(std::move(config));
  ClientSession& hears = listener();
  ClientSession& client = world_.connected("\"headers\":true");
  SessionWorld::feed(client, hpub("foo", kToTrace) + hpub("foo", kToTrace));
  const std::string events = SessionWorld::take(hears);
  EXPECT_NE(events.find(R"({"server":{"name":"s1","host":"","id":"","ver":"1.2",)"
                        R"("tags":["eu","big"],"metadata":{"owner":"ops"},)"
                        R"("feature_flags":{"f":true},"jetstream":false,"flags":0,"seq":1,)"),
            std::string::npos)
      << events;
  EXPECT_NE(events.find("\"seq\":2,"), std::string::npos);
}

TEST_F(MessageTraceTest, AForbiddenSubjectIsTold) {
  conf::PermissionOptions permissions;
  permissions.publish = conf::SubjectPermission{std::nullopt, {{"foo"}}};
  world_.use(config_with(one_user("1", permissions)));
  ClientSession& client = world_.connected(std::string(kAnn) + ",\"headers\":true");
  SessionWorld::feed(client, "SUB trace 1\r\n");
  const std::string got = SessionWorld::ask(client, hpub("foo", kToTrace));
  EXPECT_TRUE(got.starts_with("-ERR 'Permissions Violation for Publish to \"foo\"'\r\n"));
  EXPECT_NE(got.find(R"("subj":"foo","error":"Permissions Violation for Publish to \"foo\""}]})"),
            std::string::npos)
      << got;
}

TEST_F(MessageTraceTest, TraceOnlyDeliversNothing) {
  ClientSession& hears = listener();
  ClientSession& client = world_.connected("\"headers\":true");
  EXPECT_EQ(SessionWorld::ask(client, "SUB foo 2\r\nSUB foo q 3\r\n" +
                                          hpub("foo", kToTrace + "Nats-Trace-Only: true\r\n")),
            "");
  const std::string event = SessionWorld::take(hears);
  EXPECT_NE(event.find(R"("sub":"foo"})"), std::string::npos);
  EXPECT_NE(event.find(R"("sub":"foo","queue":"q"})"), std::string::npos);
  EXPECT_EQ(client.out_msgs, 0U);
}

TEST_F(MessageTraceTest, AReceiverThatDoesNotGetItSaysWhy) {
  ClientSession& hears = listener();
  ClientSession& client = world_.connected(R"("headers":true,"echo":false)");
  SessionWorld::feed(client, "SUB foo 2\r\n" + hpub("foo", kToTrace));
  EXPECT_NE(SessionWorld::take(hears).find(R"("error":"Not delivered because of no echo")"),
            std::string::npos);
}

TEST_F(MessageTraceTest, AMappingIsShown) {
  ClientSession& hears = listener();
  SessionConfig config = *world_.config;
  conf::Options options;
  options.mappings = {{.source = "foo", .destinations = {{.subject = "bar"}}}};
  auto accounts = auth::AccountSnapshot::create(options);
  ASSERT_TRUE(accounts.is_ok());
  config.accounts = std::move(accounts).value();
  world_.use(std::move(config));
  ClientSession& client = world_.connected("\"headers\":true");
  SessionWorld::feed(client, hpub("foo", kToTrace));
  EXPECT_NE(SessionWorld::take(hears).find(R"("to":"bar"})"), std::string::npos);
}

TEST_F(MessageTraceTest, AnInvalidDestinationIsLoggedAndDeliversUntraced) {
  ClientSession& client = world_.connected("\"headers\":true");
  SessionWorld::feed(client, "SUB foo 2\r\n");
  EXPECT_TRUE(SessionWorld::ask(client, hpub("foo", "Nats-Trace-Dest: a.*\r\n"))
                  .starts_with("HMSG foo 2 "));
  EXPECT_TRUE(world_.has_logged("Destination \"a.*\" is not valid, won't be able to trace events"));
  EXPECT_EQ(
      SessionWorld::ask(client, hpub("foo", "Nats-Trace-Dest: a.*\r\nNats-Trace-Only: true\r\n")),
      "");
}

TEST_F(MessageTraceTest, AForbiddenDestinationStopsTheMessage) {
  conf::PermissionOptions permissions;
  permissions.publish = conf::SubjectPermission{std::vector<conf::PermissionSubject>{{"foo"}}, {}};
  world_.use(config_with(one_user("1", permissions)));
  ClientSession& client = world_.connected(std::string(kAnn) + ",\"headers\":true");
  SessionWorld::feed(client, "SUB foo 2\r\n");
  EXPECT_EQ(SessionWorld::ask(client, hpub("foo", kToTrace)),
            "-ERR 'Permissions Violation for Publish to \"trace\"'\r\n");
}

TEST_F(MessageTraceTest, TheOldOriginHeaderTurnsTracingOff) {
  ClientSession& hears = listener();
  ClientSession& client = world_.connected("\"headers\":true");
  SessionWorld::feed(client, "SUB foo 2\r\n");
  const std::string got =
      SessionWorld::ask(client, hpub("foo", kToTrace + "Nats-Trace-Origin-Account: A\r\n"));
  EXPECT_NE(got.find("Nats-Trace-Dest: trace disabled\r\n\r\nok\r\n"), std::string::npos) << got;
  EXPECT_EQ(SessionWorld::take(hears), "");
}

// traceparent of an account that wants a part: some are traced, of the others every server is told
// to leave them alone.
TEST_F(MessageTraceTest, AnAccountTracesItsShareOfSampledMessages) {
  conf::Options options;
  conf::AccountOptions account;
  account.name = "A";
  account.trace_destination = "trace";
  account.trace_sampling = 20;
  account.users = {{.user = "ann", .password = "1"}};
  options.accounts.push_back(account);
  auto accounts = auth::AccountSnapshot::create(options);
  ASSERT_TRUE(accounts.is_ok());
  SessionConfig config;
  config.accounts = std::move(accounts).value();
  config.authenticator = std::make_shared<const auth::Authenticator>(options, config.accounts);
  world_.use(std::move(config));
  ClientSession& hears = world_.connected(kAnn);
  SessionWorld::feed(hears, "SUB trace 1\r\n");
  ClientSession& client = world_.connected(std::string(kAnn) + ",\"headers\":true");
  SessionWorld::feed(client, "SUB foo 2\r\n");
  int traced = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string got = SessionWorld::ask(client, hpub("foo", "TraceParent: 0-1-2-01\r\n"));
    const bool is_traced = !SessionWorld::take(hears).empty();
    EXPECT_NE(is_traced, got.find("Nats-Trace-Dest: trace disabled") != std::string::npos) << got;
    traced += is_traced ? 1 : 0;
  }
  EXPECT_GT(traced, 10);
  EXPECT_LT(traced, 90);
}

TEST_F(MessageTraceTest, AnEventIsPackedAsTheMessageAsks) {
  world_.context.pack_event = [](Slice headers, std::string& body) {
    body = "packed";
    return std::string(headers.find("Accept-Encoding: x") == Slice::npos ? "" : "H\r\n");
  };
  ClientSession& hears = world_.connected("\"headers\":true");
  SessionWorld::feed(hears, "SUB trace 1\r\n");
  ClientSession& client = world_.connected("\"headers\":true");
  SessionWorld::feed(client, hpub("foo", kToTrace + "Accept-Encoding: x\r\n"));
  EXPECT_EQ(SessionWorld::take(hears), "HMSG trace 1 3 9\r\nH\r\npacked\r\n");
}

}  // namespace
}  // namespace petrel::session
