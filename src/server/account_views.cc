#include "server/account_views.h"

#include <algorithm>

namespace petrel::server {

namespace {

constexpr const char* kJetStreamApi = "$JS.API.>";
constexpr Slice kUserInfo = "$SYS.REQ.USER.INFO";

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

// What the system account exports by itself, as nats-server lists it.
void add_system_exports(bool has_jetstream, monitor::AccountView& view) {
  const auto add = [&view](const char* subject, const char* response_type) {
    view.exports.push_back({.subject = subject, .response_type = response_type});
  };
  if (has_jetstream) add(kJetStreamApi, "Singleton");
  add("$SYS.REQ.ACCOUNT.*.CONNZ", "Streamed");
  add("$SYS.REQ.ACCOUNT.*.STATZ", "Streamed");
  add("$SYS.DEBUG.SUBSCRIBERS", "Singleton");
  add("$SYS.REQ.USER.*.INFO", "Singleton");
}

// An account with JetStream reaches its API through the system account, says nats-server.
void add_jetstream_import(const router::AccountLinks& links, monitor::AccountView& view) {
  const auto link = std::find_if(links.services.begin(), links.services.end(),
                                 [](const auto& entry) { return entry->from == kUserInfo; });
  if (link == links.services.end()) return;
  view.imports.push_back({.subject = kJetStreamApi,
                          .account = (*link)->exporter->name,
                          .local_subject = kJetStreamApi,
                          .is_service = true,
                          .share = true});
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

monitor::AccountView account_view(const router::AccountInterest& interest,
                                  const auth::AccountPtr& description,
                                  const conf::Options& options) {
  monitor::AccountView view = monitor::account_figures(interest);
  const conf::RateLimit rate = auth::rate_limit_of(description.get(), options.petrel.rate_limit);
  view.rate.messages = rate.messages;
  view.rate.bytes = rate.bytes;
  view.rate.burst = rate.burst;
  if (description == nullptr) return view;
  view.tag = description->name_tag;
  if (description->is_system) add_system_exports(options.jetstream.enabled, view);
  describe(*description, view);
  if (view.has_jetstream) add_jetstream_import(*interest.links(), view);
  add_imports(*interest.links(), view);
  return view;
}

}  // namespace petrel::server
