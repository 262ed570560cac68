#include "petrel/jetstream/api_admission.h"

#include "jetstream/stream_config_check.h"

#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

const StreamConfig* find_stream(const StreamCheckContext& context, Slice name) {
  for (const StreamConfig* stream : context.streams) {
    if (stream->name == name) return stream;
  }
  return nullptr;
}

ApiStatus check_create_request(Slice stream, const StreamConfig& config) {
  if (config.name != stream) return api_error(ApiErrc::kStreamMismatch);
  if (stream.find_first_of("\\/") != Slice::npos) {
    return api_error(ApiErrc::kStreamNameContainsPathSeparators);
  }
  if (config.sealed) return invalid_config("stream configuration for create can not be sealed");
  if (config.mirror_direct && !config.mirror) {
    return invalid_config("stream has no mirror but does have mirror direct");
  }
  return {};
}

// Filters without transforms are looked at only when the stream is made.
ApiStatus check_plain_filters(const StreamConfig& config) {
  const auto is_wrong = [](const StreamSource& source) {
    return source.subject_transforms.empty() && !source.filter_subject.empty() &&
           !subject::is_valid_subject(source.filter_subject);
  };
  if (config.mirror && is_wrong(*config.mirror)) {
    return api_error(ApiErrc::kStreamCreate, "subject filter '" + config.mirror->filter_subject +
                                                 "' for the mirror invalid subject");
  }
  for (const StreamSource& source : config.sources) {
    if (is_wrong(source)) {
      return api_error(ApiErrc::kStreamCreate, "subject filter '" + source.filter_subject +
                                                   "' for the source: invalid subject");
    }
  }
  return {};
}

// The number of consumers that may be: the stream's or the account's limit, whichever is lower,
// or the server's default when neither says one.
ApiStatus check_consumer_count(const ConsumerConfig& config, const StreamConfig& stream,
                               const ConsumerCheckContext& context) {
  if (config.direct || config.sourcing) return {};
  int64_t most = stream.max_consumers;
  const int64_t account = context.limits.max_consumers;
  if (most <= 0 || (account > 0 && account < most)) most = account;
  if (most <= 0) most = context.limits.default_max_consumers;
  const auto count =
      std::count_if(context.consumers.begin(), context.consumers.end(),
                    [](const ConsumerConfig* other) { return !other->direct && !other->sourcing; });
  if (most <= 0 || count < most) return {};
  return api_error(ApiErrc::kMaximumConsumersLimit);
}

ApiResult<ConsumerAdmission> admit_new_consumer(ConsumerConfig config, const StreamConfig& stream,
                                                const ConsumerCheckContext& context) {
  if (ApiStatus refused = check_consumer_count(config, stream, context)) return *refused;
  if (ApiStatus refused = check_workqueue(config, stream, context.consumers)) return *refused;
  if (config.is_durable() && config.durable_name.size() > kNameBytesMax) {
    return api_error(ApiErrc::kConsumerNameTooLong, {{"{max}", std::to_string(kNameBytesMax)}});
  }
  if (config.name.empty()) config.name = config.durable_name;
  if (config.name.size() > kNameBytesMax) {
    return api_error(ApiErrc::kConsumerCreate, "error creating store for consumer");
  }
  set_ephemeral_threshold(config);
  return ConsumerAdmission{std::move(config), ConsumerOutcome::kCreate};
}

}  // namespace

ApiResult<StreamAdmission> admit_stream_create(Slice stream, const StreamConfigRequest& request,
                                               const StreamCheckContext& context,
                                               const StreamReservations& reserved) {
  if (ApiStatus refused = check_create_request(stream, request.config)) return *refused;
  if (ApiStatus refused = check_stream_limits(request.config, nullptr, context.limits, reserved)) {
    return *refused;
  }
  StreamConfig wanted = request.config;
  set_stream_level(wanted);
  ApiResult<StreamConfig> config = check_stream_config(wanted, context);
  if (!config) return config.error();
  if (!context.is_clustered && config->num_replicas > 1) {
    return api_error(ApiErrc::kStreamReplicasNotSupported);
  }
  if (const StreamConfig* current = find_stream(context, stream)) {
    if (!is_same_stream(*config, *current)) return api_error(ApiErrc::kStreamNameExist);
    return StreamAdmission{*current, true};
  }
  if (ApiStatus refused = check_stream_limits(*config, nullptr, context.limits, reserved)) {
    return *refused;
  }
  if (ApiStatus refused = check_plain_filters(*config)) return *refused;
  if (ApiStatus refused = check_stream_overlap(*config, context.streams)) return *refused;
  return StreamAdmission{*std::move(config), false};
}

ApiResult<StreamConfig> admit_restore(Slice stream, const StreamConfig& wanted,
                                      const StreamCheckContext& context,
                                      const StreamReservations& reserved) {
  StreamConfig named = wanted;
  if (named.name.empty()) named.name = stream;
  if (named.name != stream) return api_error(ApiErrc::kStreamMismatch);
  if (stream.find_first_of("\\/") != Slice::npos) {
    return api_error(ApiErrc::kStreamNameContainsPathSeparators);
  }
  ApiResult<StreamConfig> config = check_stream_config(named, context);
  if (!config) return config.error();
  if (ApiStatus refused = check_stream_limits(*config, nullptr, context.limits, reserved)) {
    return *refused;
  }
  if (find_stream(context, stream) != nullptr) {
    return api_error(ApiErrc::kStreamNameExistRestoreFailed);
  }
  // One that needs a higher level than this server has is kept offline after the next start.
  if (unsupported_level(config->metadata).empty()) set_stream_level(*config);
  return config;
}

