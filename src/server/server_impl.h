// Server::Impl: the state of one server and the parts that several files share.
//
// Owner: Server. Thread: start, stop and reload on the caller's; LoopOwner functions on loops'
// threads; LameDuckHost functions on LameDuck's.
// Files: server.cc (life cycle), startup.cc (what is said and checked at start), client_listener.cc
// (accepting), reload.cc (a changed configuration).
#pragma once

#include "server/auth_service.h"
#include "server/config_reload.h"
#include "server/identity.h"
#include "server/jetstream.h"
#include "server/lame_duck.h"
#include "server/loop_thread.h"
#include "server/monitoring.h"
#include "server/peer_ocsp.h"
#include "server/recovery_progress.h"
#include "server/session_config.h"
#include "server/system_account.h"
#include "server/tls_setup.h"
#include "server/tls_watch.h"

#include "petrel/conf/reload_diff.h"
#include "petrel/net/worker_pool.h"
#include "petrel/server.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel {

inline constexpr int kClientListener = 1;

struct Server::Impl final : server::LoopOwner,
                            server::LameDuckHost,
                            server::TlsWatchHost,
                            server::PeerOcspHost {
  explicit Impl(ServerOptions given);

  void say(LogLevel level, const std::string& text) const override;
  conf::Options options() const { return current.get()->options; }

  // startup.cc
  void print_banner() const;
  void print_warnings() const;
  Status write_pid_file() const;
  void write_ports_file();
  void remove_ports_file();

  // server.cc
  server::MonitoredServer monitored();
  Status open_monitoring();
  Status open_jetstream();

  // client_listener.cc
  // Takes the port. Clients are refused until listen_to_clients().
  Status open_client_listener();
  // REQUIRES: the loops do not run yet.
  Status listen_to_clients() const;
  void announce_client_listener() const;
  Status open_loops();
  void close_client_listener() override;

  // tls_listener.cc
  // Says what of tls { } this build cannot do.
  Result<server::TlsContexts> load_tls(const conf::Options& of);
  void announce_tls() const;
  // Puts the contexts in force on all loops.
  void spread_tls();
  conf::Options watched_options() const override { return options(); }
  void tls_files_changed() override;
  void report_refused_handshakes() override;
  void look_after_staples() override;
  void renew_tls(const std::string& said);
  void open_peer_ocsp(const conf::Options& of);
  std::optional<monitor::OcspPeerCache> ocsp_peer_figures() const;
  WallTime time_of_day() const override;
  void ocsp_link_invalid(const net::OcspLink& peer, const net::OcspLink& link,
                         const std::string& reason) override;
  void ocsp_peer_rejected(const net::OcspLink& peer, const std::string& reason) override;

  // auth_setup.cc
  Status open_auth();
  server::AuthEnvironment auth_environment();
  // What the configuration says of accounts; those of operator mode stay.
  void describe_accounts(const auth::AccountSnapshot& snapshot);
  void open_system_account();
  shard::EventSource event_source();
  bool decide_elsewhere(router::ConnectionHandle connection, auth::AuthRequest request) override;

  // reload.cc
  Status reload(conf::Options after);
  void apply(const conf::ReloadChange& change);
  void close_excess_connections();

  // Runs `task` on every loop and returns when all have done it. REQUIRES: the loops are running
  // and this is none of their threads.
  void on_every_loop(const std::function<void(uint16_t, shard::Shard&)>& task);

  // LameDuckHost
  void announce_lame_duck() override;
  std::vector<router::ConnectionHandle> clients() override;
  void close_client(router::ConnectionHandle client) override;

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
  void check_certificates(router::ConnectionHandle connection,
                          std::vector<net::OcspLink> links) override;
  bool admit_tls_handshake() override;
  void log(session::LogLevel level, const session::ClientSession& session,
           std::string text) override;

  const std::string executable;
  const std::function<void(LogLevel, const std::string&)> log_line;
  const std::function<Result<std::function<void()>>(const conf::Options&)> prepare_log;
  const std::function<void()> must_stop;
  const std::function<void(std::function<void(const Status&)>)> request_reload;
  const server::Identity identity;
  const WallTime start_time;
  server::CurrentConfig current;  // options, digest, when they were loaded
  router::AccountRegistry accounts;
  server::TlsRateLimit tls_rate;
  // The watch's while there is one.
  server::Staples staples{[this](bool is_error, const std::string& text) {
    say(is_error ? LogLevel::kError : LogLevel::kInfo, text);
  }};
  std::unique_ptr<server::TlsWatch> tls_watch;  // null without tls { }
  std::unique_ptr<server::PeerOcsp> peer_ocsp;  // null until an `ocsp_peer` was asked for
  std::unique_ptr<net::WorkerPool> workers;
  std::vector<std::unique_ptr<server::LoopThread>> loops;
  server::ServerUsage usage;
  server::RecoveryProgress recovery;
  std::unique_ptr<server::JetStream> jetstream;           // null: not enabled
  std::unique_ptr<server::AuthService> auth_service;      // null: nobody decides elsewhere
  std::unique_ptr<server::SystemAccount> system_account;  // null: there is none
  std::unique_ptr<server::Monitoring> monitoring;         // null without http_port
  std::unique_ptr<server::LameDuck> lame_duck;
  std::string ports_file;  // as long as it stands there
  std::atomic<uint64_t> next_id;
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> max_connections{0};
  std::atomic<bool> is_serving{false};  // the loops run
  std::atomic<bool> is_lame_duck{false};
  uint16_t port = 0;
  int client_listener = -1;  // the first loop's
  bool is_running = false;
};

}  // namespace petrel
