#include "session/message_trace.h"

#include "petrel/base/go_json.h"
#include "petrel/proto/header_view.h"
#include "petrel/session/client_session.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <utility>

namespace petrel::session {

namespace {

constexpr Slice kDestination = "Nats-Trace-Dest";
constexpr Slice kTraceOnly = "Nats-Trace-Only";
constexpr Slice kParent = "traceparent";
constexpr Slice kOriginAccount = "Nats-Trace-Origin-Account";
// Has JetStream, sends backups in binary, keeps groups by account.
constexpr uint64_t kJetStreamFlags = 7;
constexpr Slice kDisabled = "trace disabled";

bool is_true(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return value == "1" || value == "true" || value == "on";
}

bool is_parent(Slice key) {
  return std::equal(key.begin(), key.end(), kParent.begin(), kParent.end(),
                    [](char given, char wanted) { return (given | 0x20) == wanted; });
}

// Four parts, the last of two hexadecimal digits that fit into seven bits, the lowest set.
bool has_sampled_flag(Slice parent) {
  if (std::count(parent.begin(), parent.end(), '-') != 3) return false;
  const Slice flags = parent.substr(parent.rfind('-') + 1);
  int value = 0;
  const auto [end, error] = std::from_chars(flags.data(), flags.data() + flags.size(), value, 16);
  return flags.size() == 2 && error == std::errc() && end == flags.data() + 2 &&
         (value & 0x81) == 1;
}

void append_member(std::string& out, Slice key, Slice value) {
  out.append(",\"").append(key).append("\":");
  append_go_json_string(out, value);
}

void append_member(std::string& out, Slice key, uint64_t value) {
  out.append(",\"").append(key).append("\":").append(std::to_string(value));
}

void append_given(std::string& out, Slice key, Slice value) {
  if (!value.empty()) append_member(out, key, value);
}

// A member "key":{...}; none when there is nothing in it.
template <typename Value, typename Write>
void append_map(std::string& out, Slice key, const std::map<std::string, Value>& map, Write write) {
  if (map.empty()) return;
  if (out.back() != '{') out.push_back(',');
  out.append("\"").append(key).append("\":{");
  bool is_first = true;
  for (const auto& [name, value] : map) {
    if (!std::exchange(is_first, false)) out.push_back(',');
    append_go_json_string(out, name);
    out.push_back(':');
    write(value);
  }
  out.push_back('}');
}

void append_list(std::string& out, const std::vector<std::string>& values) {
  out.push_back('[');
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out.push_back(',');
    append_go_json_string(out, values[i]);
  }
  out.push_back(']');
}

// "2026-01-02T03:04:05.000000006Z".
std::string timestamp(WallTime time) {
  const int64_t seconds = time.ns / 1'000'000'000;
  const std::chrono::sys_seconds point{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{point - day};
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(time.ns % 1'000'000'000));
  return {text.data(), static_cast<size_t>(size)};
}

Slice first_of(const TraceOrder& order, Slice key) {
  const auto found = order.headers.find(std::string(key));
  return found == order.headers.end() ? Slice() : Slice(found->second.front());
}

}  // namespace

TraceOrder read_trace_order(Slice header_block) {
  TraceOrder order;
  if (!header_block.starts_with(proto::kHeaderLine)) return order;
  const proto::HeaderView view(header_block);
  size_t cursor = 0;
  proto::Header header;
  while (view.next(cursor, header)) {
    Slice value = header.value;
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (header.key.empty() || value.empty()) continue;
    if (header.key == kDestination && value == kDisabled) return TraceOrder{};
    if (is_parent(header.key) && has_sampled_flag(value)) order.is_sampled = true;
    order.headers[std::string(header.key)].emplace_back(value);
  }
  order.destination = first_of(order, kDestination);
  if (!order.destination.empty()) {
    order.is_sampled = false;
    order.is_trace_only = is_true(std::string(first_of(order, kTraceOnly)));
  } else if (!order.is_sampled) {
    return TraceOrder{};
  }
  order.refused_by = first_of(order, kOriginAccount);
  return order;
}

MessageTrace::MessageTrace(const SessionContext& context, TraceOrder order, size_t message_bytes)
    : context_(context), order_(std::move(order)), message_bytes_(message_bytes) {}

std::string MessageTrace::begin_event(Slice type) const {
  std::string event = "{\"type\":";
  append_go_json_string(event, type);
  append_member(event, "ts", timestamp(context_.wall_now));
  return event;
}

void MessageTrace::add_ingress(const ClientSession& publisher, Slice subject) {
  ingress_ = begin_event("in");
  append_member(ingress_, "kind", uint64_t{0});
  append_member(ingress_, "cid", publisher.cid());
  if (publisher.connect_info() != nullptr) {
    append_given(ingress_, "name", publisher.connect_info()->name);
  }
  account_ = publisher.account->name;
  append_member(ingress_, "acc", account_);
  append_member(ingress_, "subj", subject);
}

void MessageTrace::add_mapping(Slice to) {
  events_.append(",").append(begin_event("sm"));
  append_member(events_, "to", to);
  events_.push_back('}');
}

void MessageTrace::on_service_import(Slice account, Slice from, Slice to) {
  events_.append(",").append(begin_event("si"));
  append_member(events_, "acc", account);
  append_member(events_, "from", from);
  append_member(events_, "to", to);
  events_.push_back('}');
}

void MessageTrace::on_stream_export(Slice account, Slice to) {
  events_.append(",").append(begin_event("se"));
  append_member(events_, "acc", account);
  append_member(events_, "to", to);
  events_.push_back('}');
}

void MessageTrace::on_intake(const router::Intake& intake) {
  events_.append(",").append(begin_event("js"));
  append_member(events_, "stream", intake.stream);
  append_given(events_, "subject", intake.subject);
  if (intake.has_no_interest) events_.append(",\"nointerest\":true");
  append_given(events_, "error", intake.error);
  events_.push_back('}');
}

void MessageTrace::on_egress(const router::Egress& egress) {
  events_.append(",").append(begin_event("eg"));
  append_member(events_, "kind", uint64_t{0});
  // The router names no endpoint here.
  const auto* session = static_cast<const ClientSession*>(egress.receiver);
  append_member(events_, "cid", session != nullptr ? session->cid() : 0);
  if (session != nullptr && session->connect_info() != nullptr) {
    append_given(events_, "name", session->connect_info()->name);
  }
  if (session != nullptr && session->account->name != account_) {
    append_member(events_, "acc", session->account->name);
  }
  append_given(events_, "sub", egress.subject);
  append_given(events_, "queue", egress.queue);
  switch (egress.outcome) {
    case router::EgressOutcome::kDelivered:
      break;
    case router::EgressOutcome::kClosed:
      append_member(events_, "error", "Not delivered because client is closed");
      break;
    case router::EgressOutcome::kNoEcho:
      append_member(events_, "error", "Not delivered because of no echo");
      break;
    case router::EgressOutcome::kRefused:
      append_member(events_, "error",
                    session->is_congested && context_.config->no_fast_producer_stall
                        ? Slice("Not delivered because fast producer not stalled and consumer is "
                                "slow")
                        : Slice("Not delivered because subscription denies this subject"));
      break;
  }
  events_.push_back('}');
}

void MessageTrace::append_server(std::string& out, uint64_t sequence) const {
  const SessionConfig& config = *context_.config;
  const proto::ServerInfo& info = config.info;
  out.append("{\"name\":");
  append_go_json_string(out, info.server_name);
  append_member(out, "host", info.host);
  append_member(out, "id", info.server_id);
  append_given(out, "cluster", config.cluster_name);
  append_member(out, "ver", info.version);
  if (!config.tags.empty()) {
    out.append(",\"tags\":");
    append_list(out, config.tags);
  }
  append_map(out, "metadata", config.metadata,
             [&](const std::string& value) { append_go_json_string(out, value); });
  append_map(out, "feature_flags", config.feature_flags,
             [&](bool is_on) { out.append(is_on ? "true" : "false"); });
  out.append(",\"jetstream\":").append(info.jetstream ? "true" : "false");
  append_member(out, "flags", info.jetstream ? kJetStreamFlags : 0);
  append_member(out, "seq", sequence);
  append_member(out, "time", timestamp(context_.wall_now));
  out.push_back('}');
}

std::string MessageTrace::to_json(uint64_t sequence) const {
  std::string json = "{\"server\":";
  append_server(json, sequence);
  json.append(",\"request\":");
  json.push_back('{');
  append_map(json, "header", order_.headers,
             [&](const auto& values) { append_list(json, values); });
  append_member(json, "msgsize", message_bytes_);
  json.push_back('}');
  json.append(",\"events\":[").append(ingress_);
  append_given(json, "error", ingress_error_);
  json.append("}").append(events_).append("]}");
  return json;
}

}  // namespace petrel::session
