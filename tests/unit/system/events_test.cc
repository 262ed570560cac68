#include "petrel/system/events.h"

#include "petrel/proto/json_text.h"
#include "petrel/system/statsz.h"
#include "petrel/system/user_info.h"

#include <gtest/gtest.h>

namespace petrel::system {
namespace {

EventHead head() {
  return {"ID", WallTime{3'000'000'000}, R"({"name":"s"})"};
}

session::SessionView client() {
  session::SessionView view;
  view.cid = 7;
  view.ip = "127.0.0.1";
  view.start = WallTime{1'000'000'000};
  view.account = "A";
  view.user = "ann";
  view.name = "app";
  view.in_msgs = 2;
  view.in_bytes = 20;
  view.out_msgs = 3;
  view.out_bytes = 30;
  return view;
}

TEST(ConnectEvent, SaysWhoCame) {
  EXPECT_EQ(connect_event(head(), client()),
            R"({"type":"io.nats.server.advisory.v1.client_connect","id":"ID",)"
            R"("timestamp":"1970-01-01T00:00:03Z","server":{"name":"s"},)"
            R"("client":{"start":"1970-01-01T00:00:01Z","host":"127.0.0.1","id":7,"acc":"A",)"
            R"("user":"ann","name":"app","name_tag":"A","kind":"Client","client_type":"nats"}})");
}

TEST(DisconnectEvent, CallsSentWhatTheClientSent) {
  const std::string event = disconnect_event(head(), client(), "Client Closed");
  EXPECT_NE(event.find(R"("sent":{"msgs":2,"bytes":20},"received":{"msgs":3,"bytes":30},)"
                       R"("reason":"Client Closed"})"),
            std::string::npos);
  EXPECT_NE(event.find(R"("stop":"1970-01-01T00:00:03Z")"), std::string::npos);
}

TEST(ClientEvents, ABearerTokenIsNotShownAndTheSignerIs) {
  session::SessionView view = client();
  auth::JwtIdentity identity;
  identity.issuer = "ASIGNER";
  identity.is_signed_by_account = false;
  identity.is_bearer = true;
  identity.jwt = "secret";
  identity.tags = {"t"};
  view.identity = std::make_shared<const auth::JwtIdentity>(identity);
  const std::string event = connect_event(head(), view);
  EXPECT_EQ(event.find("secret"), std::string::npos);
  EXPECT_NE(event.find(R"("issuer_key":"ASIGNER")"), std::string::npos);
  EXPECT_NE(event.find(R"("tags":["t"])"), std::string::npos);
}

TEST(AccountConnectionsEvent, HasTheFiguresOfTheAccount) {
  monitor::AccountView account;
  account.name = "A";
  account.tag = "team a";
  account.client_connections = 4;
  const std::string event = account_connections_event(head(), account);
  EXPECT_NE(event.find(R"("server":{"name":"s"},"acc":"A","name":"team a","conns":4,)"
                       R"("leafnodes":0,"total_conns":4,"num_subscriptions":0,)"),
            std::string::npos);
  EXPECT_NE(event.find(R"("slow_consumers":0})"), std::string::npos);
}

TEST(CertificateEvents, ShowTheCertificateInBase64) {
  const Certificate peer{"CN=ann", "CN=ca", "print=", std::string("\x00\xff", 2)};
  EXPECT_EQ(ocsp_rejected_event(head(), peer, "client not OCSP verified"),
            R"({"type":"io.nats.server.advisory.v1.ocsp_peer_reject","id":"ID",)"
            R"("timestamp":"1970-01-01T00:00:03Z","kind":"Client",)"
            R"("peer":{"subject":"CN=ann","issuer":"CN=ca","fingerprint":"print=","raw":"AP8="},)"
            R"("server":{"name":"s"},"reason":"client not OCSP verified"})");
  const std::string link = ocsp_invalid_event(head(), peer, {.subject = "CN=mid"}, "revoked");
  EXPECT_NE(link.find(R"("link":{"subject":"CN=mid"},"peer":{"subject":"CN=ann")"),
            std::string::npos);
}

TEST(EventId, IsNewEachTime) {
  Prng prng(1);
  const std::string first = event_id(prng);
  EXPECT_EQ(first.size(), 22U);
  EXPECT_NE(first, event_id(prng));
}

TEST(StatszRamp, BeginsFastAndDoublesUpToTenSeconds) {
  StatszRamp ramp;
  const int64_t expected[] = {250, 500, 1000, 2000, 4000, 8000, 10000, 10000};
  for (const int64_t millis : expected) EXPECT_EQ(ramp.next(), Duration::millis(millis));
}

TEST(Statsz, LeavesOutTroubleThatThereIsNot) {
  Statsz statsz;
  EXPECT_EQ(statsz_json("{}", statsz).find("stale_connections"), std::string::npos);
  EXPECT_EQ(statsz_json("{}", statsz).find("jetstream"), std::string::npos);
  statsz.figures.slow_consumers = 2;
  statsz.figures.stale_connections = 1;
  const std::string json = statsz_json("{}", statsz);
  EXPECT_NE(json.find(R"("slow_consumer_stats":{"clients":2,"routes":0,"gateways":0,"leafs":0})"),
            std::string::npos);
  EXPECT_NE(json.find(R"("stale_connections":1)"), std::string::npos);
}

TEST(Statsz, DoesNotSayWhereStreamsAreStored) {
  Statsz statsz;
  statsz.jetstream.emplace();
  statsz.jetstream->store_dir = "/secret/place";
  const std::string json = statsz_json("{}", statsz);
  EXPECT_NE(json.find("\"jetstream\":{\"config\""), std::string::npos);
  EXPECT_EQ(json.find("/secret/place"), std::string::npos);
  EXPECT_TRUE(proto::json::is_valid(json));
}

TEST(UserInfo, ShowsPermissionsAndWhenTheyEnd) {
  conf::PermissionOptions options;
  options.publish.emplace();
  options.publish->allow = {{{"a.>", ""}}};
  options.subscribe.emplace();
  options.subscribe->deny = {{"b", "q"}};
  const auth::Permissions permissions(options, true);
  UserInfo info;
  info.user = "ann";
  info.account = "A";
  info.permissions = &permissions;
  info.expires = Duration::millis(2700);
  EXPECT_EQ(user_info_json(info),
            R"({"user":"ann","account":"A","permissions":{"publish":{"allow":["a.\u003e"]},)"
            R"("subscribe":{"deny":["b q"]}},"expires":2000000000})");
}

TEST(UserInfo, IsShortForOneWhoMayDoEverything) {
  EXPECT_EQ(user_info_json({.user = "u", .account = "A", .account_name = "A"}),
            R"({"user":"u","account":"A","account_name":"A"})");
}

}  // namespace
}  // namespace petrel::system
