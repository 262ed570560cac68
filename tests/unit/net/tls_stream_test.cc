#include "petrel/net/tls_stream.h"

#include "unit/net/tls_world.h"

#include <gtest/gtest.h>

#include <array>
#include <malloc.h>

namespace petrel::net {
namespace {

class TlsStreamTest : public testing::Test {
 protected:
  void serve(TlsSettings settings = {}) {
    if (settings.identities.empty()) settings.identities = {authority_.issue()};
    context_ = make_context(settings);
    ASSERT_NE(context_, nullptr);
    stream_ = std::make_unique<TlsStream>(context_);
  }
  void connect(const ClientWish& wish = {}) { client_ = std::make_unique<MemoryClient>(wish); }

  // Until neither side has anything to say.
  void shake_hands() {
    for (int round = 0; round < 8; ++round) {
      client_->shake_hands();
      const std::string wire = client_->take();
      std::string out;
      stream_->feed(wire);
      stream_->advance(out);
      client_->give(out);
      if (wire.empty() && out.empty()) return;
    }
  }
  std::string receive(const std::string& wire) {
    std::string plain;
    std::string out;
    std::array<char, 1000> chunk;
    stream_->feed(wire);
    while (const size_t n = stream_->read(chunk, out)) plain.append(chunk.data(), n);
    client_->give(out);
    return plain;
  }
  size_t send(const std::vector<std::string>& texts, size_t skip, size_t wire_max,
              std::string& out) {
    std::vector<iovec> parts;
    for (const std::string& text : texts)
      parts.push_back({const_cast<char*>(text.data()), text.size()});
    return stream_->write(parts, skip, wire_max, out);
  }

