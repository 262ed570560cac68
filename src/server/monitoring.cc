#include "server/monitoring.h"

#include "server/account_views.h"
#include "server/jetstream_monitoring.h"
#include "server/process_files.h"
#include "server/process_usage.h"

#include "petrel/conf/command_line.h"
#include "petrel/monitor/absent_features.h"
#include "petrel/monitor/healthz.h"
#include "petrel/monitor/pages.h"
#include "petrel/net/loop.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <latch>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr uint32_t kSlotsPerStep = 256;
constexpr uint32_t kSlotsPerVisit = 16;
constexpr size_t kSubscriptionsPerStep = 2048;
constexpr size_t kRequestsWaiting = 1024;
constexpr unsigned kOk = 200;
constexpr unsigned kBadRequest = 400;
constexpr unsigned kNotFound = 404;
constexpr Slice kRuntime = "go1.26.8";  // what nats-server 2.15.2 is built with
constexpr Duration kCpuWindow = Duration::seconds(1);
constexpr std::array<const char*, 11> kCounted = {"/",         "/varz",  "/connz",  "/routez",
                                                  "/gatewayz", "/leafz", "/subsz",  "/accountz",
                                                  "/accstatz", "/jsz",   "/healthz"};

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

net::HttpResponse json_response(std::string body, unsigned status = 200) {
  return {.status = status,
          .content_type = "application/json",
          .headers = {{"Access-Control-Allow-Origin", "*"}},
          .body = std::move(body)};
}

net::HttpResponse text_response(unsigned status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

net::HttpResponse response_to(Result<std::string> answer) {
  if (answer) return json_response(*std::move(answer));
  return text_response(kBadRequest, answer.error().detail);
}

double seconds(Duration span) {
  return static_cast<double>(span.ns) / static_cast<double>(Duration::seconds(1).ns);
}

}  // namespace

Status Monitoring::listen(const conf::Options& options) {
  const std::string failed = "Can't start monitoring: ";
  if (options.http_port != 0 && options.https_port != 0) {
    return Error{Errc::kInvalidArgument, failed + "can't specify both HTTP (" +
                                             std::to_string(options.http_port) + ") and HTTPs (" +
                                             std::to_string(options.https_port) + ") ports"};
  }
  is_secure_ = options.https_port != 0;
  if (is_secure_ && !options.tls) {
    return Error{Errc::kInvalidArgument, failed + "TLS cert and key required for HTTPS"};
  }
  const std::string host = options.http_host.empty() ? options.host : options.http_host;
  const int port = is_secure_ ? options.https_port : options.http_port;
  const auto wanted = static_cast<uint16_t>(std::max(port, 0));
  const Result<int> listener = net::listen_tcp(host, wanted);
  if (!listener) {
    return Error{Errc::kIo,
                 failed + "can't listen to the monitor port: " + listener.error().detail};
  }
  listener_ = *listener;
  PETREL_TRY(port_, net::bound_port(listener_));
  base_path_ = options.http_base_path.empty() ? "/" : options.http_base_path;
  server_.log(LogLevel::kInfo, std::string("Starting ") + (is_secure_ ? "https" : "http") +
                                   " monitor on " + join_host_port(host, port_));
  return Status::ok();
}

Status Monitoring::start() {
  worker_ = std::make_unique<net::WorkerPool>(1, kRequestsWaiting);
  sampling_ = std::make_unique<CancellableSleep>();
  sampler_ = std::thread([this] { sample_cpu(); });
  net::HttpServer::Options options;
  options.on_accept_error = [this](int error) {
    server_.log(LogLevel::kError, "monitoring: accept: " + net::errno_text(error));
  };
  if (is_secure_) {
    options.tls = [this] { return server_.config.get()->tls.monitoring; };
  }
  auto http = net::HttpServer::create(
      std::exchange(listener_, -1),
      [this](const net::HttpRequest& request, Reply reply) { handle(request, std::move(reply)); },
      std::move(options));
  if (!http) return http.error();
  http_ = *std::move(http);
  http_->start();
  return Status::ok();
}

void Monitoring::stop() {
  if (http_ != nullptr) http_->stop();
  worker_.reset();
  http_.reset();
  if (sampling_ != nullptr) sampling_->cancel();
  if (sampler_.joinable()) sampler_.join();
  if (listener_ >= 0) ::close(std::exchange(listener_, -1));
}

// --- requests ---

