#include "petrel/router/service_imports.h"

#include "router/imported_message.h"
#include "router/latency_sampling.h"

#include "petrel/base/go_json.h"
#include "petrel/base/go_time.h"
#include "petrel/router/router.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::router {

namespace {

constexpr Slice kReplyPrefix = "_R_.";
constexpr Slice kAckPrefix = "$JS.ACK.";
constexpr Slice kTrackedSuffix = ".T";
constexpr size_t kTokenBytes = 6;
constexpr size_t kEventIdBytes = 22;
constexpr Slice kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr Duration kSleepMax = Duration::seconds(60);

constexpr int kAnswered = 200;
constexpr int kNoReply = 400;
constexpr int kInterestLost = 408;
constexpr int kNotDelivered = 503;
constexpr int kTimeout = 504;

Slice status_text(int status) {
  switch (status) {
    case kNoReply:
      return "Bad Request";
    case kInterestLost:
      return "Request Timeout";
    case kNotDelivered:
      return "Service Unavailable";
    case kTimeout:
      return "Service Timeout";
    default:
      return "";
  }
}

}  // namespace

struct ServiceImports::Portal {
  std::string prefix;  // "_R_.<token>."
};

struct ServiceImports::Response {
  std::shared_ptr<const ServiceLink> link;
  AccountInterest* owner = nullptr;      // where it is answered
  AccountInterest* requestor = nullptr;  // where the answer goes
  std::string reply = {};                // there
  std::string key = {};                  // the subject it is answered under
  Instant since = {};
  WallTime start = {};
  bool is_tracked = false;
  ClientInfo requestor_info = {};
  std::string header_json = {};
};

struct ServiceImports::Step {
  const ServiceLink* link = nullptr;
  const Step* before = nullptr;
  std::optional<ClientInfo> info = {};
};

ServiceImports::ServiceImports(Router& router) : router_(router) {}
ServiceImports::~ServiceImports() = default;

uint32_t ServiceImports::deliver(const std::vector<DeliveryPlan::Import>& imports, Slice subject,
                                 const Message& message) {
  uint32_t delivered = 0;
  for (const DeliveryPlan::Import& import : imports) {
    if (import.link != nullptr) {
      if (request(import.link, subject, message)) ++delivered;
    } else if (import.loop == router_.loop()) {
      const bool is_tracked = subject.ends_with(kTrackedSuffix) && message.publisher != nullptr;
      const std::string responder =
          is_tracked ? message.publisher->client_info(true).to_json() : std::string();
      if (answer(subject, message, responder)) ++delivered;
    } else {
      router_.send_to_portal(import.loop, make_envelope(subject, message), message);
      ++delivered;
    }
  }
  return delivered;
}

uint32_t ServiceImports::deliver_observed(const std::vector<DeliveryPlan::Import>& imports,
                                          Slice subject, const Message& message,
                                          RouteObserver& observer, bool is_dry) {
  RouteObserver* before = std::exchange(observer_, &observer);
  const bool was_dry = std::exchange(is_dry_, is_dry);
  const uint32_t delivered = deliver(imports, subject, message);
  observer_ = before;
  is_dry_ = was_dry;
  return delivered;
}

// --- requests ---

// A message passes an export once, whatever imports lead it there.
bool ServiceImports::was_here(const ServiceLink& link) const {
  for (const Step* step = chain_; step != nullptr; step = step->before) {
    if (step->link->exporter == link.exporter && step->link->exported == link.exported) return true;
  }
  return false;
}

std::optional<ClientInfo> ServiceImports::info_of(const ServiceLink& link,
                                                  const Message& message) const {
  if (message.publisher == nullptr || message.publisher->is_endpoint) return std::nullopt;
  const bool is_system = link.exporter_config->is_system;
  ClientInfo info;
  bool is_shared = link.share;
  if (chain_ != nullptr && chain_->info.has_value()) {
    info = *chain_->info;
    info.service = link.importer->name;
    is_shared = chain_->link->share;
    if (!is_shared && (link.share || is_system)) {
      const ClientInfo all = message.publisher->client_info(true);
      info.server = all.server;
      info.cluster = all.cluster;
    }
    return info;
  }
  info = message.publisher->client_info(is_shared);
  if (!is_shared && is_system) {
    const ClientInfo all = message.publisher->client_info(true);
    info.server = all.server;
    info.cluster = all.cluster;
  }
  return info;
}

