// What an option left open, or set to 0, means.
#include "petrel/conf/startup.h"

#include <algorithm>

namespace petrel::conf {
namespace {

constexpr std::string_view kEveryAddress = "0.0.0.0";
constexpr Duration kTlsTimeout = Duration::seconds(2);
constexpr Duration kAuthTimeout = Duration::seconds(2);
constexpr std::string_view kLeafnodePort = "7422";

template <typename T>
void default_to(T& value, T fallback) {
  if (value == T{}) value = fallback;
}

void default_host(std::string& host) {
  default_to(host, std::string(kEveryAddress));
}

// With TLS the client needs time for its handshake first.
Duration auth_timeout(std::optional<TlsOptions>& tls) {
  if (!tls) return kAuthTimeout;
  default_to(tls->timeout, kTlsTimeout);
  return tls->timeout + Duration::seconds(1);
}

void fill_in_clients(Options& options) {
  const Options fallback;
  default_host(options.host);
  default_to(options.http_host, options.host);
  default_to(options.port, fallback.port);
  default_to(options.max_connections, fallback.max_connections);
  default_to(options.ping_interval, fallback.ping_interval);
  default_to(options.ping_max, fallback.ping_max);
  default_to(options.max_control_line, fallback.max_control_line);
  default_to(options.max_payload, fallback.max_payload);
  default_to(options.max_pending, fallback.max_pending);
  default_to(options.write_deadline, fallback.write_deadline);
  default_to(options.max_closed_clients, fallback.max_closed_clients);
  default_to(options.lame_duck_duration, fallback.lame_duck_duration);
  default_to(options.lame_duck_grace_period, fallback.lame_duck_grace_period);
  default_to(options.connect_error_reports, fallback.connect_error_reports);
  default_to(options.reconnect_error_reports, fallback.reconnect_error_reports);
  const Duration timeout = auth_timeout(options.tls);
  if (!options.authorization.timeout) options.authorization.timeout = timeout;
}

void fill_in_cluster(Options& options) {
  ClusterOptions& cluster = options.cluster;
  if (cluster.port == 0) return;
  default_host(cluster.host);
  default_to(cluster.auth_timeout, auth_timeout(cluster.tls));
  default_to(cluster.pool_size, ClusterOptions{}.pool_size);
  default_to(cluster.compression.mode, std::string("accept"));
  std::string system = options.system_account;
  if (system.empty() && !options.no_system_account) system = "$SYS";
  const auto& accounts = cluster.accounts;
  const bool listed = std::find(accounts.begin(), accounts.end(), system) != accounts.end();
  if (cluster.pool_size > 0 && !system.empty() && !listed) cluster.accounts.push_back(system);
}

void fill_in_leafnodes(LeafnodeOptions& leaf) {
  if (leaf.port != 0) {
    default_host(leaf.host);
    default_to(leaf.auth_timeout, auth_timeout(leaf.tls));
    default_to(leaf.compression.mode, std::string("s2_auto"));
  }
  for (LeafRemote& remote : leaf.remotes) {
    for (Url& url : remote.urls) {
      if (url.port().empty()) url.host += ":" + std::string(kLeafnodePort);
    }
    default_to(remote.compression.mode, std::string("s2_auto"));
    if (remote.first_info_timeout.ns <= 0) remote.first_info_timeout = Duration::seconds(1);
  }
  default_to(leaf.reconnect_interval, Duration::seconds(1));
}

void fill_in_jetstream(JetStreamOptions& jetstream) {
  const JetStreamOptions fallback;
  if (jetstream.request_queue_limit <= 0) {
    jetstream.request_queue_limit = fallback.request_queue_limit;
  }
  if (jetstream.info_queue_limit <= 0) jetstream.info_queue_limit = jetstream.request_queue_limit;
  default_to(jetstream.limits.default_max_consumers, fallback.limits.default_max_consumers);
}

}  // namespace

void fill_in_defaults(Options& options) {
  fill_in_clients(options);
  fill_in_cluster(options);
  fill_in_leafnodes(options.leafnodes);
  if (options.gateway.port != 0) {
    default_host(options.gateway.host);
    default_to(options.gateway.auth_timeout, auth_timeout(options.gateway.tls));
  }
  if (options.websocket.port != 0) default_host(options.websocket.host);
  if (options.mqtt.port != 0) default_host(options.mqtt.host);
  fill_in_jetstream(options.jetstream);
}

}  // namespace petrel::conf
