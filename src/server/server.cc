#include "petrel/server.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <unistd.h>

#include "petrel/net/worker_pool.h"
#include "server/identity.h"
#include "server/loop_thread.h"
#include "server/password.h"
#include "server/session_config.h"

namespace petrel {

namespace {

constexpr int kClientListener = 1;
constexpr uint64_t kFirstConnectionId = 5;
constexpr size_t kPasswordChecksMax = 1024;

LogLevel level_of(session::LogLevel level) {
  switch (level) {
    case session::LogLevel::kInfo: return LogLevel::kInfo;
    case session::LogLevel::kWarn: return LogLevel::kWarn;
    case session::LogLevel::kError: return LogLevel::kError;
    case session::LogLevel::kDebug: return LogLevel::kDebug;
    case session::LogLevel::kTrace: return LogLevel::kTrace;
  }
  return LogLevel::kInfo;
}

}  // namespace

struct Server::Impl final : server::LoopOwner {
  explicit Impl(ServerOptions given) : options(std::move(given.options)), log_line(std::move(given.log)) {}

  void say(LogLevel level, const std::string& text) const {
    if (log_line) log_line(level, text);
  }

  Status open_loops();
  Status open_client_listener();

  // LoopOwner
  void connection_accepted(int tag, int fd, const net::PeerAddress& peer) override;
  void accept_failed(int tag, int error) override;
  uint64_t next_connection_id() override { return next_id.fetch_add(1); }
  std::string admit_connection() override;
  void connection_ended() override { connections.fetch_sub(1); }
  void post(uint16_t loop, shard::InboxItem item) override { loops[loop]->push(std::move(item)); }
  size_t inbox_bytes(uint16_t loop) const override { return loops[loop]->inbox_bytes(); }
  bool verify_password(router::ConnectionHandle connection, std::string hash,
                       std::string password) override;
  void log(session::LogLevel level, const session::ClientSession& session,
           std::string text) override {
    say(level_of(level), session.log_prefix() + " - " + text);
  }

  conf::Options options;
  std::function<void(LogLevel, const std::string&)> log_line;
  server::Identity identity;
  router::AccountInterest global_account{"$G", {}};
  std::shared_ptr<const session::SessionConfig> session_config;
  std::unique_ptr<net::WorkerPool> workers;
  std::vector<std::unique_ptr<server::LoopThread>> loops;
  std::atomic<uint64_t> next_id{kFirstConnectionId};
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> max_connections{0};
  uint16_t port = 0;
  bool is_running = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::create(ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  impl->identity = server::make_identity();
  impl->max_connections = impl->options.max_connections;
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Status Server::Impl::open_loops() {
  const auto count = static_cast<uint16_t>(
      options.petrel.loops > 0 ? options.petrel.loops
                               : std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
  for (uint16_t i = 0; i < count; ++i) {
    server::LoopThreadOptions loop_options;
    loop_options.loop = i;
    loop_options.loops = count;
    loop_options.seed = std::hash<std::string>{}(identity.id) + i;
    loop_options.backend = options.petrel.backend == conf::Backend::kIoUring
                               ? net::Backend::kUring
                               : net::Backend::kEpoll;
    auto loop = server::LoopThread::create(loop_options, *this, global_account, session_config);
    if (!loop) return loop.error();
    loops.push_back(*std::move(loop));
  }
  return Status::ok();
}

Status Server::Impl::open_client_listener() {
  const auto wanted = static_cast<uint16_t>(options.port < 0 ? 0 : options.port);
  auto fd = net::listen_tcp(options.host, wanted);
  if (!fd) return fd.error();
  auto bound = net::bound_port(*fd);
  if (!bound) return bound.error();
  port = *bound;
  auto config = server::make_session_config(options, identity, port);
  if (!config) return config.error();
  session_config = *std::move(config);
  if (Status status = open_loops(); !status) return status;
  return loops.front()->loop().add_listener(*fd, kClientListener);
}

Status Server::start() {
  Impl& impl = *impl_;
  impl.workers = std::make_unique<net::WorkerPool>(1, kPasswordChecksMax);
  if (Status status = impl.open_client_listener(); !status) return status;
  for (auto& loop : impl.loops) loop->start();
  impl.is_running = true;
  impl.say(LogLevel::kInfo, "Listening for client connections on " + impl.options.host + ":" +
                                std::to_string(impl.port));
  impl.say(LogLevel::kInfo, "Server is ready");
  return Status::ok();
}

void Server::stop() {
  Impl& impl = *impl_;
  if (!impl.is_running) return;
  impl.is_running = false;
  impl.workers.reset();
  for (auto& loop : impl.loops) {
    loop->run_task([](shard::Shard& shard) {
      shard.close_all(session::CloseReason::kServerShutdown);
    });
  }
  for (auto& loop : impl.loops) loop->stop_and_join();
}

uint16_t Server::client_port() const { return impl_->port; }
uint16_t Server::monitor_port() const { return 0; }
const std::string& Server::id() const { return impl_->identity.id; }
size_t Server::connection_count() const { return static_cast<size_t>(impl_->connections.load()); }

// A connection goes to the loop with the fewest.
void Server::Impl::connection_accepted(int tag, int fd, const net::PeerAddress& peer) {
  server::LoopThread* best = loops.front().get();
  for (auto& loop : loops) {
    if (loop->open_connections() < best->open_connections()) best = loop.get();
  }
  best->count_adopted();
  best->loop().adopt(fd, tag, peer);
}

void Server::Impl::accept_failed(int /*tag*/, int error) {
  say(LogLevel::kError, "Temporary Client Accept Error (" + std::string(strerror(error)) +
                            "), sleeping 1s; raise the limit of open files (ulimit -n)");
}

std::string Server::Impl::admit_connection() {
  const int64_t before = connections.fetch_add(1);
  return before >= max_connections.load() ? "maximum connections exceeded" : "";
}

bool Server::Impl::verify_password(router::ConnectionHandle connection, std::string hash,
                                   std::string password) {
  return workers->push([this, connection, hash = std::move(hash),
                        password = std::move(password)] {
    const bool is_right = server::bcrypt_matches(hash, password);
    loops[connection.loop]->run_task([connection, is_right](shard::Shard& shard) {
      shard.password_verified(connection, is_right);
    });
  });
}

}  // namespace petrel
