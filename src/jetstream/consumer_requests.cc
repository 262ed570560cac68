#include "jetstream/consumer_requests.h"

#include "petrel/jetstream/api_admission.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/consumer.h"
#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr Slice kIdentityHeader = "Nats-Stream-Identity";

std::string random_name(Prng& prng) {
  constexpr Slice kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kNameBytes = 8;
  std::string name(kNameBytes, '0');
  for (char& digit : name) digit = kDigits[prng.below(kDigits.size())];
  return name;
}

// Consumers of mirrors and sources get a name of their own, or become durable where messages stay
// until they are acknowledged.
void prepare_sourcing(const Stream& stream, Prng& prng, ConsumerConfig& config) {
  if (!config.direct || !config.sourcing || config.name.empty()) return;
  if (stream.config().retention == Retention::kLimits) {
    config.name += "-" + random_name(prng);
    return;
  }
  config.direct = false;
  config.durable_name = config.name;
  config.ack_policy = AckPolicy::kFlowControl;
  config.ack_wait = {};
  config.max_deliver = 0;
  config.inactive_threshold = {};
}

// What tells a stream from one that was made under its name later.
std::string identity_of(Stream& stream) {
  std::string created;
  append_time(created, stream.created());
  return stream.outside().short_hash(created);
}

std::string with_identity(Stream& stream, const std::string& json) {
  return "NATS/1.0\r\nNats-Stream-Identity: " + identity_of(stream) + "\r\n\r\n" + json;
}

std::vector<const ConsumerConfig*> configs_of(const Stream& stream) {
  std::vector<const ConsumerConfig*> configs;
  for (const Consumer* consumer : stream.consumers()) configs.push_back(&consumer->config());
  return configs;
}

// Whether an update leaves a deliver subject that somebody still listens on.
bool leaves_listeners(Stream& stream, const ConsumerConfig& current, const ConsumerConfig& next) {
  return current.is_push() && current.deliver_subject != next.deliver_subject &&
         stream.outside().has_interest(stream, current.deliver_subject, {});
}

void create(Stream& stream, ConsumerCreateRequest wanted, const RequestContext& context,
            const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kConsumerCreate;
  prepare_sourcing(stream, stream.outside().prng(), wanted.config);
  const bool tells_identity = wanted.config.direct || wanted.config.sourcing;
  if (tells_identity && !wanted.identity.empty() && wanted.identity != identity_of(stream)) {
    return respond(error_json(kKind, api_error(ApiErrc::kConsumerStreamIdentityMismatch,
                                               {{"{msg}", identity_of(stream)}})));
  }
  const Consumer* current = stream.find_consumer(wanted.config.name);
  if (current != nullptr && wanted.config.sourcing && wanted.config.is_durable()) {
    wanted.config.deliver_policy = current->config().deliver_policy;
    wanted.config.opt_start_seq = current->config().opt_start_seq;
    wanted.config.opt_start_time = current->config().opt_start_time;
  }
  ConsumerCheckContext check;
  check.limits = context.limits;
  check.pedantic = wanted.pedantic;
  check.consumers = configs_of(stream);
  check.current = current != nullptr ? &current->config() : nullptr;
  ApiResult<ConsumerAdmission> admitted = admit_consumer(wanted, stream.config(), check);
  if (!admitted) return respond(error_json(kKind, admitted.error()));
  if (admitted->outcome == ConsumerOutcome::kUnchanged) {
    return respond(consumer_info_json(kKind, current->info()));
  }
  ConsumerConfig& config = admitted->config;
  if (current != nullptr && leaves_listeners(stream, current->config(), config)) {
    return respond(error_json(kKind, api_error(ApiErrc::kConsumerNameExist)));
  }
  if (config.name.empty()) config.name = random_name(stream.outside().prng());
  const auto done = [&stream, respond, tells_identity](const ApiError* error, Consumer* consumer) {
    if (error != nullptr) return respond(error_json(kKind, *error));
    const std::string json = consumer_info_json(kKind, consumer->info());
    respond(tells_identity ? with_identity(stream, json) : json);
  };
  stream.create_consumer(config, done);
}

