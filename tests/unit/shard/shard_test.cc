#include "petrel/shard/shard.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace petrel::shard {
namespace {

using session::CloseReason;

// The world of one shard: sockets are strings that take so many bytes.
class FakeShardPort final : public ShardPort {
 public:
  struct Socket {
    std::string got;
    size_t room = SIZE_MAX;
    int writes = 0;
    bool is_closed = false;
    bool is_paused = false;
  };

  size_t write(router::ConnectionHandle connection, std::span<const Slice> parts) override {
    Socket& socket = sockets[connection.slot];
    ++socket.writes;
    std::string bytes;
    for (const Slice part : parts) bytes.append(part);
    const size_t taken = std::min(bytes.size(), socket.room);
    if (socket.room != SIZE_MAX) socket.room -= taken;
    socket.got.append(bytes, 0, taken);
    return taken;
  }
  void close_socket(router::ConnectionHandle connection) override {
    sockets[connection.slot].is_closed = true;
  }
  void pause_reads(router::ConnectionHandle connection) override {
    sockets[connection.slot].is_paused = true;
  }
  void resume_reads(router::ConnectionHandle connection) override {
    sockets[connection.slot].is_paused = false;
  }
  void post(uint16_t loop, InboxItem item) override { posted[loop].push_back(std::move(item)); }
  size_t inbox_bytes(uint16_t) const override { return 0; }
  bool take_inbox(std::vector<InboxItem>& items) override {
    items.clear();
    items.swap(inbox);
    return !items.empty();
  }
  void inbox_handled(size_t bytes) override { handled += bytes; }
  bool start_tls(router::ConnectionHandle connection, Slice first) override {
    tls_started.emplace_back(connection, std::string(first));
    return true;
  }
  bool verify_password(router::ConnectionHandle connection, std::string,
                       std::string password) override {
    verifying.emplace_back(connection, std::move(password));
    return true;
  }
  void log(session::LogLevel, const session::ClientSession&, std::string) override {}
  void connection_ended() override { ++ended; }

  std::map<uint32_t, Socket> sockets;
  std::map<uint16_t, std::vector<InboxItem>> posted;
  std::vector<InboxItem> inbox;
  std::vector<std::pair<router::ConnectionHandle, std::string>> verifying;
  std::vector<std::pair<router::ConnectionHandle, std::string>> tls_started;
  size_t handled = 0;
  int ended = 0;
};

std::shared_ptr<session::SessionConfig> plain_config() {
  auto config = std::make_shared<session::SessionConfig>();
  config->authenticator = std::make_shared<const auth::Authenticator>(conf::Options{});
  return config;
}

class ShardTest : public testing::Test {
 protected:
  explicit ShardTest(std::shared_ptr<session::SessionConfig> config = plain_config())
      : config_(std::move(config)) {
    shard_.set_time(now_, WallTime{1});
  }
  // A connected client in `slot` whose greeting was read.
  void connect(uint32_t slot) {
    shard_.open_connection({slot, 1, 0}, slot + 1, {"127.0.0.1", 5000}, "");
    feed(slot, "CONNECT {\"verbose\":false}\r\n");
    shard_.end_turn();
    socket(slot).got.clear();
  }
  void feed(uint32_t slot, const std::string& bytes) {
    const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), block->bytes());
    shard_.bytes_received(slot, block, Slice(block->bytes(), bytes.size()));
  }
  void advance(Duration time) {
    now_ = now_ + time;
    shard_.set_time(now_, WallTime{now_.ns});
  }
  FakeShardPort::Socket& socket(uint32_t slot) { return port_.sockets[slot]; }

  Instant now_{1'000'000'000};
  router::AccountRegistry accounts_{0, 2};
  router::AccountInterest& account_ = accounts_.global();
  std::shared_ptr<session::SessionConfig> config_;
  FakeShardPort port_;
  Shard shard_{{0, 2, 1}, port_, accounts_, config_};
};

