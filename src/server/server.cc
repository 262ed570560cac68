// The life of a server: create, start, stop, lame duck mode.
#include "petrel/server.h"

#include "server/available_cpus.h"
#include "server/password.h"
#include "server/server_impl.h"

#include "petrel/net/loop.h"

#include <chrono>
#include <latch>

namespace petrel {

namespace {

constexpr uint64_t kFirstConnectionId = 5;
constexpr size_t kPasswordThreads = 1;
constexpr size_t kPasswordChecksMax = 1024;

LogLevel level_of(session::LogLevel level) {
  switch (level) {
    case session::LogLevel::kInfo:
      return LogLevel::kInfo;
    case session::LogLevel::kWarn:
      return LogLevel::kWarn;
    case session::LogLevel::kError:
      return LogLevel::kError;
    case session::LogLevel::kDebug:
      return LogLevel::kDebug;
    case session::LogLevel::kTrace:
      return LogLevel::kTrace;
  }
  return LogLevel::kInfo;
}

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

}  // namespace

Server::Impl::Impl(ServerOptions given)
    : executable(std::move(given.executable)),
      log_line(std::move(given.log)),
      prepare_log(std::move(given.prepare_log)),
      must_stop(std::move(given.must_stop)),
      request_reload(std::move(given.request_reload)),
      identity(server::make_identity()),
      start_time(wall_now()),
      accounts(server::random_seed(), server::loop_count(given.options)),
      next_id(kFirstConnectionId) {
  max_connections = given.options.max_connections;
  current.replace(std::move(given.options), start_time);
}

void Server::Impl::say(LogLevel level, const std::string& text) const {
  if (!log_line || (level == LogLevel::kDebug && !current.get()->options.debug)) return;
  log_line(level, text);
}

void Server::Impl::log(session::LogLevel level, const session::ClientSession& session,
                       std::string text) {
  if (log_line) log_line(level_of(level), session.log_prefix() + " - " + text);
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::create(ServerOptions options) {
  return std::unique_ptr<Server>(new Server(std::make_unique<Impl>(std::move(options))));
}

Status Server::start() {
  Impl& impl = *impl_;
  impl.print_banner();
  impl.print_warnings();
  PETREL_TRY_STATUS(impl.write_pid_file());
  impl.workers = std::make_unique<net::WorkerPool>(kPasswordThreads, kPasswordChecksMax);
  std::string tls_files = server::tls_files_signature(impl.options());
  PETREL_TRY(server::TlsContexts tls, impl.load_tls(impl.options()));
  impl.current.replace_tls(std::move(tls));
  PETREL_TRY_STATUS(impl.open_monitoring());
  PETREL_TRY_STATUS(impl.open_client_listener());
  PETREL_TRY_STATUS(impl.open_auth());
  impl.open_system_account();
  impl.usage.start();
  // Answers while JetStream recovers.
  if (impl.monitoring != nullptr) PETREL_TRY_STATUS(impl.monitoring->start());
  PETREL_TRY_STATUS(impl.open_jetstream());
  PETREL_TRY_STATUS(impl.listen_to_clients());
  // The first loop accepts and hands connections to the others: they run before it does.
  for (auto loop = impl.loops.rbegin(); loop != impl.loops.rend(); ++loop) (*loop)->start();
  impl.is_running = true;
  impl.is_serving = true;
  impl.announce_client_listener();
  if (impl.auth_service != nullptr) {
    impl.auth_service->start(impl.jetstream != nullptr ? impl.jetstream->unknown_accounts()
                                                       : std::vector<std::string>());
  }
  if (impl.system_account != nullptr) impl.system_account->start();
  if (impl.options().tls)
    impl.tls_watch = std::make_unique<server::TlsWatch>(impl, std::move(tls_files));
  impl.write_ports_file();
  impl.say(LogLevel::kInfo, "Server is ready");
  return Status::ok();
}

void Server::stop() {
  Impl& impl = *impl_;
  if (!impl.is_running) return;
  impl.is_running = false;
  impl.say(LogLevel::kInfo, "Initiating Shutdown...");
  if (impl.monitoring != nullptr) impl.monitoring->stop();
  impl.tls_watch.reset();
  impl.lame_duck.reset();
  if (impl.peer_ocsp != nullptr) impl.peer_ocsp->stop();
  impl.workers.reset();
  if (impl.system_account != nullptr) {
    impl.system_account->announce("SHUTDOWN");
    impl.system_account->stop();
  }
  if (impl.auth_service != nullptr) impl.auth_service->stop();
  impl.close_client_listener();
  if (impl.jetstream != nullptr) {
    // Clients that wait for messages are told before they are closed.
    impl.on_every_loop(
        [&](uint16_t loop, shard::Shard& /*shard*/) { impl.jetstream->stop_streams(loop); });
    impl.on_every_loop([](uint16_t /*loop*/, shard::Shard& /*shard*/) {});
  }
  impl.on_every_loop([](uint16_t /*loop*/, shard::Shard& shard) {
    shard.close_all(session::CloseReason::kServerShutdown);
  });
  for (auto& loop : impl.loops) loop->stop_and_join();
  if (impl.jetstream != nullptr) impl.jetstream->shut_down();
  impl.remove_ports_file();
  impl.say(LogLevel::kInfo, "Server Exiting..");
}

void Server::enter_lame_duck(std::function<void()> done) {
  Impl& impl = *impl_;
  if (!impl.is_running || impl.is_lame_duck.exchange(true)) return;
  const conf::Options options = impl.options();
  const server::LameDuck::Times times{options.lame_duck_duration, options.lame_duck_grace_period,
                                      server::random_seed()};
  impl.lame_duck = std::make_unique<server::LameDuck>(impl, times, std::move(done));
}

bool Server::is_lame_duck() const {
  return impl_->is_lame_duck.load();
}
uint16_t Server::client_port() const {
  return impl_->port;
}
uint16_t Server::monitor_port() const {
  return impl_->monitoring == nullptr ? uint16_t{0} : impl_->monitoring->port();
}
const std::string& Server::id() const {
  return impl_->identity.id;
}
size_t Server::connection_count() const {
  return static_cast<size_t>(impl_->connections.load());
}

server::MonitoredServer Server::Impl::monitored() {
  return {.id = identity.id,
          .start_time = start_time,
          .config = current,
          .loops = loops,
          .accounts = accounts,
          .is_serving = is_serving,
          .is_lame_duck = is_lame_duck,
          .recovery = recovery,
          .usage = usage,
          .jetstream = [this]() -> const server::JetStream* {
            return is_serving.load() ? jetstream.get() : nullptr;
          },
          .ocsp_peer_cache = [this] { return ocsp_peer_figures(); },
          .session_config =
              [this](const conf::Options& of) -> std::shared_ptr<const session::SessionConfig> {
            auto config = server::make_session_config(of, identity, port);
            return config ? *config : nullptr;
          },
          .log = [this](LogLevel level, const std::string& text) { say(level, text); }};
}

Status Server::Impl::open_monitoring() {
  const conf::Options now = options();
  if (now.http_port == 0 && now.https_port == 0) return Status::ok();
  monitoring = std::make_unique<server::Monitoring>(monitored());
  return monitoring->listen(now);
}

Status Server::Impl::open_jetstream() {
  const conf::Options now = options();
  if (!now.jetstream.enabled) return Status::ok();
  recovery.is_under_way = true;
  PETREL_TRY(const std::shared_ptr<const auth::AccountSnapshot> described,
             auth::AccountSnapshot::create(now));
  PETREL_TRY(jetstream,
             server::JetStream::open(
                 {.options = now,
                  .server_name = now.server_name.empty() ? identity.id : now.server_name,
                  .server_id = identity.id,
                  .accounts = accounts,
                  .loops = loops,
                  .recovery = recovery,
                  .log = [this](LogLevel level, const std::string& text) { say(level, text); }},
                 *described));
  recovery.is_under_way = false;
  return Status::ok();
}

void Server::Impl::on_every_loop(const std::function<void(uint16_t, shard::Shard&)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(loops.size()));
  for (uint16_t i = 0; i < loops.size(); ++i) {
    loops[i]->run_task([i, &task, &done](shard::Shard& shard) {
      task(i, shard);
      done.count_down();
    });
  }
  done.wait();
}

void Server::Impl::announce_lame_duck() {
  if (system_account != nullptr) system_account->announce("LAMEDUCK");
  on_every_loop([](uint16_t /*loop*/, shard::Shard& shard) { shard.announce_lame_duck({}); });
}

std::vector<router::ConnectionHandle> Server::Impl::clients() {
  std::vector<std::vector<router::ConnectionHandle>> found(loops.size());
  on_every_loop([&found](uint16_t loop, shard::Shard& shard) {
    constexpr uint32_t kAll = ~0U;
    shard.visit_sessions(0, kAll, [&found, loop](const session::ClientSession& session) {
      found[loop].push_back(session.handle);
    });
  });
  std::vector<router::ConnectionHandle> all;
  for (const auto& some : found) all.insert(all.end(), some.begin(), some.end());
  return all;
}

void Server::Impl::close_client(router::ConnectionHandle client) {
  loops[client.loop]->run_task([client](shard::Shard& shard) {
    session::ClientSession* session = shard.find_session(client);
    if (session != nullptr) session->close(session::CloseReason::kServerShutdown);
  });
}

bool Server::Impl::verify_password(router::ConnectionHandle connection, std::string hash,
                                   std::string password) {
  return workers->push([this, connection, hash = std::move(hash), password = std::move(password)] {
    const bool is_right = server::bcrypt_matches(hash, password);
    loops[connection.loop]->run_task([connection, is_right](shard::Shard& shard) {
      shard.password_verified(connection, is_right);
    });
  });
}

}  // namespace petrel
