#include "server/system_answers.h"

#include "server/account_views.h"

#include "petrel/base/go_duration.h"
#include "petrel/base/go_json.h"
#include "petrel/base/go_quote.h"
#include "petrel/proto/header_view.h"
#include "petrel/proto/json_text.h"
#include "petrel/subject/subject.h"
#include "petrel/system/events.h"

#include <algorithm>
#include <chrono>

namespace petrel::server {

namespace {

using shard::InternalMessage;
using system::Service;

constexpr int kBadRequest = 400;
constexpr int kInternalServerError = 500;
constexpr Duration kProfileMax = Duration::seconds(15);

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

Error failed(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

const char* page_of(Service service) {
  switch (service) {
    case Service::kVarz:
      return "/varz";
    case Service::kSubsz:
    case Service::kAccountSubsz:
      return "/subsz";
    case Service::kRoutez:
      return "/routez";
    case Service::kGatewayz:
      return "/gatewayz";
    case Service::kLeafz:
    case Service::kAccountLeafz:
      return "/leafz";
    case Service::kAccountz:
      return "/accountz";
    case Service::kJsz:
      return "/jsz";
    case Service::kIpqueuesz:
      return "/ipqueuesz";
    default:
      return "";
  }
}

// There are no profiles of Go's runtime here.
std::string profilez(const system::RequestOptions& options) {
  std::string why = "Profile " + go_quote(options.profile) + " not found";
  const Duration span = Duration::nanos(options.profile_duration_ns);
  if (options.profile.empty()) why = "Profile name not specified";
  if (options.profile == "cpu" && (span <= Duration{} || span > kProfileMax)) {
    why = "Duration " + go_duration(span) + " should be between 0s and 15s";
  }
  std::string json = "{\"profile\":null,\"error\":";
  append_go_json_string(json, why);
  return json.append("}");
}

// The account that a service import says the request came from; "": it says nothing.
std::string requestor_of(Slice header) {
  const auto info = proto::HeaderView(header).find("Nats-Request-Info");
  if (!info || !proto::json::is_valid(*info) || !proto::json::is_object(proto::json::trim(*info))) {
    return {};
  }
  std::string account;
  std::string service;
  for (proto::json::Walker walker(*info); walker.next();) {
    if (walker.name() == "acc")
      static_cast<void>(proto::json::read_string(walker.value(), account));
    if (walker.name() == "svc")
      static_cast<void>(proto::json::read_string(walker.value(), service));
  }
  return service.empty() ? account : service;
}

// What a subscription has to be to count.
struct SubscriberQuestion {
  std::string account = {};
  std::string subject = {};
  std::string queue = {};  // "": any

  bool counts(const session::SubscriptionView& subscription) const {
    if (!queue.empty() && subscription.queue != queue) return false;
    return subject::is_literal(subject) ? subject::subject_matches(subject, subscription.subject)
                                        : subject::is_subset_match(subscription.subject, subject);
  }
};

}  // namespace

system::ServerDescription SystemAnswers::description() const {
  return system::ServerDescription::of(pages_.server().config.get()->options, pages_.server().id);
}

std::string SystemAnswers::server_json() {
  return description().to_json(sequence_.fetch_add(1) + 1, wall_now());
}

InternalMessage SystemAnswers::reply_to(const InternalMessage& request, std::string body) const {
  InternalMessage reply;
  reply.account = request.account;
  reply.subject = request.reply;
  reply.body = std::move(body);
  return reply;
}

InternalMessage SystemAnswers::refuse(const InternalMessage& request,
                                      const system::Refusal& refusal) {
  return reply_to(request, system::refusal_json(server_json(), refusal));
}

std::optional<InternalMessage> SystemAnswers::answer(Service service,
                                                     const InternalMessage& request) {
  if (service == Service::kStatsz) return answer_statsz(request);
  if (request.reply.empty()) return std::nullopt;
  if (service == Service::kIdz) return idz(request);
  if (service == Service::kAccountConns) return account_connections(request);
  const std::string account = system::account_of(request.subject);
  if (service == Service::kAccountStatz && account == "PING") return std::nullopt;
  Result<system::RequestOptions> options = system::parse_options(service, request.body);
  const bool names_client = service == Service::kKick || service == Service::kLameDuck;
  if (names_client && (!options || request.body.empty())) return std::nullopt;
  if (!options) return refuse(request, {kBadRequest, options.error().detail, false});
  if (!options->filter.admits(description())) return std::nullopt;
  const Data data = data_of(service, account, *std::move(options));
  if (!data && data.error().code == Errc::kNotLeader) return std::nullopt;
  if (!data) {
    return refuse(request, {kInternalServerError, data.error().detail, !names_client});
  }
  const bool is_silent = data->empty() && !names_client;
  if (is_silent) return std::nullopt;
  system::EncodedBody encoded = system::encode(system::success_json(server_json(), *data),
                                               system::accepted_encoding(request.header));
  InternalMessage reply = reply_to(request, std::move(encoded.body));
  reply.header = std::move(encoded.header);
  return reply;
}

SystemAnswers::Data SystemAnswers::data_of(Service service, const std::string& account,
                                           system::RequestOptions options) {
  const bool is_of_account = service == Service::kAccountSubsz ||
                             service == Service::kAccountConnz || service == Service::kAccountLeafz;
  if (is_of_account) {
    std::erase_if(options.params, [](const auto& param) { return param.first == "acc"; });
    options.params.emplace_back("acc", account);
  }
  const monitor::Query query(options.params);
  switch (service) {
    case Service::kConnz:
    case Service::kAccountConnz:
      return connz(options);
    case Service::kHealthz:
      return healthz(query);
    case Service::kProfilez:
      return profilez(options);
    case Service::kExpvarz:
      return expvarz();
    case Service::kRaftz:
      return std::string("{}");
    case Service::kAccountJsz:
      return account_jsz(account, query);
    case Service::kAccountInfo:
      return account_info(account);
    case Service::kAccountStatz:
      options.accounts = {account};
      return account_statistics(options);
    case Service::kAccountsStatz:
      return account_statistics(options);
    case Service::kKick:
      return kick(options.cid);
    case Service::kLameDuck:
      return tell_lame_duck(options.cid);
    default:
      break;
  }
  PETREL_TRY(const std::string page, pages_.page(page_of(service), query));
  return system::compact_json(page);
}

// --- services ---

std::string SystemAnswers::statsz() {
  system::Statsz statsz;
  statsz.start = pages_.server().start_time;
  statsz.figures = pages_.runtime();
  const monitor::AccountsView accounts = pages_.accounts();
  statsz.active_accounts = static_cast<uint64_t>(
      std::count_if(accounts.accounts.begin(), accounts.accounts.end(),
                    [](const auto& account) { return account.client_connections != 0; }));
  statsz.jetstream = pages_.varz_config().jetstream;
  return system::statsz_json(server_json(), statsz);
}

std::optional<InternalMessage> SystemAnswers::answer_statsz(const InternalMessage& request) {
  const auto options = system::parse_options(Service::kStatsz, request.body);
  InternalMessage to = request;
  if (to.reply.empty()) to.reply = "$SYS.SERVER." + pages_.server().id + ".STATSZ";
  if (!options) return refuse(to, {kBadRequest, options.error().detail, false});
  if (!options->filter.admits(description())) return std::nullopt;
  return reply_to(to, statsz());
}

InternalMessage SystemAnswers::idz(const InternalMessage& request) const {
  const system::ServerDescription described = description();
  std::string json = "{\"name\":";
  append_go_json_string(json, described.name);
  json.append(",\"host\":");
  append_go_json_string(json, described.host);
  json.append(",\"id\":");
  append_go_json_string(json, described.id);
  return reply_to(request, json.append("}"));
}

SystemAnswers::Data SystemAnswers::connz(const system::RequestOptions& options) {
  PETREL_TRY(monitor::ConnzQuery wanted,
             monitor::ConnzQuery::parse(monitor::Query(options.params)));
  if (!options.filter_subject.empty() && options.filter_subject != ">") {
    if (wanted.account.empty()) {
      return failed("filter by subject only valid with account filtering");
    }
    wanted.filter_subject = options.filter_subject;
  }
  return system::compact_json(pages_.connz(wanted));
}

SystemAnswers::Data SystemAnswers::healthz(const monitor::Query& query) {
  PETREL_TRY(const monitor::HealthzQuery wanted, monitor::HealthzQuery::parse(query));
  const monitor::Health health = pages_.full_health(wanted);
  // "status" comes first, the code behind it.
  const size_t end = health.body.find_first_of(",}");
  std::string body = health.body.substr(0, end);
  body.append(",\"status_code\":").append(std::to_string(health.status));
  return body.append(health.body.substr(end));
}

SystemAnswers::Data SystemAnswers::account_jsz(const std::string& account,
                                               const monitor::Query& query) {
  if (pages_.server().jetstream() == nullptr) return failed("jetstream not enabled");
  if (pages_.server().accounts.description(account) == nullptr) {
    return failed("account " + go_quote(account) + " not found");
  }
  PETREL_TRY(const monitor::JszQuery wanted, monitor::JszQuery::parse(query));
  std::string detail = monitor::jsz_account_json(wanted, pages_.jsz_page(wanted), account);
  if (detail.empty()) return failed("account " + go_quote(account) + " not jetstream enabled");
  return detail;
}

SystemAnswers::Data SystemAnswers::account_info(const std::string& account) {
  const monitor::AccountsView known = pages_.accounts();
  for (const monitor::AccountView& view : known.accounts) {
    if (view.name == account) return monitor::account_detail_json(view);
  }
  return failed("Account " + account + " does not exist");
}

// Nothing to say: nothing is said.
SystemAnswers::Data SystemAnswers::account_statistics(const system::RequestOptions& options) {
  monitor::AccountsView view = pages_.accounts();
  if (!options.accounts.empty()) {
    std::erase_if(view.accounts, [&](const monitor::AccountView& account) {
      return std::find(options.accounts.begin(), options.accounts.end(), account.name) ==
             options.accounts.end();
    });
  }
  const bool is_empty =
      std::none_of(view.accounts.begin(), view.accounts.end(),
                   [](const auto& account) { return account.client_connections != 0; });
  if (is_empty && !options.include_unused) return std::string();
  return system::compact_json(monitor::accstatz_json(view, options.include_unused));
}

SystemAnswers::Data SystemAnswers::expvarz() {
  const monitor::Query::Params none;
  PETREL_TRY(const std::string page, pages_.page("/debug/vars", monitor::Query(none)));
  const std::string compact = system::compact_json(page);
  std::string memory = "null";
  std::string command_line = "null";
  for (proto::json::Walker walker(compact); walker.next();) {
    if (walker.name() == "memstats") memory = walker.value();
    if (walker.name() == "cmdline") command_line = walker.value();
  }
  return "{\"memstats\":" + memory + ",\"cmdline\":" + command_line + "}";
}

SystemAnswers::Data SystemAnswers::kick(uint64_t cid) {
  bool is_found = false;
  pages_.on_each_loop([&](shard::Shard& shard) {
    is_found = is_found || shard.close_connection(cid, session::CloseReason::kKicked);
  });
  if (!is_found) return failed("no such client or leafnode id");
  return std::string();
}

SystemAnswers::Data SystemAnswers::tell_lame_duck(uint64_t cid) {
  bool is_found = false;
  bool is_told = false;
  pages_.on_each_loop([&](shard::Shard& shard) {
    session::ClientSession* client = shard.find_client(cid);
    if (client == nullptr) return;
    is_found = true;
    is_told = client->announce_lame_duck({});
  });
  if (!is_found) return failed("no such client id");
  if (!is_told) {
    return failed(
        "client does not support Lame Duck Mode or is not ready to receive the notification");
  }
  return std::string();
}

std::optional<InternalMessage> SystemAnswers::account_connections(const InternalMessage& request) {
  const std::string name = system::account_of(request.subject);
  std::string asked = name;
  if (!request.body.empty()) {
    if (!proto::json::is_valid(request.body) ||
        !proto::json::is_object(proto::json::trim(request.body))) {
      return std::nullopt;
    }
    for (proto::json::Walker walker(request.body); walker.next();) {
      if (walker.name() == "acc")
        static_cast<void>(proto::json::read_string(walker.value(), asked));
    }
  }
  const router::AccountInterest* account = pages_.server().accounts.find(name);
  if (asked != name || account == nullptr || account->connections.load() <= 0) return std::nullopt;
  const monitor::AccountView view = account_view(
      *account, pages_.server().accounts.description(name), pages_.server().config.get()->options);
  const WallTime now = wall_now();
  return reply_to(request, system::account_connections_event(
                               {system::event_id(prng_), now, server_json()}, view));
}

InternalMessage SystemAnswers::count_subscribers(const InternalMessage& request) {
  SubscriberQuestion question;
  question.account = requestor_of(request.header);
  if (question.account.empty()) question.account = request.account;
  const size_t first = std::min(request.body.find_first_not_of(" \t\r\n"), request.body.size());
  const size_t last = request.body.find_last_not_of(" \t\r\n");
  const std::string text =
      last == std::string::npos ? "" : request.body.substr(first, last - first + 1);
  const size_t space = text.find(' ');
  question.subject = text.substr(0, space);
  if (space != std::string::npos) {
    const size_t end = text.find(' ', space + 1);
    question.queue = text.substr(space + 1, end == std::string::npos ? end : end - space - 1);
  }
  uint64_t count = 0;
  if (!question.subject.empty()) {
    pages_.visit_sessions([&](const session::ClientSession& session) -> size_t {
      if (session.account->name != question.account) return 0;
      const session::SessionView view = session.view({.subscriptions = true});
      for (const auto& subscription : view.subscriptions) {
        if (question.counts(subscription)) ++count;
      }
      return view.subscriptions.size();
    });
  }
  return reply_to(request, std::to_string(count));
}

// --- reload ---

bool SystemAnswers::admits_reload(const InternalMessage& request,
                                  std::optional<InternalMessage>& refusal) {
  if (request.reply.empty()) return false;
  const auto options = system::parse_options(Service::kReload, request.body);
  if (!options) {
    refusal = refuse(request, {kBadRequest, options.error().detail, false});
    return false;
  }
  return options->filter.admits(description());
}

InternalMessage SystemAnswers::after_reload(const InternalMessage& request, const Status& status) {
  if (!status) return refuse(request, {kInternalServerError, status.error().detail, false});
  system::EncodedBody encoded = system::encode(system::success_json(server_json(), ""),
                                               system::accepted_encoding(request.header));
  InternalMessage reply = reply_to(request, std::move(encoded.body));
  reply.header = std::move(encoded.header);
  return reply;
}

}  // namespace petrel::server
