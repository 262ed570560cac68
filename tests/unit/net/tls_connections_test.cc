#include "petrel/net/tls_connections.h"

#include "unit/net/tls_world.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace petrel::net {
namespace {

// A loop whose socket is a string with little room.
class FakeLoop final : public Loop {
 public:
  void run() override {}
  void stop() override {}
  int wake_fd() const override { return -1; }
  void wake() override {}
  void adopt(int, int, PeerAddress) override {}
  Status add_listener(int, int) override { return Status::ok(); }
  void remove_listener(int) override {}
  size_t write(ConnectionId, std::span<const iovec> parts) override {
    size_t taken = 0;
    for (const iovec& part : parts) {
      const size_t bytes = std::min(part.iov_len, room - taken);
      sent.append(static_cast<const char*>(part.iov_base), bytes);
      taken += bytes;
    }
    room -= taken;
    return taken;
  }
  void pause_reads(ConnectionId) override { is_paused = true; }
  void resume_reads(ConnectionId) override { is_paused = false; }
  void close(ConnectionId) override {}
  Instant now() const override { return {}; }
  const std::shared_ptr<BlockPool>& block_pool() const override { return pool; }

  size_t room = 1 << 24;
  bool is_paused = false;
  std::string sent;
  std::shared_ptr<BlockPool> pool = BlockPool::create(32 * 1024, 4);
};

class TlsConnectionsTest : public testing::Test, private TlsHandler {
 protected:
  TlsConnectionsTest() {
    connections_.start(kId, make_context({.identities = {authority_.issue()}}), "");
  }

  void shake_hands() {
    for (int round = 0; round < 8; ++round) {
      client_.shake_hands();
      const std::string wire = client_.take();
      if (!wire.empty()) connections_.on_data(kId, wire);
      give_client();
    }
    ASSERT_EQ(opened_, 1);
  }
  void give_client() {
    client_.give(loop_.sent);
    loop_.sent.clear();
  }
  size_t write(const std::string& text, size_t from) {
    const iovec part{const_cast<char*>(text.data()) + from, text.size() - from};
    return connections_.write(kId, std::span(&part, 1));
  }

  static constexpr ConnectionId kId{3, 1};
  TestAuthority authority_;
  FakeLoop loop_;
  TlsConnections connections_{loop_, *this};
  MemoryClient client_;
  std::vector<OcspLink> checked_;
  int opened_ = 0;
  int ended_ = 0;
  std::string received_;
  std::string failure_;
  bool was_open_ = false;
  bool forgets_at_data_ = false;
  std::vector<BlockRef> kept_;

 private:
  void on_tls_check(ConnectionId, std::vector<OcspLink> links) override {
    checked_ = std::move(links);
  }
  void on_tls_open(ConnectionId, std::shared_ptr<const TlsPeer>) override { ++opened_; }
  void on_tls_data(ConnectionId id, const BlockRef& block, Slice plain) override {
    EXPECT_GE(plain.data(), block->bytes());
    EXPECT_LE(plain.data() + plain.size(), block->bytes() + block->capacity());
    received_.append(plain);
    kept_.push_back(block);
    if (forgets_at_data_) connections_.forget(id);
  }
  void on_tls_end(ConnectionId) override { ++ended_; }
  void on_tls_failed(ConnectionId, const TlsFailure& failure, bool was_open) override {
    failure_ = failure.text;
    was_open_ = was_open;
  }
};

// A connection of a client whose certificate names a responder.
class CheckedConnectionsTest : public TlsConnectionsTest {
 protected:
  static constexpr const char* kResponder = "http://responder.example/";

  CheckedConnectionsTest() {
    connections_.forget(kId);
    TlsSettings settings{.identities = {authority_.issue()}};
    settings.verify_peer = true;
    settings.client_cas = authority_.pem();
    settings.asks_responders = true;
    connections_.start(kId, make_context(settings), "");
    loop_.sent.clear();
    for (int round = 0; round < 8; ++round) {
      client().shake_hands();
      const std::string wire = client().take();
      if (!wire.empty()) connections_.on_data(kId, wire);
      client().give(std::exchange(loop_.sent, {}));
    }
  }
  MemoryClient& client() { return client_with_certificate_; }