void Monitoring::handle(const net::HttpRequest& request, Reply reply) {
  if (request.path == base_path_) {
    count("/");
    reply({.content_type = "text/html; charset=utf-8",
           .body = monitor::root_page(base_path_, conf::kNatsVersion)});
    return;
  }
  const std::string prefix = base_path_ == "/" ? "" : base_path_;
  if (request.path.compare(0, prefix.size(), prefix) != 0) {
    reply(net::http_not_found());
    return;
  }
  std::string path = request.path.substr(prefix.size());
  if (path == "/subscriptionsz") path = "/subsz";
  count(path);
  const bool asks_jetstream = path == "/jsz" && server_.jetstream() != nullptr;
  if (path == "/connz" || path == "/subsz" || asks_jetstream) {
    answer_by_worker(path, request, std::move(reply));
  } else if (!answer_at_once(path, monitor::Query(request.params), reply)) {
    reply(net::http_not_found());
  }
}

bool Monitoring::answer_at_once(const std::string& path, const monitor::Query& query,
                                const Reply& reply) {
  refresh_config();
  const monitor::ServerName name{server_.id, varz_config_.server_name, wall_now()};
  if (path == "/varz") {
    reply(json_response(varz()));
  } else if (path == "/healthz") {
    answer_healthz(query, reply);
  } else if (path == "/accountz") {
    reply(response_to(monitor::accountz_json(accounts(), query.text("acc"))));
  } else if (path == "/accstatz") {
    const Result<bool> unused = query.boolean("unused");
    reply(response_to(unused ? Answer(monitor::accstatz_json(accounts(), *unused))
                             : Answer(unused.error())));
  } else if (path == "/routez") {
    reply(response_to(monitor::routez_json(name, query)));
  } else if (path == "/gatewayz") {
    reply(response_to(monitor::gatewayz_json(name, query)));
  } else if (path == "/leafz") {
    reply(response_to(monitor::leafz_json(name, query)));
  } else if (path == "/jsz") {
    reply(response_to(monitor::jsz_json(name, query)));
  } else if (path == "/ipqueuesz") {
    reply(response_to(monitor::ipqueuesz_json(query)));
  } else if (path == "/raftz") {
    reply(text_response(kNotFound, std::string(monitor::kNoRaftNodes)));
  } else if (path == "/stacksz") {
    reply(json_response(monitor::stacksz_text(process_threads())));
  } else if (path == "/debug/vars") {
    reply({.content_type = "application/json; charset=utf-8",
           .body = monitor::debug_vars_json(process_arguments(), process_memory())});
  } else {
    return false;
  }
  return true;
}

void Monitoring::answer_healthz(const monitor::Query& query, const Reply& reply) {
  const Result<monitor::HealthzQuery> wanted = monitor::HealthzQuery::parse(query);
  if (!wanted) {
    reply(text_response(kBadRequest, wanted.error().detail));
    return;
  }
  if (wanted->js_enabled) {
    server_.log(LogLevel::kWarn, "Healthcheck: js-enabled deprecated, use js-enabled-only instead");
  }
  monitor::Health health = monitor::healthz(*wanted, !server_.is_lame_duck.load());
  if (!health.warning.empty()) server_.log(LogLevel::kWarn, health.warning);
  const bool asks_assets = health.status == kOk && server_.jetstream() != nullptr &&
                           !wanted->account.empty() && !wanted->js_server_only &&
                           !wanted->js_enabled_only;
  if (asks_assets) return answer_asset_health(*wanted, reply);
  reply(json_response(std::move(health.body), health.status));
}

void Monitoring::answer_asset_health(const monitor::HealthzQuery& query, Reply reply) {
  static_cast<void>(worker_->push([this, query, reply = std::move(reply)] {
    const monitor::AssetFailure failure = check_asset(*server_.jetstream(), query);
    if (failure.type.empty()) return reply(json_response("{\"status\":\"ok\"}"));
    monitor::Health health = monitor::unavailable(query, failure);
    server_.log(LogLevel::kWarn, health.warning);
    reply(json_response(std::move(health.body), health.status));
  }));
}

Monitoring::Answer Monitoring::jsz(const monitor::Query& query) {
  PETREL_TRY(const monitor::JszQuery wanted, monitor::JszQuery::parse(query));
  monitor::JszPage page = collect_jsz(*server_.jetstream(), wanted);
  page.now = wall_now();
  return monitor::jsz_json(wanted, page);
}

// A reply that the worker has no room for is dropped, which answers 500.
void Monitoring::answer_by_worker(const std::string& path, const net::HttpRequest& request,
                                  Reply reply) {
  const auto answer = path == "/connz" ? &Monitoring::connz
                      : path == "/jsz" ? &Monitoring::jsz
                                       : &Monitoring::subsz;
  static_cast<void>(
      worker_->push([this, answer, params = request.params, reply = std::move(reply)] {
        reply(response_to((this->*answer)(monitor::Query(params))));
      }));
}

void Monitoring::count(const std::string& path) {
  if (std::find(kCounted.begin(), kCounted.end(), path) != kCounted.end()) ++requests_[path];
}

