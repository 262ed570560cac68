// Monitoring: the HTTP endpoints of one server. What loops count is read from their counters; what
// they own (connections, subscriptions) is asked of them in small steps, so that no publisher
// waits longer than one step.
//
// Owner: Server::Impl. Thread: start and stop on the control thread; quick answers are made on the
// HTTP thread, those that need the loops one after the other on a worker.
// Limits: kSlotsPerStep connections or about kSubscriptionsPerStep subscriptions in one step.
// REQUIRES: the loops run from start() until stop() has returned.
// Source: spec monitoring.md.
#pragma once

#include "server/cancellable_sleep.h"
#include "server/config_reload.h"
#include "server/jetstream.h"
#include "server/loop_thread.h"

#include "petrel/base/result.h"
#include "petrel/monitor/accounts.h"
#include "petrel/monitor/connz.h"
#include "petrel/monitor/healthz.h"
#include "petrel/monitor/query.h"
#include "petrel/monitor/subsz.h"
#include "petrel/monitor/varz.h"
#include "petrel/net/http_server.h"
#include "petrel/net/worker_pool.h"
#include "petrel/server.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace petrel::server {

// What monitoring may see of the server around it.
struct MonitoredServer {
  std::string id = {};
  WallTime start_time = {};
  const CurrentConfig& config;
  const std::vector<std::unique_ptr<LoopThread>>& loops;
  router::AccountRegistry& accounts;
  const std::atomic<bool>& is_lame_duck;
  std::function<const JetStream*()> jetstream;  // null: not enabled
  std::function<std::optional<monitor::OcspPeerCache>()> ocsp_peer_cache;
  std::function<std::shared_ptr<const session::SessionConfig>(const conf::Options&)> session_config;
  std::function<void(LogLevel, const std::string&)> log;
};

class Monitoring {
 public:
  explicit Monitoring(MonitoredServer server) : server_(std::move(server)) {}
  ~Monitoring() { stop(); }
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  // Opens the listener and says so. Connections wait until start(). Errors: nats-server's text.
  Status listen(const conf::Options& options);
  Status start();
  void stop();
  // Valid after listen().
  uint16_t port() const { return port_; }

 private:
  using Reply = net::HttpServer::Reply;
  using Answer = Result<std::string>;  // JSON, or the text of status 400

  void handle(const net::HttpRequest& request, Reply reply);
  bool answer_at_once(const std::string& path, const monitor::Query& query, const Reply& reply);
  void answer_by_worker(const std::string& path, const net::HttpRequest& request, Reply reply);
  void answer_healthz(const monitor::Query& query, const Reply& reply);
  void answer_asset_health(const monitor::HealthzQuery& query, Reply reply);
  Answer jsz(const monitor::Query& query);

  std::string varz();
  Answer connz(const monitor::Query& query);
  Answer subsz(const monitor::Query& query);
  monitor::AccountsView accounts() const;
  void collect_open(const monitor::ConnzQuery& query, monitor::ConnzCollector& collector);
  void collect_closed(monitor::ConnzCollector& collector);
  void collect_subscriptions(const std::string& account, monitor::SubszCollector& collector);
  // Runs `visit` on all open sessions of all loops, step by step.
  void visit_sessions(const std::function<size_t(const session::ClientSession&)>& visit);
  void run_on(LoopThread& loop, const std::function<void(shard::Shard&)>& step);

  void refresh_config();
  monitor::VarzRuntime runtime() const;
  void sample_cpu();
  void count(const std::string& path);

  const MonitoredServer server_;
  int listener_ = -1;
  uint16_t port_ = 0;
  bool is_secure_ = false;
  std::string base_path_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::WorkerPool> worker_;
  std::unique_ptr<CancellableSleep> sampling_;
  std::thread sampler_;
  std::atomic<int64_t> cpu_permille_{0};

  // The HTTP thread's.
  std::shared_ptr<const LoadedConfig> known_;  // what varz_config_ was made from
  monitor::VarzConfig varz_config_;
  std::shared_ptr<const auth::AccountSnapshot> tenants_;
  std::map<std::string, uint64_t> requests_;
};

}  // namespace petrel::server