void answer_create(Stream& stream, const ApiSubject& subject, const ApiRequest& request,
                   const RequestContext& context, const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kConsumerCreate;
  ApiResult<ConsumerCreateRequest> wanted = parse_consumer_create(request.body, context.strict);
  if (!wanted) return respond(error_json(kKind, wanted.error()));
  const auto identity = proto::HeaderView(request.header).find(kIdentityHeader);
  wanted->identity = identity.value_or(Slice());
  if (const ApiStatus wrong = join_consumer_subject(subject, *wanted)) {
    return respond(error_json(kKind, *wrong));
  }
  if (wanted->config.num_replicas > 1) {
    return respond(error_json(kKind, api_error(ApiErrc::kStreamReplicasNotSupported)));
  }
  stream.when_applied([&stream, wanted = *std::move(wanted), context, respond] {
    create(stream, wanted, context, respond);
  });
}

std::vector<const Consumer*> public_consumers(const Stream& stream) {
  std::vector<const Consumer*> shown;
  for (const Consumer* consumer : stream.consumers()) {
    if (!consumer->config().direct) shown.push_back(consumer);
  }
  return shown;
}

void answer_names(const Stream& stream, const PagedRequest& wanted, const Respond& respond) {
  const std::vector<const Consumer*> shown = public_consumers(stream);
  const Page page = page_of(wanted.offset, shown.size(), kNamesPage);
  std::vector<std::string> names;
  const size_t end = std::min<size_t>(shown.size(), page.offset + page.limit);
  for (size_t i = page.offset; i < end; ++i) names.push_back(shown[i]->name());
  respond(consumer_names_json(names, page));
}

void answer_list(const Stream& stream, const PagedRequest& wanted, const Respond& respond) {
  const std::vector<const Consumer*> shown = public_consumers(stream);
  const Page page = page_of(wanted.offset, shown.size(), kListPage);
  std::vector<ConsumerInfoView> infos;
  const size_t end = std::min<size_t>(shown.size(), page.offset + page.limit);
  for (size_t i = page.offset; i < end; ++i) infos.push_back(shown[i]->info());
  respond(consumer_list_json(infos, page));
}

void answer_page(Stream& stream, const ApiSubject& subject, const ApiRequest& request,
                 const RequestContext& context, const Respond& respond) {
  const ApiResult<PagedRequest> wanted = parse_consumer_page(request.body, context.strict);
  if (!wanted) return respond(error_json(subject.kind, wanted.error()));
  stream.when_applied([&stream, call = subject.call, wanted = *wanted, respond] {
    call == ApiCall::kConsumerNames ? answer_names(stream, wanted, respond)
                                    : answer_list(stream, wanted, respond);
  });
}

void answer_info(Stream& stream, const std::string& name, const Respond& respond) {
  stream.when_applied([&stream, name, respond] {
    const Consumer* consumer = stream.find_consumer(name);
    if (consumer == nullptr) {
      return respond(error_json(ApiKind::kConsumerInfo, api_error(ApiErrc::kConsumerNotFound)));
    }
    respond(consumer_info_json(ApiKind::kConsumerInfo, consumer->info()));
  });
}

void answer_delete(Stream& stream, const std::string& name, const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kConsumerDelete;
  stream.when_applied([&stream, name, respond] {
    if (stream.find_consumer(name) == nullptr) {
      return respond(error_json(kKind, api_error(ApiErrc::kConsumerNotFound)));
    }
    stream.delete_consumer(name, [respond](const ApiError* error) {
      respond(error != nullptr ? error_json(kKind, *error) : success_json(kKind));
    });
  });
}

void answer_pause(Stream& stream, const std::string& name, const ApiRequest& request,
                  const RequestContext& context, const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kConsumerPause;
  const auto wanted = parse_consumer_pause(request.body, context.strict);
  if (!wanted) return respond(error_json(kKind, wanted.error()));
  const WallTime until = wanted->value_or(WallTime{});
  stream.when_applied([&stream, name, until, now = context.now, respond] {
    if (stream.find_consumer(name) == nullptr) {
      return respond(error_json(kKind, api_error(ApiErrc::kConsumerNotFound)));
    }
    stream.pause_consumer(name, until, [respond, until, now](const ApiError* error, Consumer*) {
      if (error != nullptr) return respond(error_json(kKind, *error));
      const bool paused = until > now;
      respond(consumer_pause_json(paused, until, paused ? until - now : Duration{}));
    });
  });
}

