#include "server/loop_thread.h"

#include <array>
#include <chrono>
#include <ctime>
#include <pthread.h>

namespace petrel::server {

namespace {

WallTime wall_clock() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

int64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

net::ConnectionId id_of(router::ConnectionHandle connection) {
  return {connection.slot, connection.generation};
}

session::CloseReason reason_of(net::CloseCause cause) {
  switch (cause) {
    case net::CloseCause::kPeerClosed:
      return session::CloseReason::kClientClosed;
    case net::CloseCause::kReadError:
      return session::CloseReason::kReadError;
    case net::CloseCause::kWriteError:
      return session::CloseReason::kWriteError;
  }
  return session::CloseReason::kClientClosed;
}

}  // namespace

LoopThread::LoopThread(const LoopThreadOptions& options, LoopOwner& owner,
                       router::AccountRegistry& accounts,
                       std::shared_ptr<const session::SessionConfig> config)
    : owner_(owner),
      index_(options.loop),
      shard_({options.loop, options.loops, options.seed}, *this, accounts, std::move(config)) {}

LoopThread::~LoopThread() {
  stop_and_join();
}

Result<std::unique_ptr<LoopThread>> LoopThread::create(
    const LoopThreadOptions& options, LoopOwner& owner, router::AccountRegistry& accounts,
    std::shared_ptr<const session::SessionConfig> config) {
  std::unique_ptr<LoopThread> thread(new LoopThread(options, owner, accounts, std::move(config)));
  net::LoopOptions loop_options;
  loop_options.backend = options.backend;
  PETREL_TRY(thread->loop_, net::Loop::create(loop_options, *thread));
  net::TlsHandler& tls_handler = *thread;
  thread->tls_ = std::make_unique<net::TlsConnections>(*thread->loop_, tls_handler);
  return thread;
}

void LoopThread::start() {
  thread_ = std::thread([this] { loop_->run(); });
}

void LoopThread::stop_and_join() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

int LoopThread::busy_percent() {
  constexpr int64_t kWindowNs = 100'000'000;
  const int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
  if (now_ns - measured_at_ns_ < kWindowNs) return busy_percent_;
  clockid_t clock = 0;
  if (!thread_.joinable() || pthread_getcpuclockid(thread_.native_handle(), &clock) != 0) return 0;
  const int64_t cpu_ns = clock_ns(clock);
  busy_percent_ = static_cast<int>((cpu_ns - measured_cpu_ns_) * 100 / (now_ns - measured_at_ns_));
  measured_at_ns_ = now_ns;
  measured_cpu_ns_ = cpu_ns;
  return busy_percent_;
}

void LoopThread::push(shard::InboxItem item) {
  if (item.batch != nullptr) {
    inbox_bytes_.fetch_add(item.batch->charged_bytes(), std::memory_order_relaxed);
  }
  if (inbox_.push(std::move(item))) loop_->wake();
}

void LoopThread::run_task(std::function<void(shard::Shard&)> task) {
  shard::InboxItem item;
  item.task = std::move(task);
  push(std::move(item));
}

void LoopThread::sync_time() {
  const Instant now = loop_->now();
  if (now == turn_) return;
  turn_ = now;
  shard_.set_time(now, wall_clock());
}

// --- net ---

void LoopThread::on_accept(int listener_tag, int fd, const net::PeerAddress& peer) {
  owner_.connection_accepted(listener_tag, fd, peer);
}

void LoopThread::on_accept_error(int listener_tag, int error) {
  owner_.accept_failed(listener_tag, error);
}

void LoopThread::on_adopted(net::ConnectionId id, int /*tag*/, const net::PeerAddress& peer) {
  sync_time();
  shard_.open_connection({id.slot, id.generation, index_}, owner_.next_connection_id(),
                         {peer.ip, peer.port}, owner_.admit_connection());
}

void LoopThread::on_data(net::ConnectionId id, const BlockRef& block, Slice bytes) {
  sync_time();
  if (tls_->has(id)) {
    tls_->on_data(id, bytes);
  } else {
    shard_.bytes_received(id.slot, block, bytes);
  }
}

void LoopThread::on_writable(net::ConnectionId id) {
  sync_time();
  if (tls_->on_writable(id)) shard_.writable(id.slot);
}

void LoopThread::on_closed(net::ConnectionId id, net::CloseCause cause, int /*error*/) {
  sync_time();
  open_.fetch_sub(1, std::memory_order_relaxed);
  tls_->lose(id);
  shard_.connection_lost(id.slot, reason_of(cause));
}

void LoopThread::on_wake() {
  sync_time();
  shard_.handle_inbox();
}

Instant LoopThread::on_turn_end(Instant /*now*/) {
  sync_time();
  return shard_.end_turn();
}

// --- TLS ---

void LoopThread::on_tls_check(net::ConnectionId id, std::vector<net::OcspLink> links) {
  owner_.check_certificates({id.slot, id.generation, index_}, std::move(links));
}

void LoopThread::settle_tls(router::ConnectionHandle connection, const std::string& refusal) {
  tls_->settle(id_of(connection), refusal);
}

void LoopThread::on_tls_open(net::ConnectionId id, std::shared_ptr<const TlsPeer> peer) {
  shard_.tls_established(id.slot, std::move(peer));
}

void LoopThread::on_tls_data(net::ConnectionId id, const BlockRef& block, Slice plain) {
  shard_.bytes_received(id.slot, block, plain);
}

void LoopThread::on_tls_end(net::ConnectionId id) {
  close_socket({id.slot, id.generation, index_});
  shard_.connection_lost(id.slot, session::CloseReason::kClientClosed);
}

void LoopThread::on_tls_failed(net::ConnectionId id, const net::TlsFailure& failure,
                               bool was_open) {
  shard_.tls_failed(id.slot, failure.text, failure.is_probe, was_open);
}

// --- shard ---

size_t LoopThread::write(router::ConnectionHandle connection, std::span<const Slice> parts) {
  std::array<iovec, 64> vectors;
  for (size_t i = 0; i < parts.size(); ++i) {
    vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  }
  const net::ConnectionId id = id_of(connection);
  const std::span<const iovec> wire = std::span(vectors).first(parts.size());
  return tls_->has(id) ? tls_->write(id, wire) : loop_->write(id, wire);
}

void LoopThread::close_socket(router::ConnectionHandle connection) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  tls_->forget(id_of(connection));
  loop_->close(id_of(connection));
}

void LoopThread::pause_reads(router::ConnectionHandle connection) {
  loop_->pause_reads(id_of(connection));
}

void LoopThread::resume_reads(router::ConnectionHandle connection) {
  loop_->resume_reads(id_of(connection));
}

bool LoopThread::take_inbox(std::vector<shard::InboxItem>& items) {
  if (inbox_.looks_empty()) return false;
  inbox_.take(items);
  return !items.empty();
}

void LoopThread::inbox_handled(size_t bytes) {
  inbox_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

bool LoopThread::decide_elsewhere(router::ConnectionHandle connection, auth::AuthRequest request) {
  return owner_.decide_elsewhere(connection, std::move(request));
}

bool LoopThread::verify_password(router::ConnectionHandle connection, std::string hash,
                                 std::string password) {
  return owner_.verify_password(connection, std::move(hash), std::move(password));
}

bool LoopThread::start_tls(router::ConnectionHandle connection, Slice first) {
  if (!owner_.admit_tls_handshake()) return false;
  tls_->start(id_of(connection), tls_context_, first);
  return true;
}

void LoopThread::log(session::LogLevel level, const session::ClientSession& session,
                     std::string text) {
  owner_.log(level, session, std::move(text));
}

}  // namespace petrel::server
