// When a session begins TLS and what it says around it. Source: spec protocol.md section 9.
#include "unit/session/session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

constexpr const char* kHello = "\x16\x03\x01hello";

SessionConfig with_tls(const SessionTls& tls) {
  SessionConfig config;
  config.tls = std::make_shared<const SessionTls>(tls);
  config.info.tls_required = !tls.allows_plain;
  config.info.tls_available = tls.allows_plain;
  return config;
}

std::shared_ptr<const TlsPeer> peer(const std::string& key = "") {
  auto made = std::make_shared<TlsPeer>();
  made->version = "1.3";
  made->cipher_suite = "TLS_AES_128_GCM_SHA256";
  if (!key.empty()) made->certificates.push_back({"CN=x", key, "cert"});
  return made;
}

TEST(SessionTls, TheHandshakeFollowsInfo) {
  SessionWorld world(with_tls({}));
  ClientSession& client = world.open();
  ASSERT_EQ(world.tls_first_bytes.size(), 1U);
  EXPECT_NE(world.said_in_clear.find("\"tls_required\":true"), std::string::npos);
  client.tls_established(peer());
  EXPECT_EQ(SessionWorld::take(client), "");
  EXPECT_EQ(SessionWorld::ask(client, "PING\r\n"), "PONG\r\n");
  EXPECT_EQ(client.view({}).tls->version, "1.3");
  EXPECT_FALSE(client.view({}).tls_first);
}

TEST(SessionTls, AHandshakeThatTakesTooLongEndsWithoutAWord) {
  SessionWorld world(with_tls({.timeout = Duration::millis(500)}));
  ClientSession& client = world.open();
  ASSERT_EQ(world.due(client, TimerKind::kTls), world.context.now + Duration::millis(500));
  world.advance(Duration::millis(500));
  client.on_timer(TimerKind::kTls);
  EXPECT_EQ(client.close_reason(), CloseReason::kTlsHandshake);
  EXPECT_EQ(SessionWorld::take(client), "");
}

TEST(SessionTls, TheTimeForCredentialsBeginsAfterTheHandshake) {
  SessionConfig config = with_tls({});
  conf::Options options;
  options.authorization.token = "t";
  config.authenticator = std::make_shared<const auth::Authenticator>(options);
  SessionWorld world(std::move(config));
  ClientSession& client = world.open();
  EXPECT_EQ(world.due(client, TimerKind::kAuthentication), Instant{-1});
  client.tls_established(peer());
  EXPECT_EQ(world.due(client, TimerKind::kAuthentication),
            world.context.now + Duration::seconds(2));
}

TEST(SessionTls, HandshakeFirstHoldsInfoBack) {
  SessionWorld world(with_tls({.handshake_first = true}));
  ClientSession& client = world.open();
  ASSERT_EQ(world.tls_first_bytes.size(), 1U);
  EXPECT_EQ(world.said_in_clear, "");
  client.tls_established(peer());
  EXPECT_EQ(SessionWorld::take(client).substr(0, 5), "INFO ");
  EXPECT_TRUE(client.view({}).tls_first);
}

TEST(SessionTls, AClientThatSpeaksBeforeTheFallbackBeginsWithTls) {
  SessionWorld world(with_tls({.handshake_first = true, .first_fallback = Duration::millis(50)}));
  ClientSession& client = world.open();
  EXPECT_TRUE(world.tls_first_bytes.empty());
  EXPECT_EQ(SessionWorld::ask(client, kHello), "");
  ASSERT_EQ(world.tls_first_bytes, std::vector<std::string>{kHello});
  // The timer of the fallback is not the one of the handshake.
  world.advance(Duration::millis(50));
  client.on_timer(TimerKind::kTls);
  EXPECT_FALSE(client.is_closed);
}

TEST(SessionTls, AfterTheFallbackInfoComesFirst) {
  SessionWorld world(with_tls({.handshake_first = true, .first_fallback = Duration::millis(50)}));
  ClientSession& client = world.open();
  world.advance(Duration::millis(50));
  client.on_timer(TimerKind::kTls);
  EXPECT_EQ(world.said_in_clear.substr(0, 5), "INFO ");
  EXPECT_EQ(world.tls_first_bytes.size(), 1U);
  client.tls_established(peer());
  EXPECT_EQ(SessionWorld::take(client), "");
  EXPECT_FALSE(client.view({}).tls_first);
}