ApiStatus check_restored_overlap(const StreamConfig& config,
                                 const std::vector<const StreamConfig*>& others) {
  const ApiStatus refused = check_stream_overlap(config, others);
  if (!refused) return {};
  return api_error(ApiErrc::kStreamRestore, "error adding stream: " + refused->description + " (" +
                                                std::to_string(refused->err_code) + ")");
}

ApiResult<StreamAdmission> admit_stream_update(Slice stream, const StreamConfigRequest& request,
                                               const StreamCheckContext& context,
                                               const StreamReservations& reserved) {
  ApiResult<StreamConfig> config = check_stream_config(request.config, context);
  if (!config) return config.error();
  if (config->name != stream) return api_error(ApiErrc::kStreamMismatch);
  const StreamConfig* current = find_stream(context, stream);
  if (current == nullptr) return api_error(ApiErrc::kStreamNotFound);
  set_stream_level(*config);
  ApiResult<StreamConfig> next = check_stream_update(*current, *config, context);
  if (!next) return next.error();
  if (ApiStatus refused = check_stream_limits(*next, current, context.limits, reserved)) {
    return *refused;
  }
  if (ApiStatus refused = check_stream_overlap(*next, context.streams)) return *refused;
  // Without a destination an update republishes to the same subject.
  if (next->republish && next->republish->dest.empty()) next->republish->dest.assign(1, '>');
  return StreamAdmission{*std::move(next), false};
}

ApiStatus check_consumers_fit(const StreamConfig& current, const StreamConfig& next,
                              const std::vector<const ConsumerConfig*>& consumers) {
  const StreamConsumerLimits& limits = next.consumer_limits;
  const StreamConsumerLimits& old = current.consumer_limits;
  const bool is_new_threshold =
      limits.inactive_threshold.ns > 0 && limits.inactive_threshold != old.inactive_threshold;
  const bool is_new_pending =
      limits.max_ack_pending > 0 && limits.max_ack_pending != old.max_ack_pending;
  if (!is_new_threshold && !is_new_pending) return {};
  std::string names;
  for (const ConsumerConfig* consumer : consumers) {
    const bool waits_longer = limits.inactive_threshold.ns > 0 &&
                              consumer->inactive_threshold > limits.inactive_threshold;
    const bool holds_more =
        limits.max_ack_pending > 0 && consumer->max_ack_pending > limits.max_ack_pending;
    if (!waits_longer && !holds_more) continue;
    names += (names.empty() ? "" : ", ") + consumer->name;
  }
  if (names.empty()) return {};
  return api_error(ApiErrc::kStreamUpdate, "change to limits violates consumers: " + names);
}

ApiStatus join_consumer_subject(const ApiSubject& subject, ConsumerCreateRequest& request) {
  ConsumerConfig& config = request.config;
  if (subject.stream != request.stream_name) return api_error(ApiErrc::kStreamMismatch);
  const bool is_legacy_ephemeral = subject.consumer.empty();
  const std::string name(is_legacy_ephemeral ? Slice(config.name) : subject.consumer);
  if (name.find_first_of("\\/") != std::string::npos) {
    return api_error(ApiErrc::kConsumerNameContainsPathSeparators);
  }
  if (subject.is_durable && config.durable_name.empty()) {
    return api_error(ApiErrc::kConsumerDurableNameNotSet);
  }
  if (is_legacy_ephemeral && !config.durable_name.empty()) {
    return api_error(ApiErrc::kConsumerEphemeralWithDurableName);
  }
  if (!config.durable_name.empty() && config.durable_name != name) {
    return api_error(ApiErrc::kConsumerDurableNameNotMatchSubject);
  }
  config.name = name;
  if (subject.filter.empty()) return {};
  if (!config.filter_subjects.empty()) {
    return api_error(ApiErrc::kConsumerMultipleFiltersNotAllowed);
  }
  if (config.filter_subject != subject.filter) {
    return api_error(ApiErrc::kConsumerCreateFilterSubjectMismatch);
  }
  return {};
}

ApiResult<ConsumerAdmission> admit_consumer(const ConsumerCreateRequest& request,
                                            const StreamConfig& stream,
                                            const ConsumerCheckContext& context) {
  ConsumerConfig wanted = request.config;
  if (context.current != nullptr) wanted.pause_until = context.current->pause_until;
  set_consumer_level(wanted);
  if (!context.is_clustered && wanted.num_replicas > 1) {
    return api_error(ApiErrc::kStreamReplicasNotSupported);
  }
  ApiResult<ConsumerConfig> config = check_consumer_config(wanted, stream, context);
  if (!config) return config.error();
  const ApiResult<ConsumerOutcome> outcome =
      decide_consumer(request.action, context.current, request.config, *config);
  if (!outcome) return outcome.error();
  if (*outcome == ConsumerOutcome::kCreate) {
    return admit_new_consumer(*std::move(config), stream, context);
  }
  if (ApiStatus refused = check_workqueue(*config, stream, context.consumers)) return *refused;
  if (*outcome == ConsumerOutcome::kUnchanged) {
    return ConsumerAdmission{*context.current, *outcome};
  }
  if (ApiStatus refused = check_consumer_update(*context.current, *config)) return *refused;
  set_ephemeral_threshold(*config);
  return ConsumerAdmission{*std::move(config), *outcome};
}

}  // namespace petrel::jetstream
