#include "petrel/monitor/jsz.h"

#include <algorithm>

namespace petrel::monitor {

namespace {

constexpr int kApiLevel = 5;

void write_api(JsonWriter& json, int level, uint64_t total, uint64_t errors) {
  json.begin_object("api");
  json.field("level", level);
  json.field("total", total);
  json.field("errors", errors);
  json.end_object();
}

void write_figures(JsonWriter& json, const JetStreamFigures& figures) {
  json.field("memory", figures.memory);
  json.field("storage", figures.storage);
  json.field("reserved_memory", figures.reserved_memory);
  json.field("reserved_storage", figures.reserved_storage);
  json.field("accounts", figures.accounts);
  json.field("ha_assets", 0);
  write_api(json, kApiLevel, figures.api_total, figures.api_errors);
}

// `says_enabled`: dashboards look for a key that nats-server does not have any more.
void write_settings(JsonWriter& json, const JetStreamSettings& settings, bool says_enabled) {
  json.begin_object("config");
  json.field("max_memory", settings.max_memory);
  json.field("max_storage", settings.max_storage);
  json.field_unless_empty("store_dir", settings.store_dir);
  json.field_unless_empty("sync_interval", settings.sync_interval.ns);
  json.field_unless_empty("sync_always", settings.sync_always);
  json.field_unless_empty("domain", settings.domain);
  json.field_unless_empty("unique_tag", settings.unique_tag);
  json.field_unless_empty("strict", settings.strict);
  json.field_unless_empty("enabled", says_enabled);
  json.end_object();
}

void write_limits(JsonWriter& json, const JetStreamSettings& settings) {
  json.begin_object("limits");
  json.field_unless_empty("max_request_batch", settings.max_request_batch);
  json.field_unless_empty("max_ack_pending", settings.max_ack_pending);
  json.field_unless_empty("max_ha_assets", settings.max_ha_assets);
  json.field_unless_empty("max_duplicate_window", settings.max_duplicate_window.ns);
  json.field_unless_empty("default_max_consumers", settings.default_max_consumers);
  json.end_object();
}

// A member of a compact JSON object as it stands; empty: not there.
Slice member(Slice object, Slice key) {
  size_t depth = 0;
  bool in_text = false;
  size_t begin = 0;
  bool is_wanted = false;
  for (size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
      continue;
    }
    const bool ends_member = depth == 1 && (c == ',' || c == '}');
    if (ends_member && is_wanted) return object.substr(begin, i - begin);
    if (c == '"') {
      in_text = true;
      const Slice rest = object.substr(i + 1);
      if (depth == 1 && rest.substr(0, key.size()) == key && rest.substr(key.size(), 2) == "\":" &&
          !is_wanted) {
        is_wanted = true;
        begin = i + key.size() + 3;
      }
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
  }
  return {};
}

void write_part(JsonWriter& json, Slice name, Slice compact) {
  if (compact.empty()) return;
  json.key(name);
  json.embed(compact);
}

void write_consumers(JsonWriter& json, Slice name,
                     const std::vector<jetstream::ConsumerInfoView>& consumers) {
  if (consumers.empty()) return;
  const std::string list = jetstream::consumer_list_json(consumers, {});
  write_part(json, name, member(list, "consumers"));
}

void write_stream(JsonWriter& json, const JszQuery& query, const JszStream& stream) {
  const std::string list = jetstream::stream_list_json({stream.info}, {});
  Slice only = member(list, "streams");
  only = only.substr(1, only.size() - 2);
  json.begin_object();
  json.field("name", Slice(stream.info.config.name));
  json.field("created", stream.info.created);
  write_part(json, "cluster", member(only, "cluster"));
  if (query.config) write_part(json, "config", member(only, "config"));
  write_part(json, "state", member(only, "state"));
  if (query.consumers) write_consumers(json, "consumer_detail", stream.consumers);
  if (query.direct_consumers) {
    write_consumers(json, "direct_consumer_detail", stream.direct_consumers);
  }
  write_part(json, "mirror", member(only, "mirror"));
  write_part(json, "sources", member(only, "sources"));
  json.end_object();
}

void write_account(JsonWriter& json, const JszQuery& query, const JszAccount& account) {
  json.begin_object();
  json.field("name", Slice(account.name));
  json.field("id", Slice(account.name));
  json.field("memory", account.memory);
  json.field("storage", account.storage);
  json.field("reserved_memory", account.reserved_memory);
  json.field("reserved_storage", account.reserved_storage);
  json.field("accounts", 0);
  json.field("ha_assets", 0);
  write_api(json, 0, account.api_total, account.api_errors);
  if (query.streams && !account.streams.empty()) {
    json.begin_array("stream_detail");
    for (const JszStream& stream : account.streams) write_stream(json, query, stream);
    json.end_array();
  }
  json.end_object();
}

std::vector<const JszAccount*> shown(const JszQuery& query, const JszPage& page) {
  std::vector<const JszAccount*> accounts;
  if (!query.accounts && query.account.empty()) return accounts;
  for (const JszAccount& account : page.accounts) {
    if (query.account.empty() || account.name == query.account) accounts.push_back(&account);
  }
  if (!query.account.empty()) return accounts;
  const auto total = static_cast<int64_t>(accounts.size());
  const int64_t begin = std::clamp<int64_t>(query.offset, 0, total);
  const int64_t end = std::min(total, begin + query.limit);
  return {accounts.begin() + begin, accounts.begin() + end};
}

}  // namespace

Result<JszQuery> JszQuery::parse(const Query& query) {
  JszQuery wanted;
  PETREL_TRY(wanted.accounts, query.boolean("accounts"));
  PETREL_TRY(wanted.streams, query.boolean("streams"));
  PETREL_TRY(wanted.consumers, query.boolean("consumers"));
  PETREL_TRY(wanted.direct_consumers, query.boolean("direct-consumers"));
  PETREL_TRY(wanted.config, query.boolean("config"));
  PETREL_TRY(wanted.offset, query.integer("offset"));
  PETREL_TRY(const int64_t limit, query.integer("limit"));
  if (limit > 0) wanted.limit = limit;
  PETREL_TRY(wanted.leader_only, query.boolean("leader-only"));
  PETREL_TRY(wanted.raft, query.boolean("raft"));
  if (const Result<bool> given = query.boolean("stream-leader-only"); !given) return given.error();
  wanted.account = query.text("acc");
  if (wanted.consumers) wanted.streams = true;
  if (wanted.streams) wanted.accounts = true;
  return wanted;
}

std::string jsz_json(const JszQuery& query, const JszPage& page) {
  uint64_t streams = 0;
  uint64_t consumers = 0;
  uint64_t messages = 0;
  uint64_t bytes = 0;
  for (const JszAccount& account : page.accounts) {
    streams += account.streams.size();
    for (const JszStream& stream : account.streams) {
      consumers += stream.consumers.size();
      messages += stream.info.state.messages;
      bytes += stream.info.state.bytes;
    }
  }
  JsonWriter json;
  json.begin_object();
  write_figures(json, page.figures);
  json.field("server_id", Slice(page.server_id));
  json.field("now", page.now);
  write_settings(json, page.settings, true);
  write_limits(json, page.settings);
  json.field("streams", streams);
  if (query.raft) json.field_unless_empty("streams_leader", streams);
  json.field("consumers", consumers);
  if (query.raft) json.field_unless_empty("consumers_leader", consumers);
  json.field("messages", messages);
  json.field("bytes", bytes);
  const std::vector<const JszAccount*> accounts = shown(query, page);
  if (!accounts.empty()) {
    json.begin_array("account_details");
    for (const JszAccount* account : accounts) write_account(json, query, *account);
    json.end_array();
  }
  json.field("total", page.accounts.size());
  json.end_object();
  return json.take();
}

std::string jsz_account_json(const JszQuery& query, const JszPage& page, Slice account) {
  for (const JszAccount& known : page.accounts) {
    if (known.name != account) continue;
    JsonWriter json(0);
    write_account(json, query, known);
    return json.take();
  }
  return {};
}

void write_varz_jetstream(JsonWriter& json, const JetStreamSettings& settings,
                          const JetStreamFigures& figures) {
  write_settings(json, settings, false);
  json.begin_object("stats");
  write_figures(json, figures);
  json.end_object();
  write_limits(json, settings);
}

}  // namespace petrel::monitor
