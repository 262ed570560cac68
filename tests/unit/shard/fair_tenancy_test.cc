// One loop in virtual time: a tenant that publishes as fast as it is read, and a quiet one whose
// messages are timed.
#include "unit/conf/load.h"

#include "petrel/shard/shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace petrel::shard {
namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr Duration kTurnCost = Duration::micros(20);  // of a turn, whatever happens in it
constexpr int64_t kBytesPerMicro = 2000;              // that the loop reads or writes

// Sockets that always have room, and a clock that moves by what the turns do.
class OneLoop final : public ShardPort {
 public:
  struct Client {
    std::string unread;  // sent, not read by the server yet
    std::string again;   // what it goes on sending for ever
    std::string got;
    uint64_t got_bytes = 0;  // counted only, if it keeps nothing
    uint64_t published = 0;  // messages, by what was read
    bool keeps = false;
    bool is_paused = false;
    bool is_closed = false;
  };

  explicit OneLoop(const std::string& text) { use(text); }

  void use(const std::string& text) {
    const auto options = conf::load(text);
    ASSERT_TRUE(options.is_ok()) << options.error().detail;
    const auto snapshot = auth::AccountSnapshot::create(*options);
    ASSERT_TRUE(snapshot.is_ok());
    auto config = std::make_shared<session::SessionConfig>();
    config->accounts = *snapshot;
    config->authenticator = std::make_shared<const auth::Authenticator>(*options, *snapshot);
    config->rate_limit = options->petrel.rate_limit;
    accounts.describe_all(**snapshot);
    if (shard == nullptr) {
      shard = std::make_unique<Shard>(ShardOptions{0, 1, 1}, *this, accounts, std::move(config));
      shard->set_time(now, WallTime{now.ns});
    } else {
      shard->change_config(std::move(config), true);
    }
  }
  size_t connect(const std::string& user) {
    const auto slot = static_cast<uint32_t>(clients.size());
    clients.push_back(std::make_unique<Client>());
    shard->open_connection({slot, 1, 0}, slot + 1, {"127.0.0.1", 4000}, "");
    clients.back()->unread =
        "CONNECT {\"verbose\":false,\"user\":\"" + user + "\",\"pass\":\"p\"}\r\n";
    turn();
    return slot;
  }
  // One turn of the loop: reads what is there where the shard wants it, and lets time pass.
  void turn() {
    work_bytes_ = 0;
    for (uint32_t slot = 0; slot < clients.size(); ++slot) read(slot, *clients[slot]);
    due_ = shard->end_turn();
    advance(kTurnCost + Duration::micros(static_cast<int64_t>(work_bytes_) / kBytesPerMicro));
  }
  void run_until(Instant end) {
    while (now < end) {
      turn();
      if (work_bytes_ == 0 && due_ > now && now < end) advance(std::min(due_, end) - now);
    }
  }
  uint64_t in_msgs(const std::string& account) {
    return accounts.get(account).traffic[0].in_msgs.get();
  }
  uint64_t throttled(const std::string& account) {
    return accounts.get(account).traffic[0].throttled.get();
  }

  size_t write(router::ConnectionHandle connection, std::span<const Slice> parts) override {
    Client& client = *clients[connection.slot];
    size_t taken = 0;
    for (const Slice part : parts) {
      if (client.keeps) client.got.append(part);
      taken += part.size();
    }
    client.got_bytes += taken;
    work_bytes_ += taken;
    return taken;
  }
  void close_socket(router::ConnectionHandle connection) override {
    clients[connection.slot]->is_closed = true;
  }
  void pause_reads(router::ConnectionHandle connection) override {
    clients[connection.slot]->is_paused = true;
  }
  void resume_reads(router::ConnectionHandle connection) override {
    clients[connection.slot]->is_paused = false;
  }
  void post(uint16_t, InboxItem) override {}
  size_t inbox_bytes(uint16_t) const override { return 0; }
  bool take_inbox(std::vector<InboxItem>&) override { return false; }
  void inbox_handled(size_t) override {}
  bool verify_password(router::ConnectionHandle, std::string, std::string) override {
    return false;
  }
  bool start_tls(router::ConnectionHandle, Slice) override { return false; }
  void log(session::LogLevel, const session::ClientSession&, std::string) override {}
  void connection_ended() override {}

  Instant now{1'000'000'000};
  router::AccountRegistry accounts{7, 1};
  std::unique_ptr<Shard> shard;
  std::vector<std::unique_ptr<Client>> clients;

 private:
  void advance(Duration time) {
    now = now + time;
    shard->set_time(now, WallTime{now.ns});
  }
  void read(uint32_t slot, Client& client) {
    if (client.is_paused || client.is_closed || !shard->wants_input(slot)) return;
    while (!client.again.empty() && client.unread.size() < kReadBytes) {
      client.unread += client.again;
    }
    const size_t bytes = std::min(client.unread.size(), kReadBytes);
    if (bytes == 0) return;
    const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(bytes));
    std::copy_n(client.unread.data(), bytes, block->bytes());
    client.unread.erase(0, bytes);
    client.published +=
        static_cast<uint64_t>(std::count(block->bytes(), block->bytes() + bytes, '#'));
    work_bytes_ += bytes;
    shard->bytes_received(slot, block, Slice(block->bytes(), bytes));
  }

