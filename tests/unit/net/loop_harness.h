// A loop on its own thread with a scriptable handler, and plain blocking clients to talk to it.
#pragma once

#include "petrel/net/inbox.h"
#include "petrel/net/loop.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace petrel::net::testing {

inline constexpr auto kPatience = std::chrono::seconds(20);

// A blocking TCP client; every read gives up after kPatience. Calls are repeated after EINTR: the
// end of an io_uring of the same process interrupts them.
class Client {
 public:
  Client() = default;
  explicit Client(int fd) : fd_(fd) {
    const timeval limit{std::chrono::seconds(kPatience).count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Client& operator=(Client&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Client() { close(); }

  static Client connect(uint16_t port) {
    Client client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!client.connect_to(port)) client.close();
    return client;
  }
  bool connect_to(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool is_connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  bool send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Sends the stream of a repeating pattern until the socket takes no more; returns the bytes sent.
  size_t send_until_full(size_t limit) {
    size_t sent = 0;
    while (sent < limit) {
      const std::string chunk = pattern(sent, std::min<size_t>(limit - sent, 64 * 1024));
      pollfd ready{fd_, POLLOUT, 0};
      if (::poll(&ready, 1, 200) <= 0) break;
      const ssize_t n = ::send(fd_, chunk.data(), chunk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
    return sent;
  }
  // Exactly n bytes, or fewer if the peer ended before.
  std::string receive(size_t n) {
    std::string bytes(n, '\0');
    size_t have = 0;
    while (have < n) {
      const ssize_t got = receive_some(bytes.data() + have, n - have);
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }
  // True if the peer ended the connection, in whatever way, without more bytes.
  bool is_ended() {
    char byte = 0;
    const ssize_t n = receive_some(&byte, 1);
    return n == 0 || (n < 0 && errno == ECONNRESET);
  }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void shut_down_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // Bytes [from, from + n) of an endless stream in which a lost or swapped piece shows.
  static std::string pattern(size_t from, size_t n) {
    std::string bytes(n, '\0');
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>((from + i) * 2654435761U >> 13);
    return bytes;
  }

 private:
  ssize_t receive_some(char* to, size_t n) {
    ssize_t got = 0;
    do {
      got = ::recv(fd_, to, n, 0);
    } while (got < 0 && errno == EINTR);
    return got;
  }
  int fd_ = -1;
};

// Runs one loop. The hooks run on the loop's thread; what tests read lies behind `await`.
class Harness : public LoopHandler {
 public:
  // What the tests look at. Guarded by the harness's mutex, see await() and note().
  struct Seen {
    std::vector<ConnectionId> adopted;
    std::vector<PeerAddress> peers;
    std::vector<std::pair<CloseCause, int>> closed;
    std::vector<int> accept_errors;
    std::string received;
    size_t writable = 0;
    size_t wakes = 0;
    size_t turns = 0;
  };

  ~Harness() override { stop(); }

  // Skips the calling test if the machine forbids the back end.
  void start(Backend backend) {
    LoopOptions options;
    options.backend = backend;
    Result<std::unique_ptr<Loop>> created = Loop::create(options, *this);
    if (!created && created.error().code == Errc::kUnsupported)
      GTEST_SKIP() << created.error().detail;
    ASSERT_TRUE(created) << created.error().detail;
    loop_ = std::move(*created);
    Result<int> fd = listen_tcp("127.0.0.1", 0);
    ASSERT_TRUE(fd) << fd.error().detail;
    port_ = *bound_port(*fd);
    ASSERT_TRUE(loop_->add_listener(*fd, 7).is_ok());
    thread_ = std::thread([this] { loop_->run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }

  Loop& loop() { return *loop_; }
  uint16_t port() const { return port_; }

  // Runs `work` on the loop's thread and waits for it.
  void on_loop(std::function<void()> work) {
    std::promise<void> done;
    if (calls_.push([&] {
          work();
          done.set_value();
        }))
      loop_->wake();
    ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  }

  [[nodiscard]] bool await(const std::function<bool(const Seen&)>& reached) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return reached(seen_); });
  }
  Seen seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  void note(const std::function<void(Seen&)>& change) {
    const std::lock_guard lock(mutex_);
    change(seen_);
    changed_.notify_all();
  }

  size_t write(ConnectionId id, std::string_view bytes) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    return loop_->write(id, {&part, 1});
  }

  // Hooks; the defaults accept, adopt and record.
  std::function<void(int, const PeerAddress&)> accept_hook;
  std::function<void(ConnectionId)> adopted_hook;
  std::function<void(ConnectionId, const BlockRef&, Slice)> data_hook;
  std::function<void(ConnectionId)> writable_hook;
  std::function<void(ConnectionId, CloseCause)> closed_hook;
  std::function<void()> wake_hook;
  std::function<Instant(Instant)> turn_end_hook;

  void on_accept(int, int fd, const PeerAddress& peer) override {
    if (accept_hook) {
      accept_hook(fd, peer);
    } else {
      loop_->adopt(fd, 1, peer);
    }
  }
  void on_accept_error(int, int error) override {
    note([error](Seen& s) { s.accept_errors.push_back(error); });
  }
  void on_adopted(ConnectionId id, int, const PeerAddress& peer) override {
    if (adopted_hook) adopted_hook(id);
    note([&](Seen& s) {
      s.adopted.push_back(id);
      s.peers.push_back(peer);
    });
  }
  void on_data(ConnectionId id, const BlockRef& block, Slice bytes) override {
    if (data_hook) data_hook(id, block, bytes);
    note([bytes](Seen& s) { s.received.append(bytes); });
  }
  void on_writable(ConnectionId id) override {
    note([](Seen& s) { ++s.writable; });
    if (writable_hook) writable_hook(id);
  }
  void on_closed(ConnectionId id, CloseCause cause, int error) override {
    if (closed_hook) closed_hook(id, cause);
    note([cause, error](Seen& s) { s.closed.emplace_back(cause, error); });
  }
  void on_wake() override {
    std::vector<std::function<void()>> calls;
    calls_.take(calls);
    for (const auto& call : calls) call();
    if (wake_hook) wake_hook();
    note([](Seen& s) { ++s.wakes; });
  }
  Instant on_turn_end(Instant now) override {
    note([](Seen& s) { ++s.turns; });
    return turn_end_hook ? turn_end_hook(now) : Instant{INT64_MAX};
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
  uint16_t port_ = 0;
  Inbox<std::function<void()>> calls_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
};

class LoopStopper {
 public:
  explicit LoopStopper(Harness& harness) : harness_(harness) {}
  ~LoopStopper() { harness_.stop(); }
  LoopStopper(const LoopStopper&) = delete;
  LoopStopper& operator=(const LoopStopper&) = delete;

 private:
  Harness& harness_;
};

// Test of one behaviour on both back ends. Hooks are set before start().
class LoopTest : public ::testing::TestWithParam<Backend> {
 protected:
  void start() { harness_.start(GetParam()); }
  Harness harness_;
};

inline std::string backend_name(const ::testing::TestParamInfo<Backend>& info) {
  return info.param == Backend::kEpoll ? "Epoll" : "Uring";
}

}  // namespace petrel::net::testing

// Starts the loop of a LoopTest, or leaves the test if the back end is not to be had. The loop ends
// with the scope, before the locals that were declared above and that hooks use.
#define PETREL_START_LOOP()                     \
  start();                                      \
  if (IsSkipped() || HasFatalFailure()) return; \
  const LoopStopper stopper(harness_)
