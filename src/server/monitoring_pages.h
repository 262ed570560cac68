// MonitoringPages: the answers of the monitoring endpoints, as text. What loops count is read from
// their counters; what they own (connections, subscriptions) is asked of them in small steps, so
// that no publisher waits longer than one step.
//
// Owner: whoever answers requests (HTTP, the system account), one instance per thread: it remembers
// what the configuration says. Thread: that one, which may wait unless the page is quick.
// Limits: kSlotsPerStep connections or about kSubscriptionsPerStep subscriptions in one step.
// REQUIRES: the loops run while `is_serving` is set.
// Source: spec monitoring.md.
#pragma once

#include "server/config_reload.h"
#include "server/jetstream.h"
#include "server/loop_thread.h"
#include "server/recovery_progress.h"
#include "server/server_usage.h"

#include "petrel/base/result.h"
#include "petrel/monitor/accounts.h"
#include "petrel/monitor/connz.h"
#include "petrel/monitor/healthz.h"
#include "petrel/monitor/query.h"
#include "petrel/monitor/subsz.h"
#include "petrel/monitor/varz.h"
#include "petrel/server.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::server {

// What monitoring may see of the server around it.
struct MonitoredServer {
  std::string id = {};
  WallTime start_time = {};
  const CurrentConfig& config;
  const std::vector<std::unique_ptr<LoopThread>>& loops;
  router::AccountRegistry& accounts;
  const std::atomic<bool>& is_serving;  // the loops run; before that nobody can be connected
  const std::atomic<bool>& is_lame_duck;
  const RecoveryProgress& recovery;
  ServerUsage& usage;
  std::function<const JetStream*()> jetstream;  // null: not enabled, or not recovered yet
  std::function<std::optional<monitor::OcspPeerCache>()> ocsp_peer_cache;
  std::function<std::shared_ptr<const session::SessionConfig>(const conf::Options&)> session_config;
  std::function<void(LogLevel, const std::string&)> log;
};

class MonitoringPages {
 public:
  using Answer = Result<std::string>;  // JSON, or the text of status 400

  explicit MonitoringPages(MonitoredServer server) : server_(std::move(server)) {}

  // Whether this page asks the loops, and so takes time.
  bool asks_loops(Slice path) const;
  // "/varz" and so on. Errors: kNotFound without text: no such page.
  Answer page(Slice path, const monitor::Query& query);
  // Without what JetStream has to be asked about. `wants_assets`: that remains to be done.
  monitor::Health health(const monitor::HealthzQuery& query, bool& wants_assets) const;
  monitor::Health asset_health(const monitor::HealthzQuery& query) const;
  // All of it.
  monitor::Health full_health(const monitor::HealthzQuery& query) const;

  // --- parts of pages, for the system account ---
  const monitor::VarzConfig& varz_config();
  monitor::VarzRuntime runtime() const;
  monitor::AccountsView accounts() const;
  std::string connz(const monitor::ConnzQuery& wanted) const;
  monitor::JszPage jsz_page(const monitor::JszQuery& query) const;
  // Runs `visit` on all open sessions of all loops, step by step; it returns how much work it was.
  void visit_sessions(const std::function<size_t(const session::ClientSession&)>& visit) const;
  // Runs `step` on every loop, one after the other, and waits.
  void on_each_loop(const std::function<void(shard::Shard&)>& step) const;
  const MonitoredServer& server() const { return server_; }

 private:
  monitor::Obstacle obstacle() const;
  std::string varz();
  Answer subsz(const monitor::Query& query) const;
  Answer jsz(const monitor::Query& query) const;
  void collect_open(const monitor::ConnzQuery& query, monitor::ConnzCollector& collector) const;
  void collect_closed(monitor::ConnzCollector& collector) const;
  void collect_subscriptions(const std::string& account, monitor::SubszCollector& collector) const;
  void refresh_config();

  const MonitoredServer server_;
  std::shared_ptr<const LoadedConfig> known_;  // what varz_config_ was made from
  monitor::VarzConfig varz_config_;
};

}  // namespace petrel::server