// False: the share that is lost on purpose.
bool ServiceImports::map_subject(const auth::AccountPtr& account, std::string& subject) {
  if (account == nullptr) return true;
  for (const subject::SubjectMapping& mapping : account->mappings) {
    if (!mapping.matches(subject)) continue;
    std::string mapped;
    if (!mapping.select(subject, router_.cluster_name(), router_.prng(), mapped)) return false;
    subject = std::move(mapped);
    return true;
  }
  return true;
}

bool ServiceImports::request(const std::shared_ptr<const ServiceLink>& link, Slice subject,
                             const Message& message) {
  if (was_here(*link)) return false;
  Response response;
  response.link = link;
  response.owner = link->exporter;
  response.requestor = link->importer;
  response.reply = message.reply();
  if (link->latency) {
    Sample sample = sample_request(*link->latency, message.body().substr(0, message.header_bytes),
                                   router_.prng());
    response.is_tracked = sample.is_taken && link->response_type == conf::ResponseType::kSingleton;
    response.header_json = std::move(sample.header_json);
    if (response.is_tracked && message.publisher != nullptr) {
      response.requestor_info = message.publisher->client_info(link->share);
    }
  }
  std::string to = link->to;
  if (link->transform) {
    link->transform->apply(subject, router_.prng(), to);
  } else if (link->keeps_subject) {
    to = subject;
  }
  if (!map_subject(link->exporter_config, to)) return false;
  const Step step{link.get(), chain_, info_of(*link, message)};
  const bool is_acknowledged = message.reply().starts_with(kAckPrefix);
  std::string reply(message.reply());
  const bool awaits = !reply.empty() && !is_acknowledged;
  if (awaits) {
    reply = await_answer(std::move(response));
  } else if (reply.empty() && response.is_tracked) {
    response.start = router_.wall_now();
    send_latency(response, kNoReply, "");
  }
  ImportedHeaders headers;
  if (step.info) headers.info = step.info->to_json();
  if (observer_ != nullptr) observer_->on_service_import(link->exporter->name, subject, to);
  const bool is_delivered = pass_request(*link, headers, to, reply, message, step);
  const bool was_sent = is_delivered && !is_dry_;
  if (was_sent || !awaits) return is_delivered;
  if (const auto found = responses_.find(reply); found != responses_.end()) {
    forget(found->second, kNotDelivered);
  }
  return false;
}

// A trace ends at an export that does not allow it: the message goes on alone, or not at all.
bool ServiceImports::pass_request(const ServiceLink& link, const ImportedHeaders& headers,
                                  Slice subject, Slice reply, const Message& message,
                                  const Step& step) {
  ImportedHeaders changed = headers;
  RouteObserver* observer = observer_;
  if (observer != nullptr && !link.allow_trace) {
    if (is_dry_) return false;
    changed.trace_destination.assign(kTraceDisabled);
    observer_ = nullptr;
  } else if (observer != nullptr) {
    changed.trace_destination = portal_of(*link.exporter).prefix + random_token(kTokenBytes);
  }
  const ImportedMessage imported(message, subject, reply, changed);
  const bool is_delivered = pass_on(*link.exporter, subject, imported.message(), step);
  observer_ = observer;
  return is_delivered;
}

bool ServiceImports::pass_on(AccountInterest& to, Slice subject, const Message& message,
                             const Step& step) {
  const Step* before = std::exchange(chain_, &step);
  const uint32_t delivered =
      observer_ == nullptr ? router_.route_imported(to, subject, message)
                           : router_.route_imported_observed(to, message, *observer_, is_dry_);
  chain_ = before;
  return delivered > 0;
}

