#include "petrel/shard/jetstream_api.h"

#include "shard/jetstream_advisories.h"
#include "shard/jetstream_answers.h"
#include "shard/jetstream_restore.h"

#include "petrel/base/hash.h"
#include "petrel/jetstream/api_admission.h"
#include "petrel/proto/header_view.h"
#include "petrel/shard/jetstream_usage.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <array>

namespace petrel::shard {

using jetstream::ApiCall;
using jetstream::ApiErrc;
using jetstream::ApiError;
using jetstream::ApiKind;
using jetstream::ApiSubject;
using jetstream::StreamConfig;

namespace {

constexpr Duration kSleepMax = Duration::seconds(60);
constexpr size_t kRequestsPerTurn = 64;
constexpr Slice kPrefix = "$JS.API.";
constexpr Slice kLimitReached = "$JS.EVENT.ADVISORY.API.LIMIT_REACHED";

// Everything below $JS.API but what streams and consumers serve themselves: those subjects must
// not have interest when their stream or consumer is not there. What is no request gets no answer.
constexpr std::array<Slice, 18> kSubjects = {"*",
                                             "CONSUMER.*",
                                             "STREAM.>",
                                             "META.>",
                                             "SERVER.>",
                                             "ACCOUNT.>",
                                             "CONSUMER.CREATE.>",
                                             "CONSUMER.DURABLE.>",
                                             "CONSUMER.NAMES.>",
                                             "CONSUMER.LIST.>",
                                             "CONSUMER.INFO.>",
                                             "CONSUMER.DELETE.>",
                                             "CONSUMER.PAUSE.>",
                                             "CONSUMER.RESET.>",
                                             "CONSUMER.UNPIN.>",
                                             "CONSUMER.LEADER.>",
                                             "CONSUMER.PEER.>",
                                             "CONSUMER.CONFIG.>"};

// Served after the others by nats-server.
bool is_question(Slice subject) {
  switch (jetstream::parse_api_subject(subject).call) {
    case ApiCall::kAccountInfo:
    case ApiCall::kStreamNames:
    case ApiCall::kStreamList:
    case ApiCall::kStreamInfo:
    case ApiCall::kConsumerNames:
    case ApiCall::kConsumerList:
    case ApiCall::kConsumerInfo:
      return true;
    default:
      return false;
  }
}

// What only a cluster does.
bool is_of_cluster(ApiCall call) {
  switch (call) {
    case ApiCall::kStreamLeaderStepDown:
    case ApiCall::kStreamRemovePeer:
    case ApiCall::kStreamEvacuatePeer:
    case ApiCall::kStreamCancelMove:
    case ApiCall::kConsumerLeaderStepDown:
    case ApiCall::kConsumerRemovePeer:
    case ApiCall::kConsumerEvacuatePeer:
      return true;
    default:
      return false;
  }
}

jetstream::ConfigLimits with_server_limits(jetstream::ConfigLimits limits,
                                           const JetStreamUsage& server) {
  limits.server_max_memory = server.memory_max.load(std::memory_order_relaxed);
  limits.server_max_storage = server.storage_max.load(std::memory_order_relaxed);
  return limits;
}

}  // namespace

struct JetStreamApi::Account {
  std::string name;
  bool enabled = true;
  jetstream::ConfigLimits limits = {};
  std::map<std::string, jetstream::ConfigLimits> tiers = {};
  router::AccountInterest* interest = nullptr;
  std::shared_ptr<JetStreamUsage> usage = std::make_shared<JetStreamUsage>();
  std::unique_ptr<Inlet> inlet;
  std::map<std::string, Entry, std::less<>> streams;
};

// The subjects of the API in one account.
class JetStreamApi::Inlet final : public router::Endpoint {
 public:
  Inlet(JetStreamApi& api, Account& of)
      : Endpoint(api.router_.buffers(), api.router_.loop()), api_(api), of_(of) {
    account = of.interest;
    const std::string& domain = api.node_.options.domain;
    for (const Slice subject : kSubjects) {
      subscribe(std::string(kPrefix).append(subject));
      if (!domain.empty()) subscribe("$JS." + domain + ".API." + std::string(subject));
    }
  }
  ~Inlet() override {
    for (const uint32_t slot : slots_) api_.router_.remove_endpoint(*account, slot);
  }
  void take(const router::Subscription& /*subscription*/, const router::Message& message) override {
    api_.take(of_, message);
  }
  // nats-server serves it from the system account.
  void observe(router::RouteObserver& observer, const router::Message& message) const override {
    observer.on_service_import(api_.node_.system_account, message.subject, message.subject);
  }

