#include "petrel/monitor/accounts.h"

#include <algorithm>

namespace petrel::monitor {

namespace {

const std::string& shown_name(const AccountView& account) {
  return account.tag.empty() ? account.name : account.tag;
}

void write_mappings(JsonWriter& json, std::vector<MappingView> mappings) {
  if (mappings.empty()) return;
  std::sort(mappings.begin(), mappings.end(),
            [](const MappingView& a, const MappingView& b) { return a.source < b.source; });
  json.begin_object("mappings");
  for (const MappingView& mapping : mappings) {
    json.begin_array(mapping.source);
    for (const MappingView::Destination& destination : mapping.destinations) {
      json.begin_object();
      json.field("subject", Slice(destination.subject));
      json.field("weight", destination.weight);
      json.field_unless_empty("cluster", Slice(destination.cluster));
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

void write_latency(JsonWriter& json, Slice key, const LatencyView& latency) {
  if (latency.results.empty()) return;
  json.begin_object(key);
  json.field("sampling", latency.sampling);
  json.field("results", Slice(latency.results));
  json.end_object();
}

void write_exports(JsonWriter& json, const std::vector<ExportView>& exports) {
  if (exports.empty()) return;
  json.begin_array("exports");
  for (const ExportView& entry : exports) {
    json.begin_object();
    json.field("subject", Slice(entry.subject));
    json.field("type", Slice(entry.response_type.empty() ? "stream" : "service"));
    json.field_unless_empty("response_type", Slice(entry.response_type));
    write_latency(json, "service_latency", entry.latency);
    if (!entry.approved.empty()) {
      json.begin_array("approved_accounts");
      for (const std::string& name : entry.approved) json.value(Slice(name));
      json.end_array();
    }
    json.end_object();
  }
  json.end_array();
}

void write_imports(JsonWriter& json, const std::vector<ImportView>& imports) {
  if (imports.empty()) return;
  json.begin_array("imports");
  for (const ImportView& entry : imports) {
    json.begin_object();
    json.field("subject", Slice(entry.subject));
    json.field("account", Slice(entry.account));
    if (entry.is_service) json.field("to", Slice(entry.local_subject));
    json.field("local_subject", Slice(entry.local_subject));
    json.field("type", Slice(entry.is_service ? "service" : "stream"));
    json.field("invalid", false);
    json.field("share", entry.share);
    json.field("tracking", false);
    write_latency(json, "latency", entry.latency);
    json.end_object();
  }
  json.end_array();
}

void write_rate(JsonWriter& json, const RateView& rate) {
  if (rate.messages == 0 && rate.bytes == 0 && rate.throttled == 0) return;
  json.begin_object("rate_limit");
  json.field("messages", rate.messages);
  json.field("bytes", rate.bytes);
  json.field("burst", rate.burst.ns);
  json.field("throttled", rate.throttled);
  json.end_object();
}

void write_detail(JsonWriter& json, const AccountView& account) {
  json.begin_object();
  json.field("account_name", Slice(account.name));
  json.field("update_time", account.update_time);
  json.field_unless_empty("is_system", account.is_system);
  json.field("expired", false);
  json.field("complete", true);
  json.field("jetstream_enabled", account.has_jetstream);
  json.field("leafnode_connections", 0);
  json.field("client_connections", account.client_connections);
  json.field("subscriptions", account.index.subscriptions);
  write_mappings(json, account.mappings);
  write_exports(json, account.exports);
  write_imports(json, account.imports);
  json.field("name_tag", Slice(shown_name(account)));
  json.begin_object("sublist_stats");
  write_index_numbers(json, account.index);
  json.end_object();
  write_rate(json, account.rate);
  json.end_object();
}

void write_traffic(JsonWriter& json, Slice name, uint64_t msgs, uint64_t bytes) {
  json.begin_object(name);
  json.field("msgs", msgs);
  json.field("bytes", bytes);
  for (const Slice link : {"gateways", "routes", "leafs"}) {
    json.begin_object(link);
    json.field("msgs", 0);
    json.field("bytes", 0);
    json.end_object();
  }
  json.end_object();
}

void write_head(JsonWriter& json, const AccountsView& view) {
  json.field("server_id", Slice(view.server_id));
  json.field("now", view.now);
}

}  // namespace

AccountView account_figures(const router::AccountInterest& account) {
  AccountView view;
  view.name = account.name;
  for (const router::AccountTraffic& traffic : account.traffic) {
    view.client_connections += traffic.connections.get();
    view.in_msgs += traffic.in_msgs.get();
    view.in_bytes += traffic.in_bytes.get();
    view.out_msgs += traffic.out_msgs.get();
    view.out_bytes += traffic.out_bytes.get();
    view.slow_consumers += traffic.slow_consumers.get();
    view.rate.throttled += traffic.throttled.get();
  }
  const subject::SubjectIndex::Stats stats = account.index.stats();
  view.index = {stats.subscriptions, stats.inserts, stats.removes, stats.matches};
  return view;
}

void write_account_statistics(JsonWriter& json, const AccountView& account) {
  json.field("acc", Slice(account.name));
  json.field("name", Slice(shown_name(account)));
  json.field("conns", account.client_connections);
  json.field("leafnodes", 0);
  json.field("total_conns", account.client_connections);
  json.field("num_subscriptions", account.index.subscriptions);
  write_traffic(json, "sent", account.out_msgs, account.out_bytes);
  write_traffic(json, "received", account.in_msgs, account.in_bytes);
  json.field("slow_consumers", account.slow_consumers);
  write_rate(json, account.rate);
}

std::string account_detail_json(const AccountView& account) {
  JsonWriter json(0);
  write_detail(json, account);
  return json.take();
}

Result<std::string> accountz_json(const AccountsView& view, Slice name) {
  JsonWriter json;
  json.begin_object();
  write_head(json, view);
  for (const AccountView& account : view.accounts) {
    if (account.is_system) json.field("system_account", Slice(account.name));
  }
  if (name.empty()) {
    json.begin_array("accounts");
    for (const AccountView& account : view.accounts) json.value(Slice(account.name));
    json.end_array();
  } else {
    const auto found =
        std::find_if(view.accounts.begin(), view.accounts.end(),
                     [name](const AccountView& account) { return account.name == name; });
    if (found == view.accounts.end()) {
      return Error{Errc::kNotFound, "Account " + std::string(name) + " does not exist"};
    }
    json.key("account_detail");
    write_detail(json, *found);
  }
  json.end_object();
  return json.take();
}

std::string accstatz_json(const AccountsView& view, bool unused) {
  JsonWriter json;
  json.begin_object();
  write_head(json, view);
  json.begin_array("account_statz");
  for (const AccountView& account : view.accounts) {
    if (!unused && account.client_connections == 0) continue;
    json.begin_object();
    write_account_statistics(json, account);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace petrel::monitor
