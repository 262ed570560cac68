// What happens to bytes: both ways, in pieces, against slow readers and under back-pressure.
#include "loop_harness.h"

namespace petrel::net::testing {
namespace {

class LoopData : public LoopTest {
 protected:
  void echo() {
    harness_.data_hook = [this](ConnectionId id, const BlockRef&, Slice bytes) {
      EXPECT_EQ(harness_.write(id, bytes), bytes.size());
    };
  }
};

TEST_P(LoopData, EchoesBytes) {
  echo();
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(client.send_all("hello"));
  EXPECT_EQ(client.receive(5), "hello");
  ASSERT_TRUE(client.send_all("again"));
  EXPECT_EQ(client.receive(5), "again");
}

TEST_P(LoopData, ServesManyConnectionsAtOnce) {
  echo();
  PETREL_START_LOOP();
  std::vector<Client> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(Client::connect(harness_.port()));
  for (size_t round = 0; round < 3; ++round) {
    for (size_t i = 0; i < clients.size(); ++i)
      ASSERT_TRUE(clients[i].send_all(Client::pattern(i * 7 + round, 100)));
    for (size_t i = 0; i < clients.size(); ++i)
      EXPECT_EQ(clients[i].receive(100), Client::pattern(i * 7 + round, 100));
  }
}

TEST_P(LoopData, ServesMoreReadyConnectionsThanOneTurnReads) {
  constexpr size_t kClients = 700;
  std::vector<ConnectionId> held;
  harness_.adopted_hook = [&](ConnectionId id) {
    harness_.loop().pause_reads(id);
    held.push_back(id);
  };
  PETREL_START_LOOP();
  std::vector<Client> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(Client::connect(harness_.port()));
    ASSERT_TRUE(clients.back().send_all("some bytes"));
    clients.back().shut_down_sending();
  }
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == kClients; }));
  harness_.on_loop([&] {  // all of them have bytes and an end in the same turn
    for (const ConnectionId id : held) harness_.loop().resume_reads(id);
  });
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.closed.size() == kClients; }));
  EXPECT_EQ(harness_.seen().received.size(), kClients * 10);
}

TEST_P(LoopData, DeliversALongStreamInOrder) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  constexpr size_t kTotal = 8 << 20;
  ASSERT_TRUE(client.send_all(Client::pattern(0, kTotal)));
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.received.size() == kTotal; }));
  EXPECT_TRUE(harness_.seen().received == Client::pattern(0, kTotal));
}

TEST_P(LoopData, KeptBlocksAreNotOverwritten) {
  std::vector<std::pair<BlockRef, Slice>> kept;  // loop's thread until stop
  harness_.data_hook = [&kept](ConnectionId, const BlockRef& block, Slice bytes) {
    kept.emplace_back(block, bytes);
  };
  PETREL_START_LOOP();
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(Client::connect(harness_.port()));
  size_t sent = 0;
  for (int round = 0; round < 100; ++round) {
    for (Client& client : clients) {
      const size_t n = 1 + sent % 1500;
      ASSERT_TRUE(client.send_all(Client::pattern(sent, n)));
      sent += n;
      // One at a time, so that the order over all connections is known.
      ASSERT_TRUE(harness_.await([sent](const auto& s) { return s.received.size() == sent; }));
    }
  }
  harness_.stop();
  std::string all;
  for (const auto& [block, bytes] : kept) all.append(bytes);
  EXPECT_TRUE(all == Client::pattern(0, sent));
}

TEST_P(LoopData, ReusesABlockThatNobodyKept) {
  std::vector<const char*> places;
  harness_.data_hook = [&places](ConnectionId, const BlockRef&, Slice bytes) {
    places.push_back(bytes.data());
  };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  for (size_t i = 1; i <= 200; ++i) {
    ASSERT_TRUE(client.send_all("x"));
    ASSERT_TRUE(harness_.await([i](const auto& s) { return s.received.size() == i; }));
  }
  harness_.stop();
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  EXPECT_LE(places.size(), 1U);
}

