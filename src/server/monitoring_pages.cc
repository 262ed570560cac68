#include "server/monitoring_pages.h"

#include "server/account_views.h"
#include "server/jetstream_monitoring.h"
#include "server/process_usage.h"

#include "petrel/conf/command_line.h"
#include "petrel/monitor/absent_features.h"
#include "petrel/monitor/pages.h"

#include <algorithm>
#include <chrono>
#include <latch>

namespace petrel::server {

namespace {

constexpr uint32_t kSlotsPerStep = 128;
constexpr uint32_t kSlotsPerVisit = 16;
constexpr size_t kSubscriptionsPerStep = 2048;
constexpr unsigned kOk = 200;
constexpr Slice kRuntime = "go1.26.8";  // what nats-server 2.15.2 is built with

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

double seconds(Duration span) {
  return static_cast<double>(span.ns) / static_cast<double>(Duration::seconds(1).ns);
}

void run_on(LoopThread& loop, const std::function<void(shard::Shard&)>& step) {
  std::latch done(1);
  loop.run_task([&step, &done](shard::Shard& shard) {
    step(shard);
    done.count_down();
  });
  done.wait();
}

}  // namespace

bool MonitoringPages::asks_loops(Slice path) const {
  if (path == "/connz" || path == "/subsz") return true;
  return (path == "/jsz" || path == "/varz") && server_.is_serving.load() &&
         server_.jetstream() != nullptr;
}

MonitoringPages::Answer MonitoringPages::page(Slice path, const monitor::Query& query) {
  const monitor::ServerName name{server_.id, varz_config().server_name, wall_now()};
  if (path == "/varz") return varz();
  if (path == "/connz") {
    PETREL_TRY(const monitor::ConnzQuery wanted, monitor::ConnzQuery::parse(query));
    return connz(wanted);
  }
  if (path == "/subsz") return subsz(query);
  if (path == "/accountz") return monitor::accountz_json(accounts(), query.text("acc"));
  if (path == "/accstatz") {
    PETREL_TRY(const bool unused, query.boolean("unused"));
    return monitor::accstatz_json(accounts(), unused);
  }
  if (path == "/routez") return monitor::routez_json(name, query);
  if (path == "/gatewayz") return monitor::gatewayz_json(name, query);
  if (path == "/leafz") return monitor::leafz_json(name, query);
  if (path == "/jsz") {
    return asks_loops(path) ? jsz(query) : monitor::jsz_json(name, query);
  }
  if (path == "/ipqueuesz") return monitor::ipqueuesz_json(query);
  if (path == "/stacksz") return monitor::stacksz_text(process_threads());
  if (path == "/debug/vars") {
    return monitor::debug_vars_json(process_arguments(), process_memory());
  }
  return Error{Errc::kNotFound, ""};
}

monitor::Obstacle MonitoringPages::obstacle() const {
  using Kind = monitor::Obstacle::Kind;
  const RecoveryProgress& recovery = server_.recovery;
  if (recovery.is_under_way.load()) {
    return {Kind::kRecovery, recovery.streams_recovered.load(), recovery.streams.load()};
  }
  const bool accepts_clients = server_.is_serving.load() && !server_.is_lame_duck.load();
  return {accepts_clients ? Kind::kNone : Kind::kNoListener};
}

monitor::Health MonitoringPages::health(const monitor::HealthzQuery& query,
                                        bool& wants_assets) const {
  if (query.js_enabled) {
    server_.log(LogLevel::kWarn, "Healthcheck: js-enabled deprecated, use js-enabled-only instead");
  }
  monitor::Health health = monitor::healthz(query, obstacle());
  if (!health.warning.empty()) server_.log(LogLevel::kWarn, health.warning);
  wants_assets = health.status == kOk && server_.jetstream() != nullptr && !query.account.empty() &&
                 !query.js_server_only && !query.js_enabled_only;
  return health;
}

monitor::Health MonitoringPages::asset_health(const monitor::HealthzQuery& query) const {
  const monitor::AssetFailure failure = check_asset(*server_.jetstream(), query);
  if (failure.type.empty()) return {.body = "{\"status\":\"ok\"}"};
  monitor::Health health = monitor::unavailable(query, failure);
  server_.log(LogLevel::kWarn, health.warning);
  return health;
}

monitor::Health MonitoringPages::full_health(const monitor::HealthzQuery& query) const {
  bool wants_assets = false;
  monitor::Health health_now = health(query, wants_assets);
  return wants_assets ? asset_health(query) : health_now;
}

monitor::JszPage MonitoringPages::jsz_page(const monitor::JszQuery& query) const {
  monitor::JszPage page =
      collect_jsz(*server_.jetstream(), server_.config.get()->options.jetstream.limits, query);
  page.now = wall_now();
  return page;
}

MonitoringPages::Answer MonitoringPages::jsz(const monitor::Query& query) const {
  PETREL_TRY(const monitor::JszQuery wanted, monitor::JszQuery::parse(query));
  return monitor::jsz_json(wanted, jsz_page(wanted));
}

// --- what the loops own ---

void MonitoringPages::on_each_loop(const std::function<void(shard::Shard&)>& step) const {
  if (!server_.is_serving.load()) return;
  for (const auto& loop : server_.loops) run_on(*loop, step);
}

// Each step is posted when the one before is done: the loop serves its connections in between.
void MonitoringPages::visit_sessions(
    const std::function<size_t(const session::ClientSession&)>& visit) const {
  if (!server_.is_serving.load()) return;
  for (const auto& loop : server_.loops) {
    uint32_t next = 0;
    do {
      run_on(*loop, [&next, &visit](shard::Shard& shard) {
        size_t work = 0;
        const uint32_t end = next + kSlotsPerStep;
        do {
          next = shard.visit_sessions(
              next, kSlotsPerVisit,
              [&work, &visit](const session::ClientSession& session) { work += visit(session); });
        } while (next != 0 && next < end && work < kSubscriptionsPerStep);
      });
    } while (next != 0);
  }
}

void MonitoringPages::collect_open(const monitor::ConnzQuery& query,
                                   monitor::ConnzCollector& collector) const {
  const session::ViewOptions all = query.view_options();
  visit_sessions([&collector, &all](const session::ClientSession& session) -> size_t {
    session::SessionView facts = session.view({.user = all.user});
    if (!collector.wants(facts)) return 0;
    if (!all.subscriptions) {
      collector.add(std::move(facts));
      return 0;
    }
    collector.add(session.view(all));
    return session.subscription_count();
  });
}

void MonitoringPages::collect_closed(monitor::ConnzCollector& collector) const {
  if (!server_.is_serving.load()) return;
  for (const auto& loop : server_.loops) {
    uint64_t next = 0;
    do {
      run_on(*loop, [&next, &collector](shard::Shard& shard) {
        next = shard.visit_closed(
            next, kSlotsPerStep,
            [&collector](const session::SessionView& view) { collector.add_closed(view); });
      });
    } while (next != 0);
  }
}

void MonitoringPages::collect_subscriptions(const std::string& account,
                                            monitor::SubszCollector& collector) const {
  visit_sessions([&](const session::ClientSession& session) -> size_t {
    if (!account.empty() && session.account->name != account) return 0;
    const session::SessionView view = session.view({.subscriptions = true});
    for (const auto& subscription : view.subscriptions) collector.add(subscription);
    return view.subscriptions.size();
  });
}

std::string MonitoringPages::connz(const monitor::ConnzQuery& wanted) const {
  const std::shared_ptr<const LoadedConfig> config = server_.config.get();
  monitor::ConnzPage page{.server_id = server_.id, .now = wall_now()};
  monitor::ConnzCollector collector(wanted, page.now);
  const bool is_known = wanted.account.empty() || server_.accounts.find(wanted.account) != nullptr;
  if (!is_known) {
    page.server_id.clear();
    return monitor::connz_json(wanted, page);
  }
  if (wanted.state != monitor::ConnzState::kClosed) collect_open(wanted, collector);
  if (wanted.state != monitor::ConnzState::kOpen) collect_closed(collector);
  collector.finish(static_cast<size_t>(std::max(config->options.max_closed_clients, 0)));
  page.total = collector.total();
  page.rows = &collector.rows();
  return monitor::connz_json(wanted, page);
}

MonitoringPages::Answer MonitoringPages::subsz(const monitor::Query& query) const {
  PETREL_TRY(const monitor::SubszQuery wanted, monitor::SubszQuery::parse(query));
  monitor::SubszCollector collector(wanted);
  monitor::SubszPage page{.server_id = server_.id, .now = wall_now()};
  bool is_known = false;
  server_.accounts.for_each([&](const router::AccountInterest& account) {
    if (!wanted.account.empty() && wanted.account != account.name) return;
    is_known = true;
    const monitor::IndexNumbers numbers = monitor::account_figures(account).index;
    page.numbers.subscriptions += numbers.subscriptions;
    page.numbers.inserts += numbers.inserts;
    page.numbers.removes += numbers.removes;
    page.numbers.matches += numbers.matches;
  });
  if (is_known) {
    if (wanted.subscriptions) collect_subscriptions(wanted.account, collector);
    collector.finish();
  }
  return monitor::subsz_json(wanted, page, collector);
}

// --- what is counted ---

monitor::VarzRuntime MonitoringPages::runtime() const {
  monitor::VarzRuntime now;
  now.ocsp_peer_cache = server_.ocsp_peer_cache();
  now.now = wall_now();
  now.mem = process_memory().resident_bytes;
  now.cores = static_cast<int>(std::thread::hardware_concurrency());
  now.loops = static_cast<int>(server_.loops.size());
  now.cpu = server_.usage.cpu_percent();
  now.http_req_stats = server_.usage.requests();
  for (const auto& loop : server_.loops) {
    const session::LoopCounters& counters = loop->counters();
    now.connections += counters.connections.get();
    now.total_connections += counters.total_connections.get();
    now.in_msgs += counters.in_msgs.get();
    now.in_bytes += counters.in_bytes.get();
    now.out_msgs += counters.out_msgs.get();
    now.out_bytes += counters.out_bytes.get();
    now.slow_consumers += counters.slow_consumers.get();
    now.stale_connections += counters.stale_connections.get();
    now.stalled_clients += counters.stalled_clients.get();
    now.subscriptions += counters.subscriptions.get();
  }
  return now;
}

std::string MonitoringPages::varz() {
  const JetStream* jetstream = server_.jetstream();
  varz_config_.jetstream.reset();
  if (jetstream != nullptr && server_.is_serving.load()) {
    varz_config_.jetstream =
        jetstream_settings(jetstream->node(), server_.config.get()->options.jetstream.limits);
    monitor::VarzRuntime now = runtime();
    now.jetstream = jetstream_figures(*jetstream);
    return monitor::varz_json(varz_config_, now);
  }
  return monitor::varz_json(varz_config_, runtime());
}

monitor::AccountsView MonitoringPages::accounts() const {
  monitor::AccountsView view{.server_id = server_.id, .now = wall_now()};
  const std::shared_ptr<const LoadedConfig> config = server_.config.get();
  std::vector<const router::AccountInterest*> known;
  server_.accounts.for_each(
      [&known](const router::AccountInterest& account) { known.push_back(&account); });
  for (const router::AccountInterest* account : known) {
    const auth::AccountPtr description = server_.accounts.description(account->name);
    if (description == nullptr) continue;  // was taken out of the configuration
    view.accounts.push_back(account_view(*account, description, config->options));
    view.accounts.back().update_time = server_.start_time;
  }
  return view;
}

// What /varz says of the configuration changes with a reload only.
const monitor::VarzConfig& MonitoringPages::varz_config() {
  refresh_config();
  return varz_config_;
}

void MonitoringPages::refresh_config() {
  std::shared_ptr<const LoadedConfig> current = server_.config.get();
  if (current == known_) return;
  const conf::Options& options = current->options;
  monitor::VarzConfig config;
  if (const auto session = server_.session_config(options); session != nullptr) {
    config.server_name = session->info.server_name;
    config.proto = session->info.proto;
    config.host = session->info.host;
    config.port = session->info.port;
    config.auth_required =
        session->authenticator->is_required();  // unlike INFO, no_auth_user or not
    config.tls_required = session->info.tls_required;
    config.tls_verify = session->info.tls_verify;
    if (session->accounts != nullptr && session->accounts->system() != nullptr) {
      config.system_account = session->accounts->system()->name;
    }
  }
  config.server_id = server_.id;
  config.version = conf::kNatsVersion;
  config.runtime = kRuntime;
  config.max_connections = options.max_connections;
  config.max_subscriptions = options.max_subscriptions;
  config.ping_interval = options.ping_interval;
  config.ping_max = options.ping_max;
  config.http_host = options.http_host.empty() ? options.host : options.http_host;
  config.http_port = options.http_port;
  if (options.http_base_path != "/") config.http_base_path = options.http_base_path;
  config.https_port = options.https_port;
  config.auth_timeout_seconds =
      seconds(options.authorization.timeout.value_or(Duration::seconds(2)));
  config.max_control_line = options.max_control_line;
  config.max_payload = options.max_payload;
  config.max_pending = options.max_pending;
  config.write_deadline = options.write_deadline;
  if (options.write_timeout == conf::WriteTimeoutPolicy::kClose) config.write_timeout = "close";
  if (options.write_timeout == conf::WriteTimeoutPolicy::kRetry) config.write_timeout = "retry";
  if (options.tls) {
    config.tls_timeout_seconds = seconds(options.tls->timeout);
    config.tls_ocsp_peer_verify = options.tls->ocsp_peer && options.tls->ocsp_peer->verify;
  }
  if (current->tls.clients != nullptr) {
    config.tls_cert_not_after = current->tls.clients->not_after();
  }
  config.start = server_.start_time;
  config.config_load_time = current->load_time;
  config.config_digest = options.digest;
  config.tags = options.tags;
  config.metadata = options.metadata;
  config.feature_flags = {{"js_ack_fc_v2", false},
                          {"js_api_reply_v2", false},
                          {"js_raft_delete_range", true},
                          {"js_snapshot_sources", false}};
  for (const auto& [name, is_on] : options.feature_flags) {
    if (config.feature_flags.contains(name)) config.feature_flags[name] = is_on;
  }
  varz_config_ = std::move(config);
  known_ = std::move(current);
}

}  // namespace petrel::server