// --- what the loops own ---

void Monitoring::run_on(LoopThread& loop, const std::function<void(shard::Shard&)>& step) {
  std::latch done(1);
  loop.run_task([&step, &done](shard::Shard& shard) {
    step(shard);
    done.count_down();
  });
  done.wait();
}

// Each step is posted when the one before is done: the loop serves its connections in between.
void Monitoring::visit_sessions(const std::function<size_t(const session::ClientSession&)>& visit) {
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

void Monitoring::collect_open(const monitor::ConnzQuery& query,
                              monitor::ConnzCollector& collector) {
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

void Monitoring::collect_closed(monitor::ConnzCollector& collector) {
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

void Monitoring::collect_subscriptions(const std::string& account,
                                       monitor::SubszCollector& collector) {
  visit_sessions([&](const session::ClientSession& session) -> size_t {
    if (!account.empty() && session.account->name != account) return 0;
    const session::SessionView view = session.view({.subscriptions = true});
    for (const auto& subscription : view.subscriptions) collector.add(subscription);
    return view.subscriptions.size();
  });
}

Monitoring::Answer Monitoring::connz(const monitor::Query& query) {
  PETREL_TRY(const monitor::ConnzQuery wanted, monitor::ConnzQuery::parse(query));
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

Monitoring::Answer Monitoring::subsz(const monitor::Query& query) {
  PETREL_TRY(const monitor::SubszQuery wanted, monitor::SubszQuery::parse(query));
  monitor::SubszCollector collector(wanted);
  monitor::SubszPage page{.server_id = server_.id, .now = wall_now()};
  bool is_known = false;
  server_.accounts.for_each([&](const router::AccountInterest& account) {
    if (!wanted.account.empty() && wanted.account != account.name) return;
    is_known = true;
    const monitor::IndexNumbers numbers = index_numbers(account);
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

monitor::VarzRuntime Monitoring::runtime() const {
  monitor::VarzRuntime now;
  now.ocsp_peer_cache = server_.ocsp_peer_cache();
  now.now = wall_now();
  now.mem = process_memory().resident_bytes;
  now.cores = static_cast<int>(std::thread::hardware_concurrency());
  now.loops = static_cast<int>(server_.loops.size());
  now.cpu = static_cast<double>(cpu_permille_.load(std::memory_order_relaxed)) / 10.0;
  now.http_req_stats = requests_;
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

std::string Monitoring::varz() {
  if (const JetStream* jetstream = server_.jetstream(); jetstream != nullptr) {
    varz_config_.jetstream = jetstream_settings(jetstream->node());
    monitor::VarzRuntime now = runtime();
    now.jetstream = jetstream_figures(*jetstream);
    return monitor::varz_json(varz_config_, now);
  }
  return monitor::varz_json(varz_config_, runtime());
}

monitor::AccountsView Monitoring::accounts() const {
  monitor::AccountsView view{.server_id = server_.id, .now = wall_now()};
  std::vector<const router::AccountInterest*> known;
  server_.accounts.for_each(
      [&known](const router::AccountInterest& account) { known.push_back(&account); });
  for (const router::AccountInterest* account : known) {
    const auth::AccountPtr description = server_.accounts.description(account->name);
    if (description == nullptr) continue;  // was taken out of the configuration
    view.accounts.push_back(account_view(*account, description));
    view.accounts.back().update_time = server_.start_time;
  }
  return view;
}

// What /varz says of the configuration changes with a reload only.
void Monitoring::refresh_config() {
  std::shared_ptr<const LoadedConfig> current = server_.config.get();
  if (current == known_) return;
  const conf::Options& options = current->options;
  monitor::VarzConfig config;
  if (const auto session = server_.session_config(options); session != nullptr) {
    config.server_name = session->info.server_name;
    config.proto = session->info.proto;
    config.host = session->info.host;
    config.port = session->info.port;
    config.auth_required = session->info.auth_required;
    config.tls_required = session->info.tls_required;
    config.tls_verify = session->info.tls_verify;
    tenants_ = session->accounts;
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
  if (base_path_ != "/") config.http_base_path = base_path_;
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
  if (tenants_ != nullptr && tenants_->system() != nullptr) {
    config.system_account = tenants_->system()->name;
  }
  varz_config_ = std::move(config);
  known_ = std::move(current);
}

void Monitoring::sample_cpu() {
  CpuSample last = cpu_sample();
  while (sampling_->sleep_for(kCpuWindow)) {
    const CpuSample now = cpu_sample();
    const int64_t elapsed = std::max<int64_t>((now.at - last.at).ns, 1);
    cpu_permille_.store((now.used - last.used).ns * 1000 / elapsed, std::memory_order_relaxed);
    last = now;
  }
}

}  // namespace petrel::server