 private:
  void subscribe(const std::string& subject) {
    slots_.push_back(api_.router_.add_endpoint(*account, *this, subject, Slice()));
  }

  JetStreamApi& api_;
  Account& of_;
  std::vector<uint32_t> slots_;
};

JetStreamApi::JetStreamApi(JetStreamNode& node, router::Router& router)
    : node_(node), router_(router) {}

JetStreamApi::~JetStreamApi() = default;

uint16_t JetStreamApi::home_of(Slice account, Slice stream, size_t loops) {
  std::string key(account);
  key.append(1, '\0').append(stream);
  return static_cast<uint16_t>(hash_bytes(key, 0) % loops);
}

void JetStreamApi::set_time(Instant now, WallTime wall_now) {
  now_ = now;
  wall_now_ = wall_now;
}

void JetStreamApi::set_account(const JetStreamAccount& described) {
  std::unique_ptr<Account>& account = accounts_[described.name];
  if (account == nullptr) {
    account = std::make_unique<Account>();
    account->name = described.name;
    account->interest = &node_.accounts->get(described.name);
  }
  if (described.imports_api) {
    account->inlet.reset();
  } else if (account->inlet == nullptr) {
    account->inlet = std::make_unique<Inlet>(*this, *account);
  }
  account->enabled = described.enabled;
  account->limits = described.limits;
  account->tiers = described.tiers;
  account->usage->memory_max.store(described.limits.max_memory);
  account->usage->storage_max.store(described.limits.max_storage);
}

void JetStreamApi::add_stream(const std::string& account, const jetstream::Stream& stream,
                              uint16_t home) {
  Entry& entry = accounts_.at(account)->streams[stream.name()];
  entry.config = stream.config();
  entry.offline = offline_of(stream);
  entry.home = home;
  entry.is_there = true;
  accounts_.at(account)->usage->streams.fetch_add(1, std::memory_order_relaxed);
}

std::shared_ptr<JetStreamUsage> JetStreamApi::usage_of(const std::string& account) {
  const auto at = accounts_.find(account);
  return at == accounts_.end() ? nullptr : at->second->usage;
}

std::vector<JetStreamApi::AccountFigures> JetStreamApi::accounts() const {
  std::vector<AccountFigures> all;
  for (const auto& [name, account] : accounts_) {
    if (!account->enabled) continue;
    all.push_back({name, account->usage, account->limits, reservations(*account, std::string())});
  }
  return all;
}

// --- requests ---

void JetStreamApi::take(Account& account, const router::Message& message) {
  Slice subject = message.subject;
  std::string mapped;
  if (subject.substr(0, kPrefix.size()) != kPrefix) {
    // $JS.<domain>.API.<rest>
    mapped = std::string(kPrefix).append(subject.substr(4 + node_.options.domain.size() + 5));
    subject = mapped;
  }
  const Slice body = message.body();
  Request request;
  request.account = &account;
  request.request.subject = std::string(subject);
  request.request.reply = std::string(message.reply());
  request.request.header = std::string(body.substr(0, message.header_bytes));
  request.request.body = std::string(body.substr(message.header_bytes));
  request.request.client = router_.publisher_of(message);
  const Kind kind = is_question(request.request.subject) ? kQuestion : kChange;
  request.kind = kind;
  enqueue(std::move(request));
  const conf::JetStreamOptions& options = node_.options;
  const int64_t limit = kind == kQuestion ? options.info_queue_limit : options.request_queue_limit;
  if (queued_[kind] >= static_cast<size_t>(limit)) drop(kind);
}

void JetStreamApi::enqueue(Request request) {
  ++queued_[request.kind];
  queue_.push_back(std::move(request));
}

void JetStreamApi::drop(Kind kind) {
  node_.log(jetstream::LogLevel::kWarn,
            std::string("JetStream API ") + (kind == kQuestion ? "info " : "") +
                "queue limit reached, dropping " + std::to_string(queued_[kind]) + " requests");
  std::erase_if(queue_, [kind](const Request& request) { return request.kind == kind; });
  dropped_.push_back(queued_[kind]);
  queued_[kind] = 0;
}

void JetStreamApi::advise_of_drops() {
  for (const size_t count : dropped_) {
    JetStreamService& service = *node_.services[0];
    std::string json = advisory_begin(service, "api_limit_reached");
    append_text_member(json, "server", node_.server_name);
    json += domain_member(node_) + ",\"dropped\":" + std::to_string(count) + "}";
    jetstream::OutMessage message;
    message.target = kLimitReached;
    message.subject = kLimitReached;
    message.body = json;
    service.send(node_.accounts->get(node_.system_account), message);
  }
  dropped_.clear();
}

Instant JetStreamApi::run(router::Router& /*router*/, Instant now, WallTime wall_now) {
  set_time(now, wall_now);
  advise_of_drops();
  for (size_t i = 0; i < kRequestsPerTurn && !queue_.empty(); ++i) {
    Request request = std::move(queue_.front());
    queue_.pop_front();
    --queued_[request.kind];
    handle(std::move(request));
  }
  const Instant delayed = send_delayed();
  return queue_.empty() ? std::min(now + kSleepMax, delayed) : now;
}

void JetStreamApi::handle(Request request) {
  const ApiSubject subject = jetstream::parse_api_subject(request.request.subject);
  if (subject.call == ApiCall::kUnknown) return;
  if (subject.is_system && request.account->name != node_.system_account) return;
  // Of an account without JetStream nothing is counted, nor what the consumer itself answers.
  if (request.account->enabled && request.kind != kRemoval &&
      subject.call != ApiCall::kConsumerReset) {
    request.account->usage->api_total.fetch_add(1, std::memory_order_relaxed);
  }
  const auto level = proto::HeaderView(request.request.header).find("Nats-Required-Api-Level");
  if (level.has_value()) {
    if (const auto refused = jetstream::check_required_level(*level)) {
      return refuse_early(request, subject, *refused);
    }
  }
  if (subject.is_system) {
    if (subject.call == ApiCall::kAccountPurge) return purge_account(request, subject.consumer);
    return refuse(request, subject.kind, jetstream::api_error(ApiErrc::kClusterRequired));
  }
  if (!request.account->enabled) {
    return refuse_early(request, subject, jetstream::api_error(ApiErrc::kNotEnabledForAccount));
  }
  switch (subject.call) {
    case ApiCall::kAccountInfo:
      return account_info(request);
    case ApiCall::kStreamNames:
      return names(request);
    case ApiCall::kStreamList:
      return list(request);
    default:
      return handle_for_stream(std::move(request), subject);
  }
}

// What makes a consumer is read before anything else is looked at, and so is what asks for one.
void JetStreamApi::refuse_early(const Request& request, const ApiSubject& subject,
                                const ApiError& error) {
  if (is_of_cluster(subject.call)) {
    return refuse(request, subject.kind, jetstream::api_error(ApiErrc::kClusterRequired));
  }
  if (subject.call == ApiCall::kConsumerInfo &&
      !jetstream::is_empty_request(request.request.body)) {
    return refuse(request, subject.kind, jetstream::api_error(ApiErrc::kNotEmptyRequest));
  }
  if (subject.call == ApiCall::kConsumerReset) {  // uncounted, as its other answers
    return answer_to(*node_.services[0], *request.account->interest, request.request.reply,
                     jetstream::error_json(subject.kind, error));
  }
  if (subject.call == ApiCall::kConsumerPause) {
    const auto wanted = jetstream::parse_consumer_pause(request.request.body, node_.options.strict);
    return refuse(request, subject.kind, wanted ? error : wanted.error());
  }
  if (subject.call != ApiCall::kConsumerCreate) return refuse(request, subject.kind, error);
  const auto wanted = jetstream::parse_consumer_create(request.request.body, node_.options.strict);
  refuse(request, subject.kind, wanted ? error : wanted.error());
}

void JetStreamApi::handle_for_stream(Request request, const ApiSubject& subject) {
  Account& account = *request.account;
  const auto at = account.streams.find(subject.stream);
  if (at != account.streams.end() && at->second.is_changing) {
    at->second.waiting.push_back(std::move(request));
    return;
  }
  const bool is_info = subject.call == ApiCall::kConsumerInfo;
  if (is_info || subject.call == ApiCall::kConsumerDelete ||
      subject.call == ApiCall::kStreamDelete) {
    if (!jetstream::is_empty_request(request.request.body)) {
      return refuse(request, subject.kind, jetstream::api_error(ApiErrc::kNotEmptyRequest));
    }
  }
  if (subject.call == ApiCall::kStreamRestore) return restore_stream(std::move(request));
  if (subject.call == ApiCall::kStreamCreate) return create_stream(std::move(request));
  if (subject.call == ApiCall::kStreamUpdate) return update_stream(std::move(request));
  if (at == account.streams.end()) {
    if (request.purge != nullptr) return stream_purged(*request.purge);
    return refuse_missing(request, subject);
  }
  if (subject.call == ApiCall::kStreamDelete) return delete_stream(std::move(request), subject);
  if (!at->second.offline.reason.empty()) {
    return answer_offline(request, subject, at->second);
  }
  forward(request, at->second);
}

void JetStreamApi::refuse_missing(const Request& request, const ApiSubject& subject) {
  refuse_missing(request, subject,
                 [&](const ApiError& error) { refuse(request, subject.kind, error); });
}

void JetStreamApi::refuse_missing(const Request& request, const ApiSubject& subject,
                                  const std::function<void(const ApiError&)>& refuse_with) const {
  const Slice body = request.request.body;
  const bool strict = node_.options.strict;
  const auto answer = [&](const auto& parsed) {
    refuse_with(parsed ? jetstream::api_error(ApiErrc::kStreamNotFound) : parsed.error());
  };
  switch (subject.call) {
    case ApiCall::kStreamInfo:
      return answer(jetstream::parse_stream_info(body, strict));
    case ApiCall::kStreamPurge:
      return answer(jetstream::parse_stream_purge(body, strict));
    case ApiCall::kStreamMessageGet:
      return answer(jetstream::parse_message_get(body, strict));
    case ApiCall::kStreamMessageDelete:
      return answer(jetstream::parse_message_delete(body, strict));
    case ApiCall::kConsumerCreate:
      return answer_missing_consumer_create(request.request, subject, strict, refuse_with);
    case ApiCall::kConsumerNames:
    case ApiCall::kConsumerList:
      return answer(jetstream::parse_consumer_page(body, strict));
    case ApiCall::kConsumerPause:
      return answer(jetstream::parse_consumer_pause(body, strict));
    case ApiCall::kConsumerUnpin:
      return answer(jetstream::parse_consumer_unpin(body));
    case ApiCall::kStreamSnapshot:
      return refuse_with(jetstream::api_error(
          jetstream::is_empty_request(body) ? ApiErrc::kBadRequest : ApiErrc::kStreamNotFound));
    case ApiCall::kConsumerReset:
      return;  // nobody is there to answer
    default:
      return refuse_with(jetstream::api_error(
          is_of_cluster(subject.call) ? ApiErrc::kClusterRequired : ApiErrc::kStreamNotFound));
  }
}

// Hands a request to the stream's home loop, which answers by itself.
void JetStreamApi::forward(const Request& request, const Entry& entry) {
  const std::string stream = entry.config.name;
  const jetstream::RequestContext context = context_of(*request.account);
  JetStreamNode* node = &node_;
  node_.post(entry.home,
             [node, home = entry.home, stream, context, interest = request.account->interest,
              usage = request.account->usage, request = request.request] {
               JetStreamService& service = *node->services[home];
               answer_on_home_loop(service, *interest, usage, stream, request, context);
             });
}

// --- streams: changes ---

void JetStreamApi::create_stream(Request request) {
  constexpr ApiKind kKind = ApiKind::kStreamCreate;
  const ApiSubject subject = jetstream::parse_api_subject(request.request.subject);
  const auto wanted = jetstream::parse_stream_config(request.request.body, node_.options.strict);
  if (!wanted) return refuse(request, kKind, wanted.error());
  const Account& account = *request.account;
  jetstream::StreamCheckContext context = check_context(account);
  context.pedantic = wanted->pedantic;
  auto admitted = jetstream::admit_stream_create(subject.stream, *wanted, context,
                                                 reservations(account, wanted->config.name));
  if (!admitted) return refuse(request, kKind, admitted.error());
  if (admitted->is_repeat) {
    // Answered by the stream as it is.
    return forward(request, account.streams.find(admitted->config.name)->second);
  }
  begin_create(std::move(request), std::move(admitted->config));
}

void JetStreamApi::begin_create(Request request, StreamConfig config) {
  Account& account = *request.account;
  Entry& entry = account.streams[config.name];
  entry.config = config;
  entry.home = home_of(account.name, config.name, node_.services.size());
  entry.is_changing = true;
  NewStream wanted;
  wanted.account = account.name;
  wanted.account_usage = account.usage;
  wanted.config = std::move(config);
  wanted.created = wall_now_;
  JetStreamNode* node = &node_;
  const uint16_t home = entry.home;
  node_.post(home, [this, node, home, wanted, request, context = context_of(account)] {
    JetStreamService& service = *node->services[home];
    service.create(wanted, [this, node, &service, wanted, request, context](
                               const Error* error, jetstream::Stream* stream) {
      answer_created(service, *request.account->interest, request.request, context, error, stream);
      const bool is_there = error == nullptr;
      node->post(0, [this, account = request.account, config = wanted.config, is_there] {
        if (is_there) account->usage->streams.fetch_add(1, std::memory_order_relaxed);
        change_done(*account, config.name, is_there ? &config : nullptr);
      });
    });
  });
}

void JetStreamApi::update_stream(Request request) {
  constexpr ApiKind kKind = ApiKind::kStreamUpdate;
  const ApiSubject subject = jetstream::parse_api_subject(request.request.subject);
  const auto wanted = jetstream::parse_stream_config(request.request.body, node_.options.strict);
  if (!wanted) return refuse(request, kKind, wanted.error());
  Account& account = *request.account;
  jetstream::StreamCheckContext context = check_context(account);
  context.pedantic = wanted->pedantic;
  const auto next = jetstream::admit_stream_update(subject.stream, *wanted, context,
                                                   reservations(account, wanted->config.name));
  if (!next) return refuse(request, kKind, next.error());
  const auto at = account.streams.find(next->config.name);
  if (!at->second.offline.reason.empty()) {
    return refuse_later(
        request, kKind,
        jetstream::api_error(ApiErrc::kStreamOfflineReason, at->second.offline.reason));
  }
  at->second.is_changing = true;
  JetStreamNode* node = &node_;
  const uint16_t home = at->second.home;
  node_.post(home, [this, node, home, config = next->config, before = at->second.config, request,
                    context = context_of(account)] {
    JetStreamService& service = *node->services[home];
    update_on_home_loop(service, *request.account->interest, config, request.request, context,
                        [this, node, account = request.account, config, before](bool is_done) {
                          node->post(0, [this, account, now_is = is_done ? config : before] {
                            change_done(*account, now_is.name, &now_is);
                          });
                        });
  });
}

void JetStreamApi::delete_stream(Request request, const ApiSubject& subject) {
  Account& account = *request.account;
  Entry& entry = account.streams.find(subject.stream)->second;
  entry.is_changing = true;
  JetStreamNode* node = &node_;
  node_.post(entry.home, [this, node, request, config = entry.config, home = entry.home] {
    const auto done = [this, node, account = request.account, purge = request.purge,
                       config](bool is_gone) {
      node->post(0, [this, account, purge, config, is_gone] {
        if (is_gone) account->usage->streams.fetch_sub(1, std::memory_order_relaxed);
        change_done(*account, config.name, is_gone ? nullptr : &config);
        if (purge != nullptr) stream_purged(*purge);
      });
    };
    delete_on_home_loop(*node->services[home], *request.account->interest, config.name,
                        request.request, done);
  });
}

// A restore may take long: its name is taken only once the archive is in.
void JetStreamApi::restore_stream(Request request) {
  constexpr ApiKind kKind = ApiKind::kStreamRestore;
  const ApiSubject subject = jetstream::parse_api_subject(request.request.subject);
  const auto wanted = jetstream::parse_stream_restore(request.request.body, node_.options.strict);
  if (!wanted) return refuse(request, kKind, wanted.error());
  Account& account = *request.account;
  const auto config =
      jetstream::admit_restore(subject.stream, wanted->config, check_context(account),
                               reservations(account, std::string(subject.stream)));
  if (!config) return refuse(request, kKind, config.error());
  RestoreOrder order;
  order.stream = {account.name, account.usage, *config, wall_now_};
  order.state = wanted->state;
  order.request = request.request;
  order.context = context_of(account);
  JetStreamNode* node = &node_;
  const uint16_t home = home_of(account.name, config->name, node_.services.size());
  order.claim = [this, node, home, &account,
                 config = *config](const std::function<void(jetstream::ApiStatus)>& answer) {
    node->post(0, [this, node, home, &account, config, answer] {
      node->post(home, [answer, refused = claim(account, config, home)] { answer(refused); });
    });
  };
  order.settle = [this, node, &account, name = config->name](const StreamConfig* made) {
    const bool is_there = made != nullptr;
    node->post(0, [this, &account, name, is_there, config = is_there ? *made : StreamConfig()] {
      if (is_there) account.usage->streams.fetch_add(1, std::memory_order_relaxed);
      change_done(account, name, is_there ? &config : nullptr);
    });
  };
  node_.post(home, [node, home, interest = account.interest, order] {
    JetStreamService& service = *node->services[home];
    service.begin_restore(std::make_unique<JetStreamRestore>(service, *interest, order));
  });
}

jetstream::ApiStatus JetStreamApi::claim(Account& account, const StreamConfig& config,
                                         uint16_t home) {
  const auto admitted = jetstream::admit_restore(config.name, config, check_context(account),
                                                 reservations(account, config.name));
  if (!admitted) return admitted.error();
  if (auto refused = jetstream::check_restored_overlap(config, configs_of(account, {}))) {
    return refused;
  }
  Entry& entry = account.streams[config.name];
  entry.config = config;
  entry.home = home;
  entry.is_changing = true;
  return std::nullopt;
}

// The change is through: what waited behind it goes on.
void JetStreamApi::change_done(Account& account, const std::string& stream,
                               const StreamConfig* now_is) {
  const auto at = account.streams.find(stream);
  if (at == account.streams.end()) return;
  std::deque<Request> waiting = std::move(at->second.waiting);
  at->second.waiting.clear();
  if (now_is == nullptr) {
    account.streams.erase(at);
  } else {
    at->second.config = *now_is;
    at->second.is_there = true;
    at->second.is_changing = false;
  }
  for (Request& request : waiting) handle(std::move(request));
}

void JetStreamApi::purge_account(const Request& request, Slice account) {
  const auto at = accounts_.find(account);
  const bool has_account = at != accounts_.end();
  // The request itself counts as one, so that an account without streams is answered too.
  const auto purge = std::make_shared<AccountPurge>(AccountPurge{request, 1});
  if (has_account) {
    for (const auto& [name, entry] : at->second->streams) {
      Request removal;
      removal.account = at->second.get();
      removal.request.subject = "$JS.API.STREAM.DELETE." + name;
      removal.kind = kRemoval;
      removal.purge = purge;
      enqueue(std::move(removal));
      ++purge->streams_left;
    }
  }
  node_.log(jetstream::LogLevel::kInfo,
            "Purge request for account " + std::string(account) +
                " (streams: " + std::to_string(purge->streams_left - 1) +
                ", hasAccount: " + (has_account ? "true" : "false") + ")");
  stream_purged(*purge);
}

void JetStreamApi::stream_purged(AccountPurge& purge) {
  if (--purge.streams_left != 0) return;
  respond(purge.request, jetstream::account_purge_json(true));
}

// --- answers from the directory ---

std::vector<const JetStreamApi::Entry*> JetStreamApi::matching(const Account& account,
                                                               const std::string& subject) const {
  std::vector<const Entry*> found;
  for (const auto& [name, entry] : account.streams) {
    if (!entry.is_there) continue;
    const auto& subjects = entry.config.subjects;
    const bool matches =
        subject.empty() ||
        (subjects.empty()
             ? subject::subjects_collide(subject, name)
             : std::any_of(subjects.begin(), subjects.end(), [&subject](const std::string& own) {
                 return subject::subjects_collide(subject, own);
               }));
    if (matches) found.push_back(&entry);
  }
  return found;
}

void JetStreamApi::names(const Request& request) {
  const auto wanted = jetstream::parse_stream_page(request.request.body, node_.options.strict);
  if (!wanted) return refuse(request, ApiKind::kStreamNames, wanted.error());
  const std::vector<const Entry*> found = matching(*request.account, wanted->subject);
  const jetstream::Page page =
      jetstream::page_of(wanted->offset, found.size(), jetstream::kNamesPage);
  std::vector<std::string> names;
  const size_t end = std::min<size_t>(found.size(), page.offset + page.limit);
  for (size_t i = page.offset; i < end; ++i) names.push_back(found[i]->config.name);
  respond(request, jetstream::stream_names_json(names, page));
}

// The streams of one page, asked of their home loops one after the other.
struct JetStreamApi::ListGathering {
  Request request;
  jetstream::Page page;
  std::vector<std::pair<std::string, uint16_t>> wanted;
  std::vector<jetstream::StreamInfoView> infos;
  std::map<std::string, std::string> offline;
  size_t left = 0;
};

void JetStreamApi::list(const Request& request) {
  const auto wanted = jetstream::parse_stream_page(request.request.body, node_.options.strict,
                                                   ApiCall::kStreamList);
  if (!wanted) return refuse(request, ApiKind::kStreamList, wanted.error());
  const std::vector<const Entry*> found = matching(*request.account, wanted->subject);
  auto gathering = std::make_shared<ListGathering>();
  gathering->request = request;
  gathering->page = jetstream::page_of(wanted->offset, found.size(), jetstream::kListPage);
  for (size_t i = gathering->page.offset;
       i < found.size() && gathering->wanted.size() < gathering->page.limit; ++i) {
    const Entry& entry = *found[i];
    if (entry.offline.reason.empty()) {
      gathering->wanted.emplace_back(entry.config.name, entry.home);
    } else {
      gathering->offline.emplace(entry.config.name, entry.offline.reason);
    }
  }
  gathering->left = node_.services.size();
  JetStreamNode* node = &node_;
  for (uint16_t home = 0; home < node_.services.size(); ++home) {
    node_.post(home, [this, node, home, gathering, wanted = gathering->wanted,
                      name = request.account->name, context = context_of(*request.account)] {
      std::vector<std::string> here;
      for (const auto& [stream, at] : wanted) {
        if (at == home) here.push_back(stream);
      }
      gather_infos(
          *node->services[home], name, here, context,
          [this, node, gathering](std::vector<jetstream::StreamInfoView> infos) {
            node->post(0, [this, gathering, infos = std::move(infos)] {
              gathering->infos.insert(gathering->infos.end(), infos.begin(), infos.end());
              if (--gathering->left != 0) return;
              std::sort(gathering->infos.begin(), gathering->infos.end(),
                        [](const auto& a, const auto& b) { return a.config.name < b.config.name; });
              respond(gathering->request,
                      jetstream::stream_list_json(gathering->infos, gathering->page,
                                                  gathering->offline));
            });
          });
    });
  }
}

void JetStreamApi::account_info(const Request& request) {
  const Account& account = *request.account;
  const JetStreamUsage& usage = *account.usage;
  const jetstream::StreamReservations reserved = reservations(account, std::string());
  jetstream::AccountInfoView info;
  const auto figure = [](const std::atomic<int64_t>& of) {
    return static_cast<uint64_t>(std::max<int64_t>(0, of.load(std::memory_order_relaxed)));
  };
  info.total.memory = figure(usage.memory);
  info.total.storage = figure(usage.storage);
  info.total.reserved_memory = static_cast<uint64_t>(reserved.memory);
  info.total.reserved_storage = static_cast<uint64_t>(reserved.storage);
  info.total.streams = static_cast<uint64_t>(reserved.streams);
  info.total.consumers = figure(usage.consumers);
  info.total.limits = account.limits;
  info.domain = node_.options.domain;
  info.api_total = figure(usage.api_total) - 1;  // without this request
  info.api_errors = figure(usage.api_errors);
  for (const auto& [name, limits] : account.tiers) {
    if (name == "R1") info.tiers[name] = info.total;  // everything has one replica
    info.tiers[name].limits = limits;
  }
  if (!account.tiers.empty()) info.total.limits = jetstream::ConfigLimits::none();
  respond(request, jetstream::account_info_json(info));
}

// --- helpers ---

std::vector<const StreamConfig*> JetStreamApi::configs_of(const Account& account,
                                                          const std::string& but) const {
  std::vector<const StreamConfig*> configs;
  for (const auto& [name, entry] : account.streams) {
    if (name != but) configs.push_back(&entry.config);
  }
  return configs;
}

jetstream::StreamReservations JetStreamApi::reservations(const Account& account,
                                                         const std::string& but) const {
  jetstream::StreamReservations reserved;
  for (const auto& [name, entry] : account.streams) {
    if (name == but) continue;
    ++reserved.streams;
    if (entry.config.max_bytes <= 0) continue;
    const bool is_memory = entry.config.storage == jetstream::StorageType::kMemory;
    (is_memory ? reserved.memory : reserved.storage) += entry.config.max_bytes;
  }
  for (const auto& [name, other] : accounts_) {
    for (const auto& [stream, entry] : other->streams) {
      const bool is_memory = entry.config.storage == jetstream::StorageType::kMemory;
      (is_memory ? reserved.server_memory : reserved.server_storage) +=
          std::max<int64_t>(entry.config.max_bytes, 0);
    }
  }
  return reserved;
}

jetstream::StreamCheckContext JetStreamApi::check_context(const Account& account) const {
  jetstream::StreamCheckContext context;
  context.limits = with_server_limits(account.limits, *node_.usage);
  context.streams = configs_of(account, std::string());
  return context;
}

jetstream::RequestContext JetStreamApi::context_of(const Account& account) const {
  jetstream::RequestContext context;
  context.limits = account.limits;
  context.strict = node_.options.strict;
  context.server_name = node_.server_name;
  context.domain = node_.options.domain;
  context.now = wall_now_;
  return context;
}

void JetStreamApi::respond(const Request& request, const std::string& json) {
  answer(*node_.services[0], *request.account->interest, request.request, json);
}

void JetStreamApi::refuse(const Request& request, ApiKind kind, const ApiError& error) {
  if (request.account->enabled) {
    request.account->usage->api_errors.fetch_add(1, std::memory_order_relaxed);
  }
  respond(request, jetstream::error_json(kind, error));
}

}  // namespace petrel::shard