 private:
  MemoryClient client_with_certificate_{
      {.identity = authority_.issue({.subject = {{"CN", "peer"}}, .responder = kResponder})}};
};

TEST_F(CheckedConnectionsTest, IsHeldUntilItsCertificatesAreSettled) {
  ASSERT_EQ(checked_.size(), 1U);
  EXPECT_EQ(checked_[0].responders, std::vector<std::string>{kResponder});
  EXPECT_EQ(checked_[0].subject, "CN=peer");
  EXPECT_TRUE(loop_.is_paused);
  connections_.on_data(kId, client().encrypt("CONNECT {}\r\n"));
  EXPECT_EQ(opened_, 0);
  EXPECT_EQ(received_, "");
  connections_.settle(kId, "");
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(received_, "CONNECT {}\r\n");
  EXPECT_FALSE(loop_.is_paused);
  connections_.on_data(kId, client().encrypt("PING\r\n"));
  EXPECT_EQ(received_, "CONNECT {}\r\nPING\r\n");
}

TEST_F(CheckedConnectionsTest, IsRefusedWithTheReason) {
  connections_.settle(kId, "client not OCSP valid");
  EXPECT_EQ(failure_, "client not OCSP valid");
  EXPECT_FALSE(was_open_);
  EXPECT_EQ(opened_, 0);
}

TEST_F(CheckedConnectionsTest, HoldsABoundedNumberOfBytes) {
  connections_.on_data(kId, std::string(TlsConnections::kWireBytes + 1, 'x'));
  EXPECT_NE(failure_, "");
  connections_.settle(kId, "");
  EXPECT_EQ(opened_, 0);
}

TEST_F(TlsConnectionsTest, DeliversIntoBlocksThatMayBeKept) {
  shake_hands();
  std::string sent;
  for (int i = 0; i < 20; ++i) {
    const std::string text(static_cast<size_t>(i) * 997, static_cast<char>('a' + i));
    sent += text;
    const std::string wire = client_.encrypt(text);
    if (!wire.empty()) connections_.on_data(kId, wire);
  }
  EXPECT_EQ(received_, sent);
}

// What write() took is with the kernel; what it did not take is asked for again, and nothing is
// sent twice.
TEST_F(TlsConnectionsTest, AFullSocketLosesAndRepeatsNothing) {
  shake_hands();
  std::string text(600'000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  size_t taken = 0;
  std::string got;
  loop_.room = 0;
  int rounds = 0;
  while (taken < text.size()) {
    ASSERT_LT(++rounds, 1000);
    loop_.room = 7000;
    if (connections_.on_writable(kId)) taken += write(text, taken);
    ASSERT_LE(taken, text.size());
    give_client();
    got += client_.read_all();
    ASSERT_LE(taken, got.size() + 16384);
  }
  loop_.room = 1 << 24;
  EXPECT_TRUE(connections_.on_writable(kId));
  give_client();
  got += client_.read_all();
  EXPECT_EQ(got, text);
}

TEST_F(TlsConnectionsTest, TakesNothingBeforeTheSocketHasRoomAgain) {
  shake_hands();
  const std::string text(50'000, 'x');
  loop_.room = 100;
  const size_t taken = write(text, 0);
  EXPECT_LT(taken, text.size());
  EXPECT_EQ(write(text, taken), 0U);
  EXPECT_FALSE(connections_.on_writable(kId));
  loop_.room = 1 << 20;
  EXPECT_TRUE(connections_.on_writable(kId));
  EXPECT_EQ(write(text, taken), text.size() - taken);
}

TEST_F(TlsConnectionsTest, WhatIsSaidBeforeTheHandshakeIsDoneIsLost) {
  EXPECT_EQ(write("-ERR 'x'\r\n", 0), 10U);
  EXPECT_EQ(loop_.sent, "");
}

TEST_F(TlsConnectionsTest, MayBeForgottenWhileItDelivers) {
  shake_hands();
  forgets_at_data_ = true;
  connections_.on_data(kId, client_.encrypt(std::string(100'000, 'x')));
  EXPECT_FALSE(connections_.has(kId));
  EXPECT_LE(received_.size(), size_t{32} * 1024);
  give_client();
  client_.read_all();
  EXPECT_NE(SSL_get_shutdown(client_.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
}

TEST_F(TlsConnectionsTest, ReportsHowItEnds) {
  connections_.on_data(kId, "PING\r\n");
  EXPECT_EQ(failure_, "tls: first record does not look like a TLS handshake");
  EXPECT_FALSE(was_open_);
}

TEST_F(TlsConnectionsTest, ReportsABrokenRecordAsSuch) {
  shake_hands();
  std::string wire = client_.encrypt("x");
  wire.back() = static_cast<char>(wire.back() ^ 1);
  connections_.on_data(kId, wire);
  EXPECT_EQ(failure_, "tls: bad record MAC");
  EXPECT_TRUE(was_open_);
}

TEST_F(TlsConnectionsTest, ReportsThatThePeerIsDone) {
  shake_hands();
  const std::string last = client_.encrypt("last");
  SSL_shutdown(client_.ssl());
  connections_.on_data(kId, last + client_.take());
  EXPECT_EQ(received_, "last");
  EXPECT_EQ(ended_, 1);
}

TEST_F(TlsConnectionsTest, AnIdOfAnEarlierConnectionNamesNothing) {
  connections_.forget(kId);
  const ConnectionId next{kId.slot, kId.generation + 1};
  connections_.start(next, make_context({.identities = {authority_.issue()}}), "");
  EXPECT_FALSE(connections_.has(kId));
  EXPECT_TRUE(connections_.has(next));
}

// A peer that asks for new keys over and over and reads nothing is not answered without limit.
TEST_F(TlsConnectionsTest, AnswersThatNobodyReadsAreBounded) {
  shake_hands();
  loop_.room = 0;
  for (int i = 0; i < 100'000 && failure_.empty(); ++i) {
    SSL_key_update(client_.ssl(), SSL_KEY_UPDATE_REQUESTED);
    connections_.on_data(kId, client_.encrypt("x"));
    kept_.clear();
  }
  EXPECT_EQ(failure_, "tls: peer does not read");
}

}  // namespace
}  // namespace petrel::net