TEST(SessionTls, OnAMixedPortTheFirstByteDecides) {
  SessionWorld world(with_tls({.allows_plain = true}));
  ClientSession& plain = world.open();
  EXPECT_NE(SessionWorld::take(plain).find("\"tls_available\":true"), std::string::npos);
  EXPECT_EQ(SessionWorld::ask(plain, "PING\r\n"), "PONG\r\n");
  EXPECT_TRUE(world.tls_first_bytes.empty());
  EXPECT_EQ(plain.view({}).tls, nullptr);
  ClientSession& secure = world.open();
  SessionWorld::feed(secure, kHello);
  EXPECT_EQ(world.tls_first_bytes, std::vector<std::string>{kHello});
}

TEST(SessionTls, OnAMixedPortSilenceIsPlain) {
  SessionWorld world(with_tls({.allows_plain = true}));
  ClientSession& client = world.open();
  SessionWorld::take(client);
  world.advance(Duration::seconds(2));
  client.on_timer(TimerKind::kTls);
  EXPECT_EQ(SessionWorld::ask(client, "PING\r\n"), "PONG\r\n");
}

TEST(SessionTls, TheProxyHeaderComesBeforeTheHandshake) {
  SessionConfig config = with_tls({});
  config.proxy_protocol = true;
  SessionWorld world(std::move(config));
  ClientSession& client = world.open();
  EXPECT_TRUE(world.tls_first_bytes.empty());
  SessionWorld::feed(client, "PROXY TCP4 10.1.2.3 10.0.0.1 4000 4222\r\n" + std::string(kHello));
  EXPECT_EQ(world.tls_first_bytes, std::vector<std::string>{kHello});
  EXPECT_EQ(client.peer().ip, "10.1.2.3");
}

TEST(SessionTls, OnAMixedPortTheByteBehindTheProxyHeaderDecides) {
  SessionConfig config = with_tls({.allows_plain = true});
  config.proxy_protocol = true;
  SessionWorld world(std::move(config));
  ClientSession& secure = world.open();
  SessionWorld::feed(secure, "PROXY TCP4 10.1.2.3 10.0.0.1 4000 4222\r\n");
  EXPECT_TRUE(world.tls_first_bytes.empty());
  SessionWorld::feed(secure, kHello);
  EXPECT_EQ(world.tls_first_bytes, std::vector<std::string>{kHello});
  ClientSession& plain = world.open();
  SessionWorld::take(plain);
  EXPECT_EQ(SessionWorld::ask(plain, "PROXY TCP4 10.1.2.3 10.0.0.1 4000 4222\r\nPING\r\n"),
            "PONG\r\n");
}

TEST(SessionTls, TooManyHandshakesAreRefusedInClear) {
  SessionWorld world(with_tls({}));
  world.has_tls_room = false;
  ClientSession& client = world.open();
  EXPECT_EQ(SessionWorld::take(client),
            "-ERR 'Connection throttling is active. Please try again later.'\r\n");
  EXPECT_EQ(client.close_reason(), CloseReason::kMaxConnectionsExceeded);
}

TEST(SessionTls, OnlyPinnedCertificatesMayStay) {
  SessionWorld world(with_tls({.pinned_certs = {"aa"}}));
  ClientSession& pinned = world.open();
  pinned.tls_established(peer("aa"));
  EXPECT_FALSE(pinned.is_closed);
  ClientSession& other = world.open();
  other.tls_established(peer("bb"));
  EXPECT_EQ(other.close_reason(), CloseReason::kTlsHandshake);
  EXPECT_TRUE(world.has_logged("certificate not pinned"));
  ClientSession& without = world.open();
  without.tls_established(peer());
  EXPECT_EQ(without.close_reason(), CloseReason::kTlsHandshake);
}

TEST(SessionTls, AFailedHandshakeIsSilent) {
  SessionWorld world(with_tls({}));
  ClientSession& client = world.open();
  client.tls_failed("tls: client didn't provide a certificate", false, false);
  EXPECT_EQ(SessionWorld::take(client), "");
  EXPECT_EQ(client.close_reason(), CloseReason::kTlsHandshake);
  EXPECT_TRUE(world.has_logged("TLS handshake error: tls: client didn't provide a certificate"));
}

}  // namespace
}  // namespace petrel::session
