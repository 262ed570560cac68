// How connections, listeners and the loop itself begin and end.
#include "loop_harness.h"
#include "small_file_table.h"

#include <algorithm>
#include <fcntl.h>
#include <set>

namespace petrel::net::testing {
namespace {

class LoopLife : public LoopTest {};

TEST_P(LoopLife, ReportsThePeersAddress) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.peers.size() == 1; }));
  sockaddr_in own{};
  socklen_t length = sizeof own;
  ASSERT_EQ(::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&own), &length), 0);
  EXPECT_EQ(harness_.seen().peers[0].ip, "127.0.0.1");
  EXPECT_EQ(harness_.seen().peers[0].port, ntohs(own.sin_port));
}

TEST_P(LoopLife, PeerThatClosesIsReportedOnce) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  client.close();
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.closed.size() == 1; }));
  harness_.on_loop([] {});
  EXPECT_EQ(harness_.seen().closed,
            (std::vector<std::pair<CloseCause, int>>{{CloseCause::kPeerClosed, 0}}));
}

TEST_P(LoopLife, PeerThatResetsIsAReadError) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  client.reset();
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.closed.size() == 1; }));
  EXPECT_EQ(harness_.seen().closed[0].first, CloseCause::kReadError);
  EXPECT_EQ(harness_.seen().closed[0].second, ECONNRESET);
}

TEST_P(LoopLife, WriteToADeadPeerTakesNothingAndOnClosedComesLater) {
  bool is_writing = false;
  harness_.closed_hook = [&is_writing](ConnectionId, CloseCause) { EXPECT_FALSE(is_writing); };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  const ConnectionId id = harness_.seen().adopted[0];
  harness_.on_loop([&] { harness_.loop().pause_reads(id); });
  harness_.on_loop([] {});
  client.reset();
  harness_.on_loop([&] {
    is_writing = true;
    EXPECT_EQ(harness_.write(id, "lost"), 0U);
    EXPECT_EQ(harness_.write(id, "lost as well"), 0U);
    is_writing = false;
  });
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.closed.size() == 1; }));
  EXPECT_EQ(harness_.seen().closed.size(), 1U);
}

TEST_P(LoopLife, ResetOfAPausedPeerNeitherSpinsNorLosesItsBytes) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  const ConnectionId id = harness_.seen().adopted[0];
  harness_.on_loop([&] { harness_.loop().pause_reads(id); });
  harness_.on_loop([] {});
  ASSERT_TRUE(client.send_all("last words"));
  client.reset();
  const size_t before = harness_.seen().turns;
  for (int i = 0; i < 50; ++i) harness_.on_loop([] {});
  // Each call may take a turn, and the reset one or two; a spinning loop takes thousands.
  EXPECT_LT(harness_.seen().turns, before + 120);
  harness_.on_loop([&] { harness_.loop().resume_reads(id); });
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.closed.size() == 1; }));
  EXPECT_EQ(harness_.seen().received, "last words");
}

TEST_P(LoopLife, CloseInOnDataEndsTheConnectionQuietly) {
  harness_.data_hook = [this](ConnectionId id, const BlockRef&, Slice) {
    EXPECT_EQ(harness_.write(id, "bye"), 3U);
    harness_.loop().close(id);
    EXPECT_EQ(harness_.write(id, "too late"), 0U);
    harness_.loop().close(id);  // stale: nothing happens
  };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(client.send_all("x"));
  EXPECT_EQ(client.receive(3), "bye");
  EXPECT_TRUE(client.is_ended());
  harness_.on_loop([] {});
  EXPECT_TRUE(harness_.seen().closed.empty());
}

TEST_P(LoopLife, CloseInEveryCallbackIsSafe) {
  const std::string big(32 << 20, 'x');
  harness_.adopted_hook = [&](ConnectionId id) {
    if (harness_.seen().adopted.size() % 2 == 0) {
      harness_.loop().close(id);
    } else {
      harness_.write(id, big);
    }
  };
  harness_.writable_hook = [&](ConnectionId id) { harness_.loop().close(id); };
  harness_.closed_hook = [&](ConnectionId id, CloseCause) { harness_.loop().close(id); };
  PETREL_START_LOOP();
  for (size_t i = 0; i < 20; ++i) {
    Client client = Client::connect(harness_.port());
    ASSERT_TRUE(harness_.await([i](const auto& s) { return s.adopted.size() == i + 1; }));
    if (i % 3 != 0) static_cast<void>(client.receive(4 << 20));
  }
  Client last = Client::connect(harness_.port());
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 21; }));
}

