#include "petrel/system/statsz.h"

#include "petrel/monitor/json_writer.h"

#include <algorithm>

namespace petrel::system {

namespace {

constexpr Duration kFastest = Duration::millis(250);
constexpr Duration kSlowest = Duration::seconds(10);

void write_traffic(monitor::JsonWriter& json, Slice name, uint64_t msgs, uint64_t bytes) {
  json.begin_object(name);
  json.field("msgs", msgs);
  json.field("bytes", bytes);
  json.end_object();
}

void write_by_kind(monitor::JsonWriter& json, Slice name, uint64_t clients) {
  if (clients == 0) return;
  json.begin_object(name);
  json.field("clients", clients);
  for (const Slice kind : {"routes", "gateways", "leafs"}) json.field(kind, 0);
  json.end_object();
}

void write_jetstream(monitor::JsonWriter& json, const Statsz& statsz) {
  if (!statsz.jetstream) return;
  monitor::JetStreamSettings settings = *statsz.jetstream;
  settings.store_dir.clear();
  json.begin_object("jetstream");
  monitor::write_varz_jetstream(json, settings, statsz.figures.jetstream);
  json.end_object();
}

}  // namespace

std::string statsz_json(const std::string& server, const Statsz& statsz) {
  const monitor::VarzRuntime& figures = statsz.figures;
  monitor::JsonWriter json(0);
  json.begin_object();
  json.key("server");
  json.embed(server);
  json.begin_object("statsz");
  json.field("start", statsz.start);
  json.field("mem", figures.mem);
  json.field("cores", figures.cores);
  json.field("cpu", figures.cpu);
  json.field("connections", figures.connections);
  json.field("total_connections", figures.total_connections);
  json.field("active_accounts", statsz.active_accounts);
  json.field("subscriptions", figures.subscriptions);
  write_traffic(json, "sent", figures.out_msgs, figures.out_bytes);
  write_traffic(json, "sent_to_clients", figures.out_msgs, figures.out_bytes);
  write_traffic(json, "received", figures.in_msgs, figures.in_bytes);
  write_traffic(json, "received_from_clients", figures.in_msgs, figures.in_bytes);
  json.field("slow_consumers", figures.slow_consumers);
  write_by_kind(json, "slow_consumer_stats", figures.slow_consumers);
  json.field_unless_empty("stale_connections", figures.stale_connections);
  write_by_kind(json, "stale_connection_stats", figures.stale_connections);
  json.field_unless_empty("stalled_clients", figures.stalled_clients);
  json.field("active_servers", 1);
  write_jetstream(json, statsz);
  json.field("gomaxprocs", figures.loops);
  json.end_object();
  json.end_object();
  return json.take();
}

Duration StatszRamp::next() {
  last_ = last_.ns == 0 ? kFastest : std::min(last_ * 2, kSlowest);
  return last_;
}

}  // namespace petrel::system