  TestAuthority authority_;
  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<TlsStream> stream_;
  std::unique_ptr<MemoryClient> client_;
};

class TlsVersions : public TlsStreamTest, public testing::WithParamInterface<int> {};

TEST_P(TlsVersions, CarriesBytesBothWays) {
  serve();
  connect({.version = GetParam()});
  shake_hands();
  ASSERT_EQ(stream_->state(), TlsStream::State::kOpen) << stream_->failure().text;
  std::string large(100'000, 'x');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7);
  EXPECT_EQ(receive(client_->encrypt(large)), large);
  std::string wire;
  EXPECT_EQ(send({"a", large, "", "bc"}, 0, 1 << 20, wire), large.size() + 3);
  client_->give(wire);
  EXPECT_EQ(client_->read_all(), "a" + large + "bc");
  EXPECT_EQ(stream_->peer()->version, GetParam() == TLS1_2_VERSION ? "1.2" : "1.3");
  EXPECT_EQ(stream_->peer()->cipher_suite.substr(0, 4), "TLS_");
  EXPECT_TRUE(stream_->peer()->certificates.empty());
}
INSTANTIATE_TEST_SUITE_P(Versions, TlsVersions, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(TlsStreamTest, SmallPartsShareARecord) {
  serve();
  connect();
  shake_hands();
  std::string together;
  send(std::vector<std::string>(50, "0123456789"), 0, 1 << 20, together);
  EXPECT_LT(together.size(), 500U + 64);
}

TEST_F(TlsStreamTest, AWriteStopsNearItsLimitAndGoesOnWhereItStood) {
  serve();
  connect();
  shake_hands();
  const std::string text(200'000, 'y');
  std::string got;
  size_t taken = 0;
  while (taken < text.size() + 4) {
    std::string wire;
    const size_t more = send({"head", text}, taken, 64 * 1024, wire);
    ASSERT_GT(more, 0U);
    EXPECT_LE(wire.size(), size_t{64} * 1024);
    taken += more;
    client_->give(wire);
    got += client_->read_all();
  }
  EXPECT_EQ(got, "head" + text);
}

TEST_F(TlsStreamTest, WhatIsNoTlsIsAProbe) {
  serve();
  std::string out;
  stream_->feed("CONNECT {}\r\n");
  stream_->advance(out);
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_TRUE(stream_->failure().is_probe);
  EXPECT_EQ(stream_->failure().text, "tls: first record does not look like a TLS handshake");
}

TEST_F(TlsStreamTest, GarbageInsideARecordFails) {
  serve();
  connect();
  client_->shake_hands();
  std::string wire = client_->take();
  for (size_t i = 20; i < wire.size(); ++i) wire[i] = static_cast<char>(wire[i] ^ 0x5a);
  std::string out;
  stream_->feed(wire);
  stream_->advance(out);
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_FALSE(stream_->failure().is_probe);
  EXPECT_FALSE(out.empty());  // an alert
}

// One byte at a time: no state depends on how the wire is cut.
TEST_F(TlsStreamTest, TheHandshakeMayComeInSingleBytes) {
  serve();
  connect();
  for (int round = 0; round < 8 && stream_->state() == TlsStream::State::kHandshake; ++round) {
    client_->shake_hands();
    std::string out;
    for (const char byte : client_->take()) {
      stream_->feed(Slice(&byte, 1));
      stream_->advance(out);
    }
    client_->give(out);
  }
  EXPECT_EQ(stream_->state(), TlsStream::State::kOpen);
}

TEST_F(TlsStreamTest, HalfOpenHandshakesHoldLittleMemory) {
  serve();
  connect();
  client_->shake_hands();
  const std::string hello = client_->take();
  const Slice half = Slice(hello).substr(0, hello.size() / 2);
  const Slice rest = Slice(hello).substr(half.size());
  constexpr size_t kStreams = 200;
  std::vector<std::unique_ptr<TlsStream>> streams;
  const size_t before = mallinfo2().uordblks;
  const auto bytes_each = [before] { return (mallinfo2().uordblks - before) / kStreams; };
  for (size_t i = 0; i < kStreams; ++i) {
    std::string out;
    streams.push_back(std::make_unique<TlsStream>(context_));
    streams.back()->feed(half);
    streams.back()->advance(out);
    EXPECT_TRUE(out.empty());
  }
  EXPECT_LT(bytes_each(), 2048U);
  for (const auto& stream : streams) {
    std::string out;
    stream->feed(rest);
    stream->advance(out);
    EXPECT_FALSE(out.empty());
  }
  EXPECT_LT(bytes_each(), 50'000U);
}

TEST_F(TlsStreamTest, AHelloThatAnnouncesTooMuchIsRefusedFromItsHeader) {
  serve();
  std::string out;
  stream_->feed(Slice("\x16\x03\x01\x40\x00\x01\x01\x00\x00", 9));  // 64 KiB
  stream_->advance(out);
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_EQ(stream_->failure().text, "tls: handshake message too large");
}

TEST_F(TlsStreamTest, AHandshakeMayNotTakeMoreThanItsLimit) {
  serve({.identities = {}, .verify_peer = true, .client_cas = authority_.pem()});
  connect({.version = TLS1_2_VERSION});
  client_->shake_hands();
  std::string out;
  const std::string hello = client_->take();
  stream_->feed(hello);
  stream_->advance(out);
  ASSERT_EQ(stream_->state(), TlsStream::State::kHandshake);
  const std::string more(TlsStream::kHandshakeBytesMax, '\x16');
  stream_->feed(more);
  stream_->advance(out);
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_EQ(stream_->failure().text, "tls: handshake too large");
}

class ClientCertificates : public TlsVersions {
 protected:
  void serve_verifying() {
    serve({.identities = {}, .verify_peer = true, .client_cas = authority_.pem()});
  }
};

TEST_P(ClientCertificates, AreRequiredOfAnAuthority) {
  serve_verifying();
  connect({.version = GetParam()});
  shake_hands();
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_EQ(stream_->failure().text, "tls: client didn't provide a certificate");

  serve_verifying();
  const TestAuthority stranger("Stranger");
  connect({.identity = stranger.issue({.subject = {{"CN", "eve"}}}), .version = GetParam()});
  shake_hands();
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_EQ(
      stream_->failure().text.substr(0, 98),
      "tls: failed to verify certificate: x509: certificate signed by unknown authority (CN=eve "
      "SHA-256: ");

  serve_verifying();
  connect({.identity = authority_.issue({.starts_in_days = -9, .ends_in_days = -1}),
           .version = GetParam()});
  shake_hands();
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_NE(stream_->failure().text.find("has expired or is not yet valid"), std::string::npos);

  serve_verifying();
  connect({.identity = authority_.issue(), .version = GetParam()});
  shake_hands();
  EXPECT_EQ(stream_->state(), TlsStream::State::kOpen) << stream_->failure().text;
}
INSTANTIATE_TEST_SUITE_P(Versions, ClientCertificates,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(TlsStreamTest, NamesThePeer) {
  serve({.identities = {}, .verify_peer = true, .client_cas = authority_.pem()});
  connect({.identity = authority_.issue(
               {.subject = {{"DC", "com"}, {"O", "Acme, Inc."}, {"OU", "ops"}, {"CN", "derek"}},
                .alternative_names = "email:d@acme.com,DNS:d.acme.com,URI:spiffe://acme/d"})});
  shake_hands();
  ASSERT_EQ(stream_->state(), TlsStream::State::kOpen) << stream_->failure().text;
  const auto peer = stream_->peer();
  EXPECT_EQ(peer->identity.emails, std::vector<std::string>{"d@acme.com"});
  EXPECT_EQ(peer->identity.dns_names, std::vector<std::string>{"d.acme.com"});
  EXPECT_EQ(peer->identity.uris, std::vector<std::string>{"spiffe://acme/d"});
  EXPECT_EQ(peer->identity.subject_text, "CN=derek,OU=ops,O=Acme\\, Inc.");
  EXPECT_EQ(peer->identity.domain_components, "DC=com");
  const std::vector<RelativeName> subject = {
      {{"CN", "derek"}}, {{"OU", "ops"}}, {{"O", "Acme, Inc."}}, {{"DC", "com"}}};
  EXPECT_EQ(peer->identity.subject, subject);
  ASSERT_EQ(peer->certificates.size(), 1U);
  EXPECT_EQ(peer->certificates[0].subject.substr(0, 29), "CN=derek,OU=ops,O=Acme\\, Inc.");
  EXPECT_EQ(peer->certificates[0].spki_sha256.size(), 64U);
  EXPECT_NE(peer->certificates[0].spki_sha256, peer->certificates[0].cert_sha256);
}

TEST_F(TlsStreamTest, TheNameThatIsAskedForChoosesTheCertificate) {
  const auto named = [this](const std::string& name) {
    return authority_.issue(
        {.subject = {{"CN", name}}, .alternative_names = "DNS:" + name + ".example.com"});
  };
  const TlsSettings settings{.identities = {named("one"), named("two")}};
  const std::vector<std::pair<std::string, std::string>> cases = {{"one.example.com", "one"},
                                                                  {"two.example.com", "two"},
                                                                  {"x.example.com", "one"},
                                                                  {"", "one"}};
  for (const auto& [asked, wanted] : cases) {
    serve(settings);
    connect({.server_name = asked});
    shake_hands();
    const Owned<X509> shown(SSL_get1_peer_certificate(client_->ssl()));
    ASSERT_NE(shown, nullptr);
    std::array<char, 100> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    EXPECT_EQ(std::string(name.data()), wanted) << asked;
  }
}

TEST_F(TlsStreamTest, RenegotiationIsRefused) {
  serve();
  connect({.version = TLS1_2_VERSION});
  shake_hands();
  ASSERT_EQ(stream_->state(), TlsStream::State::kOpen);
  SSL_renegotiate(client_->ssl());
  client_->shake_hands();
  EXPECT_EQ(receive(client_->take()), "");
  EXPECT_FALSE(client_->shake_hands());
  // The client gives up with an alert instead of going on with a second handshake.
  constexpr char kAlert = 21;
  const std::string last = client_->take();
  ASSERT_FALSE(last.empty());
  EXPECT_EQ(last.front(), kAlert);
}

TEST_F(TlsStreamTest, AChangedByteEndsTheConnection) {
  serve();
  connect();
  shake_hands();
  std::string wire = client_->encrypt("PING\r\n");
  wire.back() = static_cast<char>(wire.back() ^ 1);
  EXPECT_EQ(receive(wire), "");
  EXPECT_EQ(stream_->state(), TlsStream::State::kFailed);
  EXPECT_EQ(stream_->failure().text, "tls: bad record MAC");
}

TEST_F(TlsStreamTest, BothSidesCanSayThatNoMoreComes) {
  serve();
  connect();
  shake_hands();
  SSL_shutdown(client_->ssl());
  EXPECT_EQ(receive(client_->take()), "");
  EXPECT_EQ(stream_->state(), TlsStream::State::kClosed);

  serve();
  connect();
  shake_hands();
  std::string out;
  stream_->shut_down(out);
  client_->give(out);
  client_->read_all();
  EXPECT_NE(SSL_get_shutdown(client_->ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
}

TEST_F(TlsStreamTest, ShowsAStapleToWhoAsks) {
  TlsIdentity identity = authority_.issue();
  identity.staple = "any bytes: the client looks at them";
  for (const bool asks : {true, false}) {
    serve({.identities = {identity}});
    connect({.asks_for_staple = asks});
    shake_hands();
    const unsigned char* shown = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(client_->ssl(), &shown);
    EXPECT_EQ(size, asks ? static_cast<long>(identity.staple.size()) : -1);
  }
}

TEST(TlsContext, LeavesOutWhatOpensslDoesNotKnow) {
  const TestAuthority authority;
  TlsSettings settings{.identities = {authority.issue()}};
  settings.curves = {"CurveP256", "SomeNewCurve"};
  settings.cipher_suites = {"TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  const auto made = TlsContext::create(settings);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->left_out(),
            (std::vector<std::string>{"TLS_ECDHE_RSA_WITH_RC4_128_SHA", "SomeNewCurve"}));
  settings.curves = {"SomeNewCurve"};
  EXPECT_FALSE(TlsContext::create(settings));
  settings.curves = {};
  settings.cipher_suites = {"TLS_ECDHE_RSA_WITH_RC4_128_SHA"};
  EXPECT_FALSE(TlsContext::create(settings));
}

TEST(TlsContext, NeedsACertificateAndItsKey) {
  const TestAuthority authority;
  EXPECT_FALSE(TlsContext::create({}));
  TlsIdentity mixed = authority.issue();
  mixed.key = authority.issue().key;
  EXPECT_FALSE(TlsContext::create({.identities = {mixed}}));
  const auto made = TlsContext::create({.identities = {authority.issue({.ends_in_days = 3})}});
  ASSERT_TRUE(made);
  const int64_t days = ((*made)->not_after().ns / 1'000'000'000 - std::time(nullptr)) / 3600;
  EXPECT_NEAR(static_cast<double>(days), 72, 1);
}

}  // namespace
}  // namespace petrel::net