  size_t work_bytes_ = 0;  // of the last turn
  Instant due_{};          // when the shard wants its next one, if nothing comes
};

std::string config_of(const std::string& flood, const std::string& more = "") {
  return "accounts { QUIET { users: [ { user: quiet, password: p } ] }\n"
         "  FLOOD { users: [ { user: flood, password: p } ]" +
         flood + " } }\n" + more;
}

// Each message holds one '#'.
const std::string kFlood = "PUB flood 16\r\n0123456789abcde#\r\n";
constexpr size_t kFlooding = 4;
constexpr size_t kHearing = 50;

std::vector<size_t> start_flood(OneLoop& loop) {
  for (size_t i = 0; i < kHearing; ++i) {
    loop.clients[loop.connect("flood")]->unread = "SUB flood 1\r\n";
  }
  loop.turn();
  std::vector<size_t> slots;
  for (size_t i = 0; i < kFlooding; ++i) {
    slots.push_back(loop.connect("flood"));
    for (int n = 0; n < 1000; ++n) loop.clients[slots.back()]->again += kFlood;
  }
  return slots;
}

// How long messages of the quiet tenant to itself take: the 99th of 100 in nanoseconds.
int64_t p99_of_quiet(OneLoop& loop) {
  const size_t slot = loop.connect("quiet");
  OneLoop::Client& quiet = *loop.clients[slot];
  quiet.keeps = true;
  quiet.unread = "SUB mine 1\r\n";
  loop.turn();
  std::vector<int64_t> times;
  for (int i = 0; i < 200; ++i) {
    quiet.got.clear();
    const Instant sent = loop.now;
    quiet.unread += "PUB mine 2\r\nhi\r\n";
    while (quiet.got.empty()) loop.turn();
    times.push_back((loop.now - sent).ns);
    loop.run_until(sent + Duration::micros(1003));
  }
  std::sort(times.begin(), times.end());
  return times[198];
}

int64_t p99_alone() {
  OneLoop loop(config_of(""));
  return p99_of_quiet(loop);
}

TEST(FairTenancy, AFloodWithoutLimitsCostsOthersTwoSharesOfATurn) {
  OneLoop loop(config_of(""));
  start_flood(loop);
  const int64_t p99 = p99_of_quiet(loop);
  const session::TurnBudget::Limits limits;
  // A message goes to all who hear it, so a turn goes beyond its share by no more than one of them.
  const auto share = static_cast<int64_t>(limits.shared + kReadBytes + kHearing * 64);
  EXPECT_LE(p99, 2 * (kTurnCost.ns + share * 1000 / kBytesPerMicro) + p99_alone());
  // Without shares a turn would be all that four sockets hold, for each who hears it.
  EXPECT_LT(p99, static_cast<int64_t>(kReadBytes * kHearing) * 1000 / kBytesPerMicro);
  EXPECT_GT(loop.in_msgs("FLOOD"), 10'000u);
}

TEST(FairTenancy, AFloodWithALimitCostsOthersLessThanATenthOfTheirP99) {
  OneLoop loop(config_of(", petrel { rate_limit { messages: 2000, burst: \"50ms\" } }"));
  start_flood(loop);
  loop.run_until(loop.now + Duration::seconds(1));  // the burst is over
  EXPECT_LE(p99_of_quiet(loop), p99_alone() * 11 / 10);
  EXPECT_GT(loop.in_msgs("FLOOD"), 2000u);
}

TEST(FairTenancy, WhatIsPublishedInTheLongRunIsTheLimit) {
  for (const char* limit : {"messages: 1000", "bytes: 16000", "messages: 5000, bytes: 16000"}) {
    OneLoop loop(config_of(", petrel { rate_limit { " + std::string(limit) + " } }"));
    start_flood(loop);
    loop.run_until(loop.now + Duration::seconds(5));
    // 5 seconds, and the burst of one second.
    EXPECT_NEAR(static_cast<double>(loop.in_msgs("FLOOD")), 6000, 150) << limit;
    EXPECT_GT(loop.throttled("FLOOD"), 0u);
    EXPECT_EQ(loop.throttled("QUIET"), 0u);
  }
}

uint64_t published_by(OneLoop& loop, size_t slot) {
  uint64_t in_msgs = 0;
  loop.shard->visit_sessions(0, 1000, [&](const session::ClientSession& session) {
    if (session.cid() == slot + 1) in_msgs = session.view({}).in_msgs;
  });
  return in_msgs;
}

TEST(FairTenancy, ConnectionsOfATenantShareItsLimitAndItsTurns) {
  for (const char* flood : {"", ", petrel { rate_limit { messages: 20000, burst: \"10ms\" } }"}) {
    OneLoop loop(config_of(flood));
    const size_t quiet = loop.connect("quiet");
    const std::vector<size_t> slots = start_flood(loop);
    std::vector<uint64_t> published;
    for (const size_t slot : slots) published.push_back(0 - published_by(loop, slot));
    for (int i = 0; i < 3; ++i) {
      loop.clients[quiet]->unread += "PING\r\n";  // the other account stays active
      loop.run_until(loop.now + Duration::millis(100));
    }
    for (size_t i = 0; i < slots.size(); ++i) published[i] += published_by(loop, slots[i]);
    const auto [least, most] = std::minmax_element(published.begin(), published.end());
    EXPECT_GT(*least * 3, *most * 2) << flood;
  }
}

TEST(FairTenancy, NothingIsLostByWaiting) {
  OneLoop loop(config_of(", petrel { rate_limit { messages: 1000, burst: \"10ms\" } }"));
  const size_t hears = loop.connect("flood");
  loop.clients[hears]->unread = "SUB flood 1\r\n";
  loop.clients[hears]->keeps = true;
  loop.turn();
  const size_t sends = loop.connect("flood");
  std::string& unread = loop.clients[sends]->unread;
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    unread += "PUB flood " + std::to_string(number.size()) + "\r\n" + number + "\r\n";
  }
  unread += "PING\r\n";
  loop.clients[sends]->keeps = true;
  loop.clients[hears]->got.clear();
  const Instant begin = loop.now;
  while (loop.clients[sends]->got.find("PONG") == std::string::npos) loop.turn();
  EXPECT_NEAR(static_cast<double>((loop.now - begin).ns), 3e9, 5e7);
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    expected += "MSG flood 1 " + std::to_string(number.size()) + "\r\n" + number + "\r\n";
  }
  std::string got = loop.clients[hears]->got;
  got.erase(0, got.find("MSG"));
  EXPECT_EQ(got, expected);
}

