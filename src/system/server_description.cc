#include "petrel/system/server_description.h"

#include "petrel/conf/command_line.h"
#include "petrel/monitor/json_writer.h"

namespace petrel::system {

namespace {

// What nats-server's capability flags say: JetStream, binary snapshots, Raft traffic in accounts.
constexpr int kJetStreamFlags = 7;

template <typename T>
void write_map(monitor::JsonWriter& json, Slice name, const std::map<std::string, T>& map) {
  if (map.empty()) return;
  json.begin_object(name);
  for (const auto& [key, value] : map) json.field(key, value);
  json.end_object();
}

}  // namespace

ServerDescription ServerDescription::of(const conf::Options& options, const std::string& id) {
  ServerDescription described;
  described.name = options.server_name.empty() ? id : options.server_name;
  described.host = options.host;
  described.id = id;
  described.cluster = options.cluster.name;
  described.domain = options.jetstream.domain;
  described.version = conf::kNatsVersion;
  described.tags = options.tags;
  described.metadata = options.metadata;
  // All flags that nats-server knows, with what the configuration says of them.
  described.feature_flags = {{"js_ack_fc_v2", false},
                             {"js_api_reply_v2", false},
                             {"js_raft_delete_range", true},
                             {"js_snapshot_sources", false}};
  for (auto& [flag, is_on] : described.feature_flags) {
    const auto given = options.feature_flags.find(flag);
    if (given != options.feature_flags.end()) is_on = given->second;
  }
  described.has_jetstream = options.jetstream.enabled;
  return described;
}

std::string ServerDescription::to_json(uint64_t sequence, WallTime now) const {
  monitor::JsonWriter json(0);
  json.begin_object();
  json.field("name", Slice(name));
  json.field("host", Slice(host));
  json.field("id", Slice(id));
  json.field_unless_empty("cluster", Slice(cluster));
  json.field_unless_empty("domain", Slice(domain));
  json.field("ver", Slice(version));
  json.field_unless_empty("tags", tags);
  write_map(json, "metadata", metadata);
  write_map(json, "feature_flags", feature_flags);
  json.field("jetstream", has_jetstream);
  json.field("flags", has_jetstream ? kJetStreamFlags : 0);
  json.field("seq", sequence);
  json.field("time", now);
  json.end_object();
  return json.take();
}

}  // namespace petrel::system