// Where a consumer may be set back to. Nothing: there.
Slice reset_refusal(const Stream& stream, const ConsumerConfig& config, uint64_t sequence) {
  if (sequence == 0 || config.deliver_policy == DeliverPolicy::kAll) return {};
  if (config.deliver_policy == DeliverPolicy::kByStartSequence) {
    return sequence < config.opt_start_seq ? Slice("below start seq") : Slice();
  }
  if (config.deliver_policy == DeliverPolicy::kByStartTime) {
    const WallTime start = config.opt_start_time.value_or(WallTime{});
    const bool is_below = sequence < stream.store().first_at_or_after(start);
    return is_below ? Slice("below start time") : Slice();
  }
  return "not allowed";
}

// A consumer that is not there gives no answer: nats-server serves this by the consumer itself.
void answer_reset(Stream& stream, const std::string& name, const ApiRequest& request,
                  const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kConsumerReset;
  const ApiResult<uint64_t> wanted = parse_consumer_reset(request.body);
  const bool tells_identity = proto::HeaderView(request.header).find(kIdentityHeader).has_value();
  stream.when_applied([&stream, name, wanted, respond, tells_identity] {
    const Consumer* found = stream.find_consumer(name);
    if (found == nullptr) return respond(std::string());
    if (!wanted) return respond(error_json(kKind, wanted.error()));
    const Slice refusal = reset_refusal(stream, found->config(), *wanted);
    if (!refusal.empty()) {
      return respond(error_json(kKind, api_error(ApiErrc::kConsumerInvalidReset, refusal)));
    }
    const auto done = [&stream, respond, tells_identity](const ApiError* error,
                                                         Consumer* consumer) {
      if (error != nullptr) return respond(error_json(kKind, *error));
      const ConsumerInfoView info = consumer->info();
      const std::string json = consumer_reset_json(info, info.delivered.stream_seq + 1);
      respond(tells_identity ? with_identity(stream, json) : json);
    };
    stream.reset_consumer(name, *wanted, done);
  });
}

void answer_unpin(Stream& stream, const std::string& name, const ApiRequest& request,
                  const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kConsumerUnpin;
  const ApiResult<std::string> wanted = parse_consumer_unpin(request.body);
  if (!wanted) return respond(error_json(kKind, wanted.error()));
  stream.when_applied([&stream, name, group = *wanted, respond] {
    const Consumer* consumer = stream.find_consumer(name);
    if (consumer == nullptr) {
      return respond(error_json(kKind, api_error(ApiErrc::kConsumerNotFound)));
    }
    const std::vector<std::string>& groups = consumer->config().priority_groups;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
      return respond(error_json(kKind, api_error(ApiErrc::kConsumerInvalidPriorityGroup)));
    }
    stream.unpin_consumer(name, group, [respond](const ApiError* error, Consumer*) {
      respond(error != nullptr ? error_json(kKind, *error) : success_json(kKind));
    });
  });
}

}  // namespace

void answer_consumer_request(Stream& stream, const ApiSubject& subject, const ApiRequest& request,
                             const RequestContext& context, Respond respond) {
  const std::string name(subject.consumer);
  switch (subject.call) {
    case ApiCall::kConsumerCreate:
      return answer_create(stream, subject, request, context, respond);
    case ApiCall::kConsumerNames:
    case ApiCall::kConsumerList:
      return answer_page(stream, subject, request, context, respond);
    case ApiCall::kConsumerInfo:
      return answer_info(stream, name, respond);
    case ApiCall::kConsumerDelete:
      return answer_delete(stream, name, respond);
    case ApiCall::kConsumerPause:
      return answer_pause(stream, name, request, context, respond);
    case ApiCall::kConsumerReset:
      return answer_reset(stream, name, request, respond);
    case ApiCall::kConsumerUnpin:
      return answer_unpin(stream, name, request, respond);
    default:
      return respond(std::string());
  }
}

}  // namespace petrel::jetstream