TEST_P(LoopLife, ClosingAnotherConnectionWithWaitingBytesSilencesIt) {
  std::vector<ConnectionId> ids;
  std::set<uint32_t> spoke;
  harness_.adopted_hook = [&](ConnectionId id) { ids.push_back(id); };
  harness_.data_hook = [&](ConnectionId id, const BlockRef&, Slice) {
    EXPECT_TRUE(spoke.empty()) << "slot " << id.slot << " spoke after it was closed";
    spoke.insert(id.slot);
    for (const ConnectionId other : ids) harness_.loop().close(other);
  };
  PETREL_START_LOOP();
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(Client::connect(harness_.port()));
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 20; }));
  harness_.on_loop([&] {  // all bytes arrive in one turn
    for (Client& client : clients) ASSERT_TRUE(client.send_all("x"));
  });
  for (Client& client : clients) EXPECT_TRUE(client.is_ended());
  harness_.stop();
  EXPECT_EQ(spoke.size(), 1U);
}

TEST_P(LoopLife, AnIdNeverNamesALaterConnection) {
  PETREL_START_LOOP();
  std::vector<ConnectionId> old;
  for (size_t i = 1; i <= 10; ++i) {
    Client client = Client::connect(harness_.port());
    ASSERT_TRUE(harness_.await([i](const auto& s) { return s.adopted.size() == i; }));
    old.push_back(harness_.seen().adopted.back());
    client.close();
    ASSERT_TRUE(harness_.await([i](const auto& s) { return s.closed.size() == i; }));
  }
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 11; }));
  harness_.on_loop([&] {
    for (const ConnectionId id : old) {
      EXPECT_EQ(harness_.write(id, "wrong"), 0U);
      harness_.loop().close(id);
    }
    EXPECT_EQ(harness_.write(harness_.seen().adopted.back(), "right"), 5U);
  });
  EXPECT_EQ(client.receive(5), "right");
  const uint32_t slot = harness_.seen().adopted.back().slot;
  EXPECT_EQ(old.front().slot, slot) << "slots are reused";
}

