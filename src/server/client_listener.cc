// Accepting clients: the listening socket, the loops that serve them, who gets which.
#include "server/available_cpus.h"
#include "server/process_files.h"
#include "server/server_impl.h"

#include "petrel/base/go_quote.h"

#include <algorithm>
#include <sys/resource.h>
#include <unistd.h>

namespace petrel {

namespace {

constexpr size_t kConnectionsTogether = 128;
constexpr int kBusyPercent = 50;

// What the operating system lets us open, as far as it does without asking an administrator.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

uint16_t port_of(const conf::Options& options) {
  return static_cast<uint16_t>(options.port < 0 ? 0 : options.port);
}

}  // namespace

Status Server::Impl::open_client_listener() {
  raise_file_limit();
  const conf::Options now = options();
  const Result<int> listener = net::bind_tcp(now.host, port_of(now));
  if (!listener) {
    return Error{Errc::kIo,
                 "Error listening on port: " + server::join_host_port(now.host, port_of(now)) +
                     ", " + go_quote(listener.error().detail)};
  }
  PETREL_TRY(port, net::bound_port(*listener));
  // From here on the port is known, also to a reload of a file that leaves it to the system.
  conf::Options known = now;
  known.port = port;
  current.replace(std::move(known), start_time);
  if (Status status = open_loops(); !status) {
    ::close(*listener);
    return status;
  }
  client_listener = *listener;
  return loops.front()->loop().add_listener(client_listener, kClientListener);
}

Status Server::Impl::listen_to_clients() const {
  const Status status = net::listen_on(client_listener);
  if (status) return status;
  return Error{Errc::kIo,
               "Error listening on port: " + server::join_host_port(options().host, port) + ", " +
                   go_quote(status.error().detail)};
}

void Server::Impl::announce_client_listener() const {
  const conf::Options now = options();
  say(LogLevel::kInfo,
      "Listening for client connections on " + server::join_host_port(now.host, port));
  if (now.proxy_protocol) say(LogLevel::kInfo, "PROXY protocol enabled for client connections");
  if (now.tls) announce_tls();
}

Status Server::Impl::open_loops() {
  const conf::Options now = options();
  PETREL_TRY(const std::shared_ptr<const session::SessionConfig> config,
             server::make_session_config(now, identity, port));
  accounts.describe_all(*config->accounts);
  const uint16_t count = server::loop_count(now);
  if (now.tls) tls_rate.set_limit(now.tls->connection_rate_limit);
  server::LoopThreadOptions loop_options;
  loop_options.loops = count;
  if (now.petrel.backend == conf::Backend::kIoUring) loop_options.backend = net::Backend::kUring;
  while (loops.size() < count) {
    loop_options.loop = static_cast<uint16_t>(loops.size());
    loop_options.seed = server::random_seed();
    auto loop = server::LoopThread::create(loop_options, *this, accounts, config);
    if (!loop && loop_options.backend == net::Backend::kUring &&
        loop.error().code == Errc::kUnsupported) {
      say(LogLevel::kWarn, "io_uring is not available here, using epoll: " + loop.error().detail);
      loop_options.backend = net::Backend::kEpoll;
      continue;
    }
    if (!loop) return loop.error();
    (*loop)->set_tls_context(current.get()->tls.clients);
    loops.push_back(*std::move(loop));
  }
  return Status::ok();
}

// Connections that were accepted but not yet given to their loop are there when this returns.
void Server::Impl::close_client_listener() {
  on_every_loop([this](uint16_t loop, shard::Shard& /*shard*/) {
    if (loop == 0) loops[loop]->loop().remove_listener(kClientListener);
  });
  on_every_loop([](uint16_t /*loop*/, shard::Shard& /*shard*/) {});
}

// A message between two loops costs a copy and a wake-up more than one within a loop, so a few
// connections share a loop while it has time to spare; beyond that each goes to the loop with the
// fewest. See docs/design/002-connection-placement.md.
void Server::Impl::connection_accepted(int tag, int fd, const net::PeerAddress& peer) {
  const auto has_room = [](auto& loop) {
    return loop->open_connections() < kConnectionsTogether && loop->busy_percent() < kBusyPercent;
  };
  auto chosen = std::find_if(loops.begin(), loops.end(), has_room);
  if (chosen == loops.end()) {
    chosen = std::min_element(loops.begin(), loops.end(), [](auto& a, auto& b) {
      return a->open_connections() < b->open_connections();
    });
  }
  server::LoopThread* best = chosen->get();
  best->count_adopted();
  best->loop().adopt(fd, tag, peer);
}

void Server::Impl::accept_failed(int /*tag*/, int error) {
  say(LogLevel::kError, "Temporary Client Accept Error(accept tcp " +
                            server::join_host_port(options().host, port) +
                            ": accept4: " + net::errno_text(error) + "), sleeping " +
                            std::to_string(net::kAcceptPause.ns / Duration::millis(1).ns) + "ms");
}

std::string Server::Impl::admit_connection() {
  const int64_t before = connections.fetch_add(1);
  return before >= max_connections.load() ? "maximum connections exceeded" : "";
}

}  // namespace petrel