TEST(FairTenancy, AReloadedLimitHoldsAtOnce) {
  OneLoop loop(config_of(", petrel { rate_limit { messages: 1, burst: \"10ms\" } }"));
  const std::vector<size_t> slots = start_flood(loop);
  loop.run_until(loop.now + Duration::seconds(10));
  EXPECT_LT(loop.in_msgs("FLOOD"), 20u);
  loop.use(config_of(", petrel { rate_limit { messages: 1000, burst: \"10ms\" } }"));
  loop.run_until(loop.now + Duration::seconds(1));
  EXPECT_NEAR(static_cast<double>(loop.in_msgs("FLOOD")), 1000, 100);
  loop.use(config_of(""));
  loop.run_until(loop.now + Duration::seconds(1));
  EXPECT_GT(loop.in_msgs("FLOOD"), 10'000u);
}

TEST(FairTenancy, TheDefaultHoldsForAccountsWithoutALimitButTheSystem) {
  OneLoop loop(
      "accounts { $SYS { users: [ { user: admin, password: p } ] }\n"
      "  A { users: [ { user: a, password: p } ] }\n"
      "  B { users: [ { user: b, password: p } ], petrel { rate_limit { messages: 0 } } } }\n"
      "petrel { rate_limit { messages: 100, burst: \"10ms\" } }");
  for (const char* user : {"a", "b", "admin"}) {
    const size_t slot = loop.connect(user);
    for (int i = 0; i < 500; ++i) loop.clients[slot]->unread += "PUB x 1\r\n#\r\n";
  }
  loop.run_until(loop.now + Duration::seconds(1));
  EXPECT_NEAR(static_cast<double>(loop.in_msgs("A")), 100, 10);
  EXPECT_EQ(loop.in_msgs("B"), 500u);
  EXPECT_EQ(loop.in_msgs("$SYS"), 500u);
}

TEST(FairTenancy, AConnectionThatIsHeldBackIsNotTakenForDead) {
  OneLoop loop(config_of(", petrel { rate_limit { messages: 1, burst: \"10ms\" } }"));
  const size_t slot = loop.connect("flood");
  for (int i = 0; i < 1000; ++i) loop.clients[slot]->unread += kFlood;
  loop.turn();
  for (int i = 0; i < 600; ++i) {  // ten minutes, the ping interval is two
    loop.shard->set_time(loop.now = loop.now + Duration::seconds(1), WallTime{loop.now.ns});
    loop.turn();
  }
  EXPECT_FALSE(loop.clients[slot]->is_closed);
  EXPECT_GT(loop.in_msgs("FLOOD"), 500u);
}

}  // namespace
}  // namespace petrel::shard