std::string ServiceImports::await_answer(Response response) {
  Portal& portal = portal_of(*response.owner);
  do {
    response.key = portal.prefix + random_token(kTokenBytes);
    if (response.is_tracked && !router_.server_hash().empty()) {
      response.key.append(".").append(router_.server_hash()).append(kTrackedSuffix);
    }
  } while (responses_.contains(response.key));
  response.since = router_.now();
  response.start = router_.wall_now();
  if (response.is_tracked) ++tracked_;
  Waiting& waiting = waiting_[response.link->threshold.ns];
  if (responses_.size() >= kResponsesMax && !waiting.empty()) forget(waiting.begin(), kTimeout);
  std::string key = response.key;
  waiting.push_back(std::move(response));
  responses_[key] = std::prev(waiting.end());
  return key;
}

ServiceImports::Portal& ServiceImports::portal_of(AccountInterest& account) {
  std::unique_ptr<Portal>& portal = portals_[&account];
  if (portal == nullptr) {
    portal = std::make_unique<Portal>();
    portal->prefix = std::string(kReplyPrefix) + random_token(kTokenBytes) + ".";
    account.index.insert(portal->prefix + ">", Slice(), {0, 0, router_.loop(), kPortalFlag});
  }
  return *portal;
}

std::string ServiceImports::random_token(size_t size) {
  std::string token;
  while (token.size() < size) token.push_back(kDigits[router_.prng().below(kDigits.size())]);
  return token;
}

// --- answers ---

std::string ServiceImports::make_envelope(Slice subject, const Message& message) const {
  std::string envelope(subject);
  if (subject.ends_with(kTrackedSuffix) && message.publisher != nullptr) {
    envelope.append("\n").append(message.publisher->client_info(true).to_json());
  }
  return envelope;
}

void ServiceImports::answer_from_other_loop(Slice envelope, const Message& message) {
  const size_t end = envelope.find('\n');
  const std::string responder(end == Slice::npos ? Slice() : envelope.substr(end + 1));
  answer(envelope.substr(0, end), message, responder);
}

// An answer that nobody waits for is taken and thrown away.
bool ServiceImports::answer(Slice subject, const Message& message, const std::string& responder) {
  const auto found = responses_.find(std::string(subject));
  if (found == responses_.end()) return true;
  Waiting taken;
  const bool is_last = found->second->link->response_type == conf::ResponseType::kSingleton ||
                       message.body_bytes() == 0;
  if (is_last) {
    take_out(found->second, taken);
  } else {
    found->second->since = router_.now();
    Waiting& waiting = waiting_[found->second->link->threshold.ns];
    waiting.splice(waiting.end(), waiting, found->second);
    taken.push_back(*found->second);
  }
  const Response& response = taken.front();
  if (response.is_tracked) send_latency(response, kAnswered, responder);
  std::string to = response.reply;
  const auth::AccountPtr& config = response.requestor == response.link->importer
                                       ? response.link->importer_config
                                       : response.link->exporter_config;
  if (was_here(*response.link) || !map_subject(config, to)) return true;
  std::string reply(message.reply());
  if (!reply.empty() && !reply.starts_with(kAckPrefix)) {
    Response back;
    back.link = response.link;
    back.owner = response.requestor;
    back.requestor = response.owner;
    back.reply = reply;
    reply = await_answer(std::move(back));
  }
  // What a consumer delivers keeps the subject it was stored under.
  const Slice shown = message.subject == subject ? Slice(to) : message.subject;
  const ImportedMessage imported(message, shown, reply, {});
  const Step step{response.link.get(), chain_, std::nullopt};
  if (!pass_on(*response.requestor, to, imported.message(), step) && !is_last) {
    const auto again = responses_.find(response.key);
    if (again != responses_.end()) forget(again->second, 0);
  }
  return true;
}

ServiceImports::Waiting::iterator ServiceImports::take_out(Waiting::iterator response,
                                                           Waiting& out) {
  responses_.erase(response->key);
  if (response->is_tracked) --tracked_;
  Waiting& waiting = waiting_[response->link->threshold.ns];
  const auto next = std::next(response);
  out.splice(out.end(), waiting, response);
  return next;
}