TEST_P(LoopLife, BytesWrittenBeforeCloseArriveThoughTheInputWasNotRead) {
  harness_.data_hook = [this](ConnectionId id, const BlockRef&, Slice) {
    // More input than one read takes is waiting by now.
    harness_.write(id, "-ERR 'no'\r\n");
    harness_.loop().close(id);
  };
  PETREL_START_LOOP();
  for (int i = 0; i < 20; ++i) {
    Client client = Client::connect(harness_.port());
    harness_.on_loop([&] { client.send_until_full(300'000); });
    EXPECT_EQ(client.receive(11), "-ERR 'no'\r\n");
  }
}

TEST_P(LoopLife, AdoptsFromManyThreads) {
  harness_.data_hook = [this](ConnectionId id, const BlockRef&, Slice bytes) {
    harness_.write(id, bytes);
  };
  PETREL_START_LOOP();
  constexpr size_t kThreads = 4;
  constexpr size_t kEach = 50;
  std::vector<std::vector<Client>> ends(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : ends) {
    threads.emplace_back([this, &mine] {
      for (size_t i = 0; i < kEach; ++i) {
        int pair[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
        mine.emplace_back(pair[1]);
        harness_.loop().adopt(pair[0], 1, {"local", 0});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == kThreads * kEach; }));
  for (auto& mine : ends) {
    for (Client& client : mine) {
      ASSERT_TRUE(client.send_all("ping"));
      EXPECT_EQ(client.receive(4), "ping");
    }
  }
}

TEST_P(LoopLife, EveryWakeOfAStormIsSeen) {
  std::atomic<size_t> posted{0};
  std::atomic<size_t> handled{0};
  harness_.wake_hook = [&] { handled = posted.load(); };
  PETREL_START_LOOP();
  constexpr size_t kThreads = 4;
  constexpr size_t kEach = 20'000;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < kEach; ++i) {
        ++posted;
        harness_.loop().wake();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // The last wake() came after the last count, so the loop must see all.
  EXPECT_TRUE(harness_.await([&](const auto&) { return handled == kThreads * kEach; }));
  EXPECT_LE(harness_.seen().wakes, kThreads * kEach);
}

TEST_P(LoopLife, WakeDuringATurnIsNotLost) {
  size_t left = 100;
  harness_.wake_hook = [&] {
    if (left > 0 && --left > 0) harness_.loop().wake();
  };
  PETREL_START_LOOP();
  harness_.on_loop([] {});
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.wakes >= 100; }));
}

TEST_P(LoopLife, SleepsUntilTheNamedTimeAndNotLonger) {
  std::atomic<int> turns{0};
  Instant asked;
  Instant came;
  harness_.turn_end_hook = [&](Instant now) {
    if (++turns == 1) asked = now;
    if (turns == 2) came = now;
    return turns == 1 ? now + Duration::millis(30) : Instant{INT64_MAX};
  };
  PETREL_START_LOOP();
  ASSERT_TRUE(harness_.await([&](const auto&) { return turns >= 2; }) || turns >= 2);
  harness_.stop();
  EXPECT_GE(came.ns, (asked + Duration::millis(30)).ns);
  EXPECT_LT(came.ns, (asked + Duration::seconds(10)).ns);
}

TEST_P(LoopLife, StopClosesConnectionsAndFreesThePort) {
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  harness_.stop();
  EXPECT_TRUE(client.is_ended());
  EXPECT_FALSE(Client::connect(harness_.port()).is_connected());
  EXPECT_TRUE(harness_.seen().closed.empty());
  Result<int> again = listen_tcp("127.0.0.1", harness_.port());
  ASSERT_TRUE(again) << again.error().detail;
  ::close(*again);
}

TEST_P(LoopLife, RemovedListenerRefusesWhileConnectionsGoOn) {
  harness_.data_hook = [this](ConnectionId id, const BlockRef&, Slice bytes) {
    harness_.write(id, bytes);
  };
  PETREL_START_LOOP();
  Client client = Client::connect(harness_.port());
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
  harness_.on_loop([&] { harness_.loop().remove_listener(7); });
  EXPECT_FALSE(Client::connect(harness_.port()).is_connected());
  ASSERT_TRUE(client.send_all("still here"));
  EXPECT_EQ(client.receive(10), "still here");
}

TEST_P(LoopLife, ListenerCanBeAddedWhileRunning) {
  PETREL_START_LOOP();
  Result<int> fd = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(fd);
  const uint16_t port = *bound_port(*fd);
  harness_.on_loop([&] { EXPECT_TRUE(harness_.loop().add_listener(*fd, 8).is_ok()); });
  Client client = Client::connect(port);
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
}

TEST_P(LoopLife, ListenerRemovedWhileItAcceptsIsSafe) {
  harness_.accept_hook = [this](int fd, const PeerAddress& peer) {
    harness_.loop().remove_listener(7);
    harness_.loop().adopt(fd, 1, peer);
  };
  PETREL_START_LOOP();
  std::vector<Client> clients;
  harness_.on_loop([&] {  // all of them wait when the loop accepts
    for (int i = 0; i < 10; ++i) clients.push_back(Client::connect(harness_.port()));
  });
  ASSERT_TRUE(harness_.await([](const auto& s) { return !s.adopted.empty(); }));
  EXPECT_FALSE(Client::connect(harness_.port()).is_connected());
}

TEST_P(LoopLife, TakesAStormOfConnections) {
  harness_.data_hook = [this](ConnectionId id, const BlockRef&, Slice bytes) {
    harness_.write(id, bytes);
  };
  PETREL_START_LOOP();
  constexpr size_t kStorm = 2000;
  std::vector<Client> clients;
  for (size_t i = 0; i < kStorm; ++i) {
    clients.push_back(Client::connect(harness_.port()));
    ASSERT_TRUE(clients.back().is_connected());
  }
  ASSERT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == kStorm; }));
  for (Client& client : clients) ASSERT_TRUE(client.send_all("hi"));
  for (Client& client : clients) ASSERT_EQ(client.receive(2), "hi");
  clients.clear();
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.closed.size() == kStorm; }));
}

TEST_P(LoopLife, OutOfFilesIsReportedWithoutSpinningAndAcceptingGoesOnLater) {
  SmallFileTable files;  // the ring notes the limit when it is armed, so it comes first
  PETREL_START_LOOP();
  harness_.on_loop([] {});
  Client client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  files.fill();
  ASSERT_TRUE(client.connect_to(harness_.port()));
  ASSERT_TRUE(harness_.await([](const auto& s) { return !s.accept_errors.empty(); }));
  EXPECT_EQ(harness_.seen().accept_errors[0], EMFILE);
  const size_t before = harness_.seen().turns;
  for (int i = 0; i < 20; ++i) harness_.on_loop([] {});
  EXPECT_LT(harness_.seen().turns, before + 60);
  EXPECT_EQ(harness_.seen().accept_errors.size(), 1U);
  files.drain();
  EXPECT_TRUE(harness_.await([](const auto& s) { return s.adopted.size() == 1; }));
}

INSTANTIATE_TEST_SUITE_P(BothBackends, LoopLife,
                         ::testing::Values(Backend::kEpoll, Backend::kUring), backend_name);

}  // namespace
}  // namespace petrel::net::testing
