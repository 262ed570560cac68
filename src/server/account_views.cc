#include "server/account_views.h"

namespace petrel::server {

namespace {

monitor::LatencyView latency_view(const std::optional<conf::LatencyOptions>& latency) {
  return latency ? monitor::LatencyView{latency->sampling, latency->subject}
                 : monitor::LatencyView{};
}

std::string response_type(const conf::ExportOptions& entry) {
  if (!entry.is_service) return "";
  switch (entry.response_type) {
    case conf::ResponseType::kStreamed:
      return "Streamed";
    case conf::ResponseType::kChunked:
      return "Chunked";
    case conf::ResponseType::kSingleton:
      break;
  }
  return "Singleton";
}

void add_imports(const router::AccountLinks& links, monitor::AccountView& view) {
  for (const auto& link : links.streams) {
    view.imports.push_back(
        {.subject = link->from, .account = link->exporter->name, .local_subject = link->to});
  }
  for (const auto& link : links.services) {
    view.imports.push_back({.subject = link->to,
                            .account = link->exporter->name,
                            .local_subject = link->from,
                            .is_service = true,
                            .share = link->share,
                            .latency = latency_view(link->latency)});
  }
}

void describe(const auth::Account& account, monitor::AccountView& view) {
  view.is_system = account.is_system;
  view.has_jetstream = account.jetstream.has_value();
  for (const conf::MappingOptions& mapping : account.mapping_options) {
    monitor::MappingView entry{.source = mapping.source};
    for (const conf::MappingDestination& destination : mapping.destinations) {
      entry.destinations.push_back({destination.subject, destination.weight, destination.cluster});
    }
    view.mappings.push_back(std::move(entry));
  }
  for (const bool is_service : {true, false}) {
    for (const conf::ExportOptions& entry : account.exports) {
      if (entry.is_service != is_service) continue;
      view.exports.push_back({.subject = entry.subject,
                              .response_type = response_type(entry),
                              .latency = latency_view(entry.latency),
                              .approved = entry.accounts});
    }
  }
}

}  // namespace

monitor::IndexNumbers index_numbers(const router::AccountInterest& account) {
  const subject::SubjectIndex::Stats stats = account.index.stats();
  return {stats.subscriptions, stats.inserts, stats.removes, stats.matches};
}

monitor::AccountView account_view(const router::AccountInterest& interest,
                                  const auth::AccountPtr& description) {
  monitor::AccountView view;
  view.name = interest.name;
  for (const router::AccountTraffic& traffic : interest.traffic) {
    view.client_connections += traffic.connections.get();
    view.in_msgs += traffic.in_msgs.get();
    view.in_bytes += traffic.in_bytes.get();
    view.out_msgs += traffic.out_msgs.get();
    view.out_bytes += traffic.out_bytes.get();
    view.slow_consumers += traffic.slow_consumers.get();
  }
  view.index = index_numbers(interest);
  if (description == nullptr) return view;
  describe(*description, view);
  add_imports(*interest.links(), view);
  return view;
}

}  // namespace petrel::server
