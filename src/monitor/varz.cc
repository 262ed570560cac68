#include "petrel/monitor/varz.h"

#include "petrel/monitor/json_writer.h"
#include "petrel/monitor/text.h"

namespace petrel::monitor {

namespace {

template <typename T>
void write_map(JsonWriter& json, Slice name, const std::map<std::string, T>& map) {
  json.begin_object(name);
  for (const auto& [key, value] : map) json.field(key, value);
  json.end_object();
}

// Clients are the only kind of connection there is.
void write_by_kind(JsonWriter& json, Slice name, uint64_t clients) {
  json.begin_object(name);
  json.field("clients", clients);
  json.field("routes", 0);
  json.field("gateways", 0);
  json.field("leafs", 0);
  json.end_object();
}

void write_listener(JsonWriter& json, const VarzConfig& config, const JetStreamFigures& jetstream) {
  json.field("server_id", Slice(config.server_id));
  json.field("server_name", Slice(config.server_name));
  json.field("version", Slice(config.version));
  json.field("proto", config.proto);
  json.field("go", Slice(config.runtime));
  json.field("host", Slice(config.host));
  json.field("port", config.port);
  json.field_unless_empty("auth_required", config.auth_required);
  json.field_unless_empty("tls_required", config.tls_required);
  json.field_unless_empty("tls_verify", config.tls_verify);
  json.field_unless_empty("tls_ocsp_peer_verify", config.tls_ocsp_peer_verify);
  json.field("max_connections", config.max_connections);
  json.field_unless_empty("max_subscriptions", config.max_subscriptions);
  json.field("ping_interval", config.ping_interval.ns);
  json.field("ping_max", config.ping_max);
  json.field("http_host", Slice(config.http_host));
  json.field("http_port", config.http_port);
  json.field("http_base_path", Slice(config.http_base_path));
  json.field("https_port", config.https_port);
  json.field("auth_timeout", config.auth_timeout_seconds);
  json.field("max_control_line", config.max_control_line);
  json.field("max_payload", config.max_payload);
  json.field("max_pending", config.max_pending);
  for (const Slice block : {"cluster", "gateway", "leaf", "mqtt", "websocket"}) {
    json.begin_object(block);
    json.end_object();
  }
  json.begin_object("jetstream");
  if (config.jetstream.has_value()) write_varz_jetstream(json, *config.jetstream, jetstream);
  json.end_object();
  json.field("tls_timeout", config.tls_timeout_seconds);
  json.field("write_deadline", config.write_deadline.ns);
  json.field_unless_empty("write_timeout", Slice(config.write_timeout));
}

void write_traffic(JsonWriter& json, const VarzRuntime& runtime) {
  json.field("connections", runtime.connections);
  json.field("total_connections", runtime.total_connections);
  json.field("routes", 0);
  json.field("remotes", 0);
  json.field("leafnodes", 0);
  json.field("in_msgs", runtime.in_msgs);
  json.field("in_bytes", runtime.in_bytes);
  json.field("in_client_msgs", runtime.in_msgs);
  json.field("in_client_bytes", runtime.in_bytes);
  json.field("out_msgs", runtime.out_msgs);
  json.field("out_bytes", runtime.out_bytes);
  json.field("out_client_msgs", runtime.out_msgs);
  json.field("out_client_bytes", runtime.out_bytes);
  json.field("slow_consumers", runtime.slow_consumers);
  json.field("stale_connections", runtime.stale_connections);
  json.field("stalled_clients", runtime.stalled_clients);
  json.field("subscriptions", runtime.subscriptions);
  write_map(json, "http_req_stats", runtime.http_req_stats);
}

void write_ocsp_cache(JsonWriter& json, const OcspPeerCache& cache) {
  json.begin_object("ocsp_peer_cache");
  json.field("cache_type", Slice("local"));
  json.field_unless_empty("cache_hits", cache.hits);
  json.field_unless_empty("cache_misses", cache.misses);
  json.field_unless_empty("cached_responses", cache.responses);
  json.field_unless_empty("cached_revoked_responses", cache.revoked);
  json.field_unless_empty("cached_good_responses", cache.good);
  json.field_unless_empty("cached_unknown_responses", cache.unknown);
  json.end_object();
}

void write_disk_waits(JsonWriter& json) {
  json.begin_object("disk_io_wait_stats");
  for (const Slice name : {"waiters", "waits", "wait_time", "max_wait_time"}) json.field(name, 0);
  json.end_object();
}

}  // namespace

std::string varz_json(const VarzConfig& config, const VarzRuntime& runtime) {
  JsonWriter json;
  json.begin_object();
  write_listener(json, config, runtime.jetstream);
  json.field("start", config.start);
  json.field("now", runtime.now);
  json.field("uptime", Slice(uptime_text(runtime.now - config.start)));
  json.field("mem", runtime.mem);
  json.field("cores", runtime.cores);
  json.field("gomaxprocs", runtime.loops);
  json.field("cpu", runtime.cpu);
  write_traffic(json, runtime);
  json.field("config_load_time", config.config_load_time);
  json.field("config_digest", Slice(config.config_digest));
  json.field_unless_empty("tags", config.tags);
  if (!config.metadata.empty()) write_map(json, "metadata", config.metadata);
  if (!config.feature_flags.empty()) write_map(json, "feature_flags", config.feature_flags);
  json.field_unless_empty("system_account", Slice(config.system_account));
  if (runtime.ocsp_peer_cache) write_ocsp_cache(json, *runtime.ocsp_peer_cache);
  write_by_kind(json, "slow_consumer_stats", runtime.slow_consumers);
  write_by_kind(json, "stale_connection_stats", runtime.stale_connections);
  write_disk_waits(json);
  json.field_unless_empty("tls_cert_not_after", config.tls_cert_not_after);
  json.end_object();
  return json.take();
}

}  // namespace petrel::monitor