TEST_P(LoopData, FinishesAShortWriteWhenTheReaderCatchesUp) {
  constexpr size_t kTotal = 24 << 20;
  const std::string stream = Client::pattern(0, kTotal);
  size_t written = 0;
  auto write_on = [&](ConnectionId id) {
    // Many parts: more than one sendmsg takes at once.
    std::vector<iovec> parts;
    for (size_t at = written; at < kTotal; at += 1000) {
      const size_t n = std::min<size_t>(1000, kTotal - at);
      parts.push_back({const_cast<char*>(stream.data() + at), n});
    }
    written += harness_.loop().write(id, parts);
  };
  harness_.data_hook = [&](ConnectionId id, const BlockRef&, Slice) { write_on(id); };
  harness_.writable_hook = write_on;
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(client.send_all("go"));
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.received == "go"; }));
  harness_.on_loop([&] { EXPECT_LT(written, kTotal) << "the socket was expected to fill up"; });
  std::string got;
  while (got.size() < kTotal) {
    const std::string piece = client.receive(std::min<size_t>(100'000, kTotal - got.size()));
    ASSERT_FALSE(piece.empty());
    got += piece;
  }
  EXPECT_TRUE(got == stream);
  EXPECT_GT(harness_.seen().writable, 0U);
}

TEST_P(LoopData, AFullSocketTakesNothingUntilItIsWritable) {
  const std::string big(32 << 20, 'x');
  size_t second = 1;
  harness_.adopted_hook = [&](ConnectionId id) {
    EXPECT_LT(harness_.write(id, big), big.size());
    second = harness_.write(id, "more");
  };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  EXPECT_EQ(harness_.seen().writable, 0U);
  harness_.on_loop([&] { EXPECT_EQ(second, 0U); });
  std::thread reader([&client] { static_cast<void>(client.receive(32 << 20)); });
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.writable > 0; }));
  harness_.stop();
  reader.join();
}

TEST_P(LoopData, OnWritableComesOncePerShortWrite) {
  const std::string big(32 << 20, 'x');
  harness_.adopted_hook = [&](ConnectionId id) { harness_.write(id, big); };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  std::thread reader([&client] { static_cast<void>(client.receive(32 << 20)); });
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.writable > 0; }));
  for (int i = 0; i < 20; ++i) harness_.on_loop([] {});
  EXPECT_EQ(harness_.seen().writable, 1U);
  harness_.stop();
  reader.join();
}

TEST_P(LoopData, PausedConnectionStopsTheSenderAndResumesWithoutLoss) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  const ConnectionId id = harness_.seen().adopted[0];
  harness_.on_loop([&] { harness_.loop().pause_reads(id); });
  constexpr size_t kMuch = 64 << 20;
  const size_t sent = client.send_until_full(kMuch);
  ASSERT_LT(sent, kMuch) << "a paused reader must fill the socket";
  ASSERT_LT(harness_.seen().received.size(), sent);
  harness_.on_loop([&] { harness_.loop().resume_reads(id); });
  ASSERT_TRUE(harness_.await([sent](const auto& s) { return s.received.size() == sent; }));
  EXPECT_TRUE(harness_.seen().received == Client::pattern(0, sent));
}

TEST_P(LoopData, PausingAndResumingQuicklyLosesNothing) {
  size_t count = 0;
  std::vector<ConnectionId> paused;
  harness_.data_hook = [&](ConnectionId id, const BlockRef&, Slice) {
    harness_.loop().pause_reads(id);
    if (++count % 3 == 0) {
      harness_.loop().resume_reads(id);  // in the same turn
    } else {
      paused.push_back(id);
    }
  };
  harness_.turn_end_hook = [&](Instant now) {
    for (const ConnectionId id : paused) harness_.loop().resume_reads(id);
    paused.clear();
    return now + Duration::seconds(10);
  };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  constexpr size_t kTotal = 4 << 20;
  ASSERT_TRUE(client.send_all(Client::pattern(0, kTotal)));
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.received.size() == kTotal; }));
  EXPECT_TRUE(harness_.seen().received == Client::pattern(0, kTotal));
}

TEST_P(LoopData, AnswerIsSentBeforeAHalfClosedPeerIsGivenUp) {
  std::vector<ConnectionId> asked;
  harness_.data_hook = [&](ConnectionId id, const BlockRef&, Slice) { asked.push_back(id); };
  harness_.turn_end_hook = [&](Instant) {
    for (const ConnectionId id : asked) EXPECT_EQ(harness_.write(id, "PONG"), 4U);
    asked.clear();
    return Instant{INT64_MAX};
  };
  PETREL_START_LOOP();
  for (int i = 0; i < 50; ++i) {
    Client client = Client::connect(harness_.port());
    ASSERT_TRUE(client.send_all("PING"));
    client.shut_down_sending();
    EXPECT_EQ(client.receive(4), "PONG");
    EXPECT_TRUE(client.is_ended());
  }
}

INSTANTIATE_TEST_SUITE_P(BothBackends, LoopData,
                         ::testing::Values(Backend::kEpoll, Backend::kUring), backend_name);

}  // namespace
}  // namespace petrel::net::testing