void ServiceImports::forget(Waiting::iterator response, int status) {
  Waiting taken;
  take_out(response, taken);
  if (taken.front().is_tracked && status != 0) send_latency(taken.front(), status, "");
}

void ServiceImports::interest_lost(const AccountInterest& account, Slice subject) {
  if (tracked_ != 0) lost_.push_back({&account, std::string(subject)});
}

Instant ServiceImports::run(Instant now) {
  if (!lost_.empty()) forget_unheard();
  return responses_.empty() ? now + kSleepMax : expire(now);
}

void ServiceImports::forget_unheard() {
  const std::vector<Lost> lost = std::exchange(lost_, {});
  const auto is_unheard = [&](const Response& response) {
    return response.is_tracked &&
           std::any_of(lost.begin(), lost.end(),
                       [&](const Lost& entry) {
                         return entry.account == response.requestor &&
                                subject::subject_matches(response.reply, entry.subject);
                       }) &&
           !router_.has_interest(*response.requestor, response.reply);
  };
  Waiting unheard;
  for (auto& [threshold, waiting] : waiting_) {
    for (auto at = waiting.begin(); at != waiting.end();) {
      at = is_unheard(*at) ? take_out(at, unheard) : std::next(at);
    }
  }
  for (const Response& response : unheard) send_latency(response, kInterestLost, "");
}

Instant ServiceImports::expire(Instant now) {
  Instant next = now + kSleepMax;
  Waiting late;
  for (auto& [threshold, waiting] : waiting_) {
    while (!waiting.empty() && waiting.front().since + Duration::nanos(threshold) <= now) {
      take_out(waiting.begin(), late);
    }
    if (!waiting.empty()) {
      next = std::min(next, waiting.front().since + Duration::nanos(threshold));
    }
  }
  for (const Response& response : late) {
    if (response.is_tracked) send_latency(response, kTimeout, "");
  }
  return next;
}

// --- latency ---

void ServiceImports::send_latency(const Response& response, int status,
                                  const std::string& responder) {
  const ClientInfo& requestor = response.requestor_info;
  std::string json = "{\"type\":\"io.nats.server.metric.v1.service_latency\",\"id\":\"";
  json.append(random_token(kEventIdBytes)).append("\",\"timestamp\":\"");
  json.append(go_time(router_.wall_now())).append("\",\"status\":").append(std::to_string(status));
  if (status != kAnswered) {
    json.append(",\"description\":");
    append_go_json_string(json, status_text(status));
  }
  json.append(",\"requestor\":").append(requestor.to_json());
  Duration responder_rtt{};
  if (!responder.empty()) {
    json.append(",\"responder\":").append(responder);
    const size_t at = responder.find("\"rtt\":");
    if (at != std::string::npos) {
      responder_rtt = Duration::nanos(std::atoll(responder.c_str() + at + 6));
    }
  }
  if (!response.header_json.empty()) json.append(",\"header\":").append(response.header_json);
  Duration service{};
  Duration total{};
  if (status == kAnswered) {
    const Duration taken = router_.wall_now() - response.start;
    service = std::max(taken - responder_rtt, Duration{});
    total = requestor.rtt + taken;
  }
  json.append(",\"start\":\"").append(go_time({response.start.ns - requestor.rtt.ns}));
  json.append("\",\"service\":").append(std::to_string(service.ns));
  json.append(",\"system\":0,\"total\":").append(std::to_string(total.ns)).append("}");
  publish_latency(*response.link, json);
}

void ServiceImports::publish_latency(const ServiceLink& link, const std::string& json) {
  const std::string size = std::to_string(json.size());
  const std::string tail = size + "\r\n" + json + "\r\n";
  Message event;
  event.subject = link.latency->subject;
  event.tail = tail;
  event.sizes_bytes = static_cast<uint32_t>(size.size());
  const Step* before = std::exchange(chain_, nullptr);
  RouteObserver* observer = std::exchange(observer_, nullptr);
  router_.route(*link.exporter, event);
  chain_ = before;
  observer_ = observer;
}

}  // namespace petrel::router
