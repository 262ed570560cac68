#include "petrel/router/endpoint.h"

#include "router_fakes.h"

#include "petrel/router/account_registry.h"

#include <gtest/gtest.h>

namespace petrel::router {
namespace {

class TakingEndpoint final : public Endpoint {
 public:
  explicit TakingEndpoint(Router& router) : Endpoint(router.buffers(), router.loop()) {}
  void take(const Subscription& subscription, const Message& message) override {
    taken.append(subscription.subject()).append("|").append(message.subject);
    taken.append("|").append(message.reply()).append("|").append(message.body()).append("\n");
  }
  std::string taken;
};

class EndpointTest : public testing::Test {
 protected:
  uint32_t publish(Slice subject, Slice reply, Slice body) {
    OwnedMessage owned(subject, reply, body);
    return router_.route(account_, owned.message);
  }
  AccountInterest account_{"$G"};
  FakePort port_;
  Router router_{{0, 2, 1}, port_};
};

TEST_F(EndpointTest, TakesMessagesBesideOrdinarySubscribers) {
  TakingEndpoint endpoint(router_);
  FakeReceiver client(router_, 1);
  client.subscribe(account_, "orders.eu", "", "1");
  router_.add_endpoint(account_, endpoint, "orders.>", "");
  EXPECT_EQ(publish("orders.eu", "reply", "hello"), 2U);
  EXPECT_EQ(endpoint.taken, "orders.>|orders.eu|reply|hello\n");
  EXPECT_EQ(endpoint.outbound.pending_bytes(), 0U);
  EXPECT_EQ(router_.touched(), std::vector<Receiver*>{&client});
}

TEST_F(EndpointTest, AMessageToASubjectOfItsOwnSaysWhatItWas) {
  FakeReceiver client(router_, 1);
  client.subscribe(account_, "_INBOX.1", "", "7");
  OwnedMessage owned("orders.eu", "$JS.ACK.x", "hi");
  EXPECT_EQ(router_.route_to(account_, "_INBOX.1", owned.message), 1U);
  EXPECT_EQ(router_.route_to(account_, "_INBOX.2", owned.message), 0U);
  EXPECT_NE(client.take().find("MSG orders.eu 7 $JS.ACK.x 2\r\nhi\r\n"), std::string::npos);
}

// What observe() of the endpoint says is all that is told of it.
class TracedEndpoint final : public Endpoint {
 public:
  explicit TracedEndpoint(Router& router) : Endpoint(router.buffers(), router.loop()) {}
  void take(const Subscription& /*subscription*/, const Message& message) override {
    taken.append(message.body());
  }
  void observe(RouteObserver& observer, const Message& message) const override {
    observer.on_intake({"S", message.subject});
  }
  std::string taken;
};

class Told final : public RouteObserver {
 public:
  void on_egress(const Egress& /*egress*/) override { lines.append("egress\n"); }
  void on_service_import(Slice /*account*/, Slice /*from*/, Slice /*to*/) override {}
  void on_stream_export(Slice /*account*/, Slice /*to*/) override {}
  void on_intake(const Intake& intake) override {
    lines.append(intake.stream).append(" ").append(intake.subject).append("\n");
  }
  std::string lines;
};

TEST_F(EndpointTest, ATraceNamesNoEndpointAsReceiverAndEndsThere) {
  TracedEndpoint stream(router_);
  TakingEndpoint silent(router_);
  router_.add_endpoint(account_, stream, "orders.>", "");
  router_.add_endpoint(account_, silent, "orders.eu", "");
  const std::string header = "NATS/1.0\r\nNats-Trace-Dest: t\r\nA: b\r\n\r\n";
  OwnedMessage owned("orders.eu", "r", header + "ok", static_cast<uint32_t>(header.size()));
  Told told;
  EXPECT_EQ(router_.route_observed(account_, owned.message, told, true), 2U);
  EXPECT_EQ(stream.taken + silent.taken, "");
  EXPECT_EQ(router_.route_observed(account_, owned.message, told, false), 2U);
  EXPECT_EQ(told.lines, "S orders.eu\nS orders.eu\n");
  EXPECT_EQ(stream.taken, "NATS/1.0\r\nNats-Trace-Dest: trace disabled\r\nA: b\r\n\r\nok");
}

TEST_F(EndpointTest, TakesNothingOnceRemoved) {
  TakingEndpoint endpoint(router_);
  const uint32_t slot = router_.add_endpoint(account_, endpoint, "orders.>", "");
  EXPECT_EQ(publish("orders.eu", "", "1"), 1U);
  router_.remove_endpoint(account_, slot);
  EXPECT_EQ(publish("orders.eu", "", "2"), 0U);
  EXPECT_EQ(endpoint.taken, "orders.>|orders.eu||1\n");
}

TEST_F(EndpointTest, TakesRequestsThatOtherAccountsImport) {
  AccountRegistry accounts;
  conf::AccountOptions exporter;
  exporter.name = "E";
  exporter.exports = {{.subject = "svc.*", .is_service = true}};
  conf::AccountOptions importer;
  importer.name = "I";
  importer.imports = {{.is_service = true, .account = "E", .subject = "svc.*", .to = "far.$1"}};
  conf::Options options;
  options.accounts = {exporter, importer};
  const auto snapshot = auth::AccountSnapshot::create(options);
  ASSERT_TRUE(snapshot.is_ok());
  accounts.describe_all(**snapshot);
  TakingEndpoint endpoint(router_);
  router_.add_endpoint(accounts.get("E"), endpoint, "svc.>", "");
  OwnedMessage request("far.x", "in", "ask");
  EXPECT_EQ(router_.route(accounts.get("I"), request.message), 1U);
  EXPECT_EQ(endpoint.taken.substr(0, 16), "svc.>|svc.x|_R_.");
  EXPECT_EQ(router_.imports().pending(), 1U);
}

}  // namespace
}  // namespace petrel::router
