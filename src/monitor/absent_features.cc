#include "petrel/monitor/absent_features.h"

#include "petrel/monitor/json_writer.h"

#include <initializer_list>

namespace petrel::monitor {

namespace {

Status check_booleans(const Query& query, std::initializer_list<Slice> names) {
  for (const Slice name : names) {
    if (const Result<bool> given = query.boolean(name); !given) return given.error();
  }
  return Status::ok();
}

void write_zeros(JsonWriter& json, std::initializer_list<Slice> names) {
  for (const Slice name : names) json.field(name, 0);
}

void write_empty(JsonWriter& json, Slice name) {
  json.begin_object(name);
  json.end_object();
}

}  // namespace

Result<std::string> routez_json(const ServerName& server, const Query& query) {
  if (const auto given = query.subscriptions(); !given) return given.error();
  JsonWriter json;
  json.begin_object();
  json.field("server_id", Slice(server.id));
  json.field("server_name", Slice(server.name));
  json.field("now", server.now);
  json.field("num_routes", 0);
  json.begin_array("routes");
  json.end_array();
  json.end_object();
  return json.take();
}

Result<std::string> gatewayz_json(const ServerName& server, const Query& query) {
  if (const auto given = query.subscriptions(); !given) return given.error();
  PETREL_TRY_STATUS(check_booleans(query, {"accs"}));
  JsonWriter json;
  json.begin_object();
  json.field("server_id", Slice(server.id));
  json.field("now", server.now);
  write_empty(json, "outbound_gateways");
  write_empty(json, "inbound_gateways");
  json.end_object();
  return json.take();
}

Result<std::string> leafz_json(const ServerName& server, const Query& query) {
  PETREL_TRY_STATUS(check_booleans(query, {"subs"}));
  JsonWriter json;
  json.begin_object();
  json.field("server_id", Slice(server.id));
  json.field("now", server.now);
  json.field("leafnodes", 0);
  json.begin_array("leafs");
  json.end_array();
  json.end_object();
  return json.take();
}

Result<std::string> jsz_json(const ServerName& server, const Query& query) {
  PETREL_TRY_STATUS(
      check_booleans(query, {"accounts", "streams", "consumers", "direct-consumers", "config"}));
  for (const Slice name : {"offset", "limit"}) {
    if (const Result<int64_t> given = query.integer(name); !given) return given.error();
  }
  PETREL_TRY(const bool leader_only, query.boolean("leader-only"));
  PETREL_TRY_STATUS(check_booleans(query, {"raft", "stream-leader-only"}));
  if (leader_only) return Error{Errc::kNotLeader, "filtered response: not leader"};
  JsonWriter json;
  json.begin_object();
  write_zeros(
      json, {"memory", "storage", "reserved_memory", "reserved_storage", "accounts", "ha_assets"});
  json.begin_object("api");
  write_zeros(json, {"level", "total", "errors"});
  json.end_object();
  json.field("server_id", Slice(server.id));
  json.field("now", server.now);
  json.field("disabled", true);
  json.begin_object("config");
  write_zeros(json, {"max_memory", "max_storage"});
  json.end_object();
  write_zeros(json, {"streams", "consumers", "messages", "bytes", "total"});
  json.end_object();
  return json.take();
}

Result<std::string> ipqueuesz_json(const Query& query) {
  PETREL_TRY_STATUS(check_booleans(query, {"all"}));
  return std::string("{}");
}

}  // namespace petrel::monitor
