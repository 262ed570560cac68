// LoopThread: one event loop with its shard on a thread of its own. Joins net and shard: socket
// events become shard events, the shard's wishes become socket calls.
//
// Owner: server. Thread: everything on the loop's own, except what is marked otherwise.
#pragma once

#include "petrel/net/inbox.h"
#include "petrel/net/loop.h"
#include "petrel/net/tls_connections.h"
#include "petrel/shard/shard.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace petrel::server {

// What all loop threads of a server share.
class LoopOwner {
 public:
  virtual ~LoopOwner() = default;
  // All of these: any loop's thread.
  virtual void connection_accepted(int tag, int fd, const net::PeerAddress& peer) = 0;
  virtual void accept_failed(int tag, int error) = 0;
  virtual uint64_t next_connection_id() = 0;
  // Why a new connection may not stay; "": it may. Counts it.
  virtual std::string admit_connection() = 0;
  virtual void connection_ended() = 0;
  virtual void post(uint16_t loop, shard::InboxItem item) = 0;
  virtual size_t inbox_bytes(uint16_t loop) const = 0;
  virtual bool verify_password(router::ConnectionHandle connection, std::string hash,
                               std::string password) = 0;
  // False: nobody decides, or too much waits.
  virtual bool decide_elsewhere(router::ConnectionHandle /*connection*/,
                                auth::AuthRequest /*request*/) {
    return false;
  }
  // Answered by LoopThread::settle_tls, later.
  virtual void check_certificates(router::ConnectionHandle connection,
                                  std::vector<net::OcspLink> links) = 0;
  // Whether another TLS handshake may begin in this second.
  virtual bool admit_tls_handshake() = 0;
  virtual void log(session::LogLevel level, const session::ClientSession& session,
                   std::string text) = 0;
};

struct LoopThreadOptions {
  uint16_t loop = 0;
  uint16_t loops = 1;
  uint64_t seed = 0;
  net::Backend backend = net::Backend::kEpoll;
};

class LoopThread final : private net::LoopHandler,
                         private net::TlsHandler,
                         private shard::ShardPort {
 public:
  static Result<std::unique_ptr<LoopThread>> create(
      const LoopThreadOptions& options, LoopOwner& owner, router::AccountRegistry& accounts,
      std::shared_ptr<const session::SessionConfig> config);
  ~LoopThread() override;

  void start();
  // Any thread. Returns when the thread has ended.
  void stop_and_join();
  // Any thread.
  void push(shard::InboxItem item);
  void run_task(std::function<void(shard::Shard&)> task);
  // What new connections shake hands with. Loop thread or before start.
  void set_tls_context(std::shared_ptr<const net::TlsContext> context) {
    tls_context_ = std::move(context);
  }
  // `refusal` "": the client's certificates are good. Loop thread.
  void settle_tls(router::ConnectionHandle connection, const std::string& refusal);
  size_t inbox_bytes() const { return inbox_bytes_.load(std::memory_order_relaxed); }
  size_t open_connections() const { return open_.load(std::memory_order_relaxed); }
  // Share of a processor that the loop took lately. Thread: the one that accepts.
  int busy_percent();
  void count_adopted() { open_.fetch_add(1, std::memory_order_relaxed); }
  const session::LoopCounters& counters() const { return shard_.counters(); }
  // Before start.
  router::Router& router() { return shard_.router(); }
  void add_service(std::unique_ptr<shard::LoopService> service) {
    shard_.add_service(std::move(service));
  }
  void watch_clients(shard::ClientWatch* watch) { shard_.watch_clients(watch); }
  const router::Router& router() const { return const_cast<shard::Shard&>(shard_).router(); }
  // Any thread (adopt), loop thread or before start (listeners).
  net::Loop& loop() { return *loop_; }

 private:
  LoopThread(const LoopThreadOptions& options, LoopOwner& owner, router::AccountRegistry& accounts,
             std::shared_ptr<const session::SessionConfig> config);

  // net
  void on_accept(int listener_tag, int fd, const net::PeerAddress& peer) override;
  void on_accept_error(int listener_tag, int error) override;
  void on_adopted(net::ConnectionId id, int tag, const net::PeerAddress& peer) override;
  void on_data(net::ConnectionId id, const BlockRef& block, Slice bytes) override;
  bool wants_data(net::ConnectionId id) override { return shard_.wants_input(id.slot); }
  void on_writable(net::ConnectionId id) override;
  void on_closed(net::ConnectionId id, net::CloseCause cause, int error) override;
  void on_wake() override;
  Instant on_turn_end(Instant now) override;

  // TLS
  void on_tls_check(net::ConnectionId id, std::vector<net::OcspLink> links) override;
  void on_tls_open(net::ConnectionId id, std::shared_ptr<const TlsPeer> peer) override;
  void on_tls_data(net::ConnectionId id, const BlockRef& block, Slice plain) override;
  void on_tls_end(net::ConnectionId id) override;
  void on_tls_failed(net::ConnectionId id, const net::TlsFailure& failure, bool was_open) override;

  // shard
  size_t write(router::ConnectionHandle connection, std::span<const Slice> parts) override;
  void close_socket(router::ConnectionHandle connection) override;
  void pause_reads(router::ConnectionHandle connection) override;
  void resume_reads(router::ConnectionHandle connection) override;
  void post(uint16_t loop, shard::InboxItem item) override { owner_.post(loop, std::move(item)); }
  size_t inbox_bytes(uint16_t loop) const override { return owner_.inbox_bytes(loop); }
  bool take_inbox(std::vector<shard::InboxItem>& items) override;
  void inbox_handled(size_t bytes) override;
  bool decide_elsewhere(router::ConnectionHandle connection, auth::AuthRequest request) override;
  bool verify_password(router::ConnectionHandle connection, std::string hash,
                       std::string password) override;
  bool start_tls(router::ConnectionHandle connection, Slice first) override;
  void log(session::LogLevel level, const session::ClientSession& session,
           std::string text) override;
  void connection_ended() override { owner_.connection_ended(); }

  void sync_time();

  LoopOwner& owner_;
  const uint16_t index_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<net::TlsConnections> tls_;
  std::shared_ptr<const net::TlsContext> tls_context_;
  net::Inbox<shard::InboxItem> inbox_;
  std::atomic<size_t> inbox_bytes_{0};
  std::atomic<size_t> open_{0};
  shard::Shard shard_;
  Instant turn_{};
  int64_t measured_at_ns_ = 0;  // busy_percent: when and what was read last
  int64_t measured_cpu_ns_ = 0;
  int busy_percent_ = 0;
  std::thread thread_;
};

}  // namespace petrel::server