class TlsShardTest : public ShardTest {
 protected:
  static std::shared_ptr<session::SessionConfig> with_tls() {
    auto config = plain_config();
    config->tls = std::make_shared<const session::SessionTls>();
    return config;
  }
  TlsShardTest() : ShardTest(with_tls()) {}
};

TEST_F(TlsShardTest, InfoIsOnTheSocketBeforeTheHandshakeBegins) {
  shard_.open_connection({0, 1, 0}, 1, {"127.0.0.1", 5000}, "");
  ASSERT_EQ(port_.tls_started.size(), 1U);
  EXPECT_EQ(socket(0).got.substr(0, 5), "INFO ");
  EXPECT_EQ(port_.tls_started.front().second, "");
}

TEST_F(TlsShardTest, AHandshakeThatThePeerLeavesIsAHandshakeFailure) {
  shard_.open_connection({0, 1, 0}, 1, {"127.0.0.1", 5000}, "");
  shard_.connection_lost(0, session::CloseReason::kClientClosed);
  shard_.end_turn();
  ASSERT_EQ(shard_.closed_sessions().size(), 1U);
  EXPECT_EQ(shard_.closed_sessions().front().reason, session::CloseReason::kTlsHandshake);
}

TEST_F(ShardTest, EachConnectionIsFlushedOnceATurn) {
  connect(0);
  connect(1);
  feed(0, "SUB a 1\r\n");
  const int before = socket(0).writes;
  feed(1, "PUB a 1\r\n1\r\nPUB a 1\r\n2\r\n");
  feed(1, "PUB a 1\r\n3\r\n");
  EXPECT_EQ(socket(0).got, "");
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n");
  EXPECT_EQ(socket(0).writes, before + 1);
}

TEST_F(ShardTest, ASocketThatIsFullIsAskedAgainWhenWritable) {
  connect(0);
  socket(0).room = 3;
  feed(0, "PING\r\n");
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "PON");
  feed(0, "PING\r\n");
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "PON");
  socket(0).room = SIZE_MAX;
  shard_.writable(0);
  EXPECT_EQ(socket(0).got, "PONG\r\nPONG\r\n");
}

TEST_F(ShardTest, ASocketThatTakesNothingIsClosedAtTheDeadline) {
  connect(0);
  socket(0).room = 0;
  feed(0, "PING\r\n");
  EXPECT_LE(shard_.end_turn(), now_ + config_->write_deadline);
  advance(config_->write_deadline - Duration::nanos(1));
  shard_.end_turn();
  EXPECT_FALSE(socket(0).is_closed);
  advance(Duration::nanos(1));
  shard_.end_turn();
  EXPECT_TRUE(socket(0).is_closed);
  ASSERT_EQ(shard_.closed_sessions().size(), 1U);
  EXPECT_EQ(shard_.closed_sessions()[0].reason, CloseReason::kSlowConsumerWriteDeadline);
}

// Connections that come and go leave timers behind; thousands of them cost few wake-ups.
TEST_F(ShardTest, TimersOfManyConnectionsShareWakeUps) {
  std::set<int64_t> wake_ups;
  for (uint32_t slot = 0; slot < 300; ++slot) {
    connect(slot);
    advance(Duration::micros(100));
  }
  for (Instant next = shard_.end_turn(); next < now_ + Duration::seconds(10);) {
    if (!wake_ups.insert(next.ns).second) break;
    advance(next - now_);
    next = shard_.end_turn();
  }
  EXPECT_GE(wake_ups.size(), 1U);
  EXPECT_LE(wake_ups.size(), 100U);
}

TEST_F(ShardTest, LastWordsAreSentBeforeTheSocketCloses) {
  connect(0);
  feed(0, "NONSENSE\r\n");
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "-ERR 'Unknown Protocol Operation'\r\n");
  EXPECT_TRUE(socket(0).is_closed);
  EXPECT_EQ(port_.ended, 1);
  EXPECT_EQ(shard_.open_connections(), 0U);
  EXPECT_EQ(shard_.find_session({0, 1, 0}), nullptr);
}

TEST_F(ShardTest, ASlotIsFreeForAnotherGeneration) {
  connect(0);
  shard_.connection_lost(0, CloseReason::kClientClosed);
  shard_.end_turn();
  EXPECT_FALSE(socket(0).is_closed);  // it was gone already
  shard_.open_connection({0, 2, 0}, 9, {"127.0.0.1", 1}, "");
  EXPECT_EQ(shard_.find_session({0, 1, 0}), nullptr);
  ASSERT_NE(shard_.find_session({0, 2, 0}), nullptr);
  EXPECT_EQ(shard_.find_session({0, 2, 0})->cid(), 9U);
}

TEST_F(ShardTest, MessagesForAnotherLoopAreOneBatchPostedBeforeAnyFlush) {
  connect(0);
  account_.index.insert("a", "", {4, 7, 1, 0});
  feed(0, "PUB a 1\r\nx\r\nPUB a 1\r\ny\r\nPING\r\n");
  EXPECT_TRUE(port_.posted[1].empty());
  shard_.end_turn();
  ASSERT_EQ(port_.posted[1].size(), 1U);
  ASSERT_NE(port_.posted[1][0].batch, nullptr);
  EXPECT_EQ(socket(0).got, "PONG\r\n");
}

TEST_F(ShardTest, PingAnswersBehindWhatOtherLoopsPosted) {
  connect(0);
  feed(0, "SUB a 1\r\n");
  FakeShardPort other_port;
  Shard other({1, 2, 1}, other_port, accounts_, config_);
  other.set_time(now_, WallTime{1});
  other.open_connection({0, 1, 1}, 2, {"127.0.0.1", 1}, "");
  const std::string bytes = "PUB a 1\r\nx\r\n";
  const BlockRef block = BlockRef::allocate(64);
  std::copy(bytes.begin(), bytes.end(), block->bytes());
  other.bytes_received(0, block, Slice(block->bytes(), bytes.size()));
  other.end_turn();
  const size_t charged = other_port.posted[0].at(0).batch->charged_bytes();
  port_.inbox = std::move(other_port.posted[0]);
  feed(0, "PING\r\n");
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "MSG a 1 1\r\nx\r\nPONG\r\n");
  EXPECT_EQ(port_.handled, charged);
}

TEST_F(ShardTest, AStallOfAnotherLoopPausesThePublisherForAWhile) {
  connect(0);
  InboxItem item;
  item.stall = {0, 1, 0};
  port_.inbox.push_back(std::move(item));
  shard_.end_turn();
  EXPECT_TRUE(socket(0).is_paused);
  EXPECT_EQ(shard_.counters().stalled_clients.get(), 1U);
  advance(Duration::millis(10));
  shard_.end_turn();
  EXPECT_FALSE(socket(0).is_paused);
}

TEST_F(ShardTest, AClosedReaderOfAScatterLeavesTheOthers) {
  constexpr uint32_t kReaders = 40;
  for (uint32_t slot = 0; slot < kReaders; ++slot) {
    connect(slot);
    feed(slot, "SUB a 1\r\n");
  }
  connect(kReaders);
  feed(kReaders, "PUB a 1\r\nx\r\n");
  const Instant until = shard_.end_turn();
  EXPECT_LE(until, now_ + Duration::millis(1));  // waits a moment for more
  shard_.connection_lost(3, CloseReason::kReadError);
  advance(Duration::millis(1));
  shard_.end_turn();
  for (uint32_t slot = 0; slot < kReaders; ++slot) {
    EXPECT_EQ(socket(slot).got, slot == 3 ? "" : "MSG a 1 1\r\nx\r\n") << slot;
  }
}

TEST_F(ShardTest, AScatterWaitsWhileMessagesComeButNotForEver) {
  constexpr uint32_t kReaders = 500;
  for (uint32_t slot = 0; slot < kReaders; ++slot) {
    connect(slot);
    feed(slot, "SUB a 1\r\n");
  }
  shard_.end_turn();
  connect(kReaders);
  shard_.end_turn();
  const Instant start = now_;
  size_t published = 0;
  while (socket(0).got.empty()) {
    ASSERT_LE(now_, start + Duration::millis(1));  // 2 us for each reader
    feed(kReaders, "PUB a 1\r\nx\r\n");
    ++published;
    shard_.end_turn();
    advance(Duration::micros(200));
  }
  EXPECT_GE(published, 5U);  // later than 250 us after the first
  const std::string message = "MSG a 1 1\r\nx\r\n";
  EXPECT_EQ(socket(0).got.size(), published * message.size());
  feed(kReaders, "PUB a 1\r\nx\r\n");
  EXPECT_LE(shard_.end_turn(), now_ + Duration::micros(250));  // nothing follows
  advance(Duration::micros(250));
  shard_.end_turn();
  EXPECT_EQ(socket(0).got.size(), (published + 1) * message.size());
}

TEST_F(ShardTest, ConnectionsAreClosedByTheirNumberOrAllTogether) {
  connect(0);
  connect(1);
  EXPECT_FALSE(shard_.close_connection(99, CloseReason::kKicked));
  EXPECT_TRUE(shard_.close_connection(1, CloseReason::kKicked));
  shard_.end_turn();
  EXPECT_TRUE(socket(0).is_closed);
  EXPECT_FALSE(socket(1).is_closed);
  shard_.close_all(CloseReason::kServerShutdown);
  shard_.end_turn();
  EXPECT_TRUE(socket(1).is_closed);
}

TEST_F(ShardTest, SessionsAreVisitedInBoundedSteps) {
  for (uint32_t slot = 0; slot < 5; ++slot) connect(slot);
  std::vector<uint64_t> cids;
  uint32_t next = 0;
  int steps = 0;
  do {
    next = shard_.visit_sessions(next, 2, [&](const auto& s) { cids.push_back(s.cid()); });
    ++steps;
  } while (next != 0);
  EXPECT_EQ(cids, (std::vector<uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(steps, 3);
}

TEST_F(ShardTest, OnlyTheLastClosedConnectionsAreKept) {
  config_->max_closed_clients = 2;
  for (uint32_t slot = 0; slot < 4; ++slot) {
    connect(slot);
    shard_.connection_lost(slot, CloseReason::kClientClosed);
    shard_.end_turn();
  }
  ASSERT_EQ(shard_.closed_sessions().size(), 2U);
  EXPECT_EQ(shard_.closed_sessions()[0].cid, 3U);
}

TEST_F(ShardTest, APasswordAnswerReachesItsConnectionOnly) {
  conf::Options options;
  conf::UserOptions user;
  user.user = "ann";
  user.password = "$2a$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
  options.authorization.users.push_back(user);
  auto config = std::make_shared<session::SessionConfig>();
  config->authenticator = std::make_shared<const auth::Authenticator>(options);
  shard_.change_config(config, true);
  shard_.open_connection({0, 1, 0}, 1, {"127.0.0.1", 1}, "");
  shard_.end_turn();
  socket(0).got.clear();
  feed(0, "CONNECT {\"verbose\":true,\"user\":\"ann\",\"pass\":\"1\"}\r\n");
  ASSERT_EQ(port_.verifying.size(), 1U);
  EXPECT_TRUE(socket(0).is_paused);
  shard_.password_verified({0, 2, 0}, true);
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "");
  shard_.password_verified(port_.verifying[0].first, true);
  shard_.end_turn();
  EXPECT_EQ(socket(0).got, "+OK\r\n");
  EXPECT_FALSE(socket(0).is_paused);
}

}  // namespace
}  // namespace petrel::shard
