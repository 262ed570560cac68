#include "jetstream/config_fields.h"
#include "jetstream/go_atoi.h"
#include "jetstream/stream_config_check.h"
#include "jetstream/subject_overlap.h"

#include "petrel/base/go_duration.h"
#include "petrel/base/go_quote.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr int64_t kDefaultMaxWaiting = 512;
constexpr int64_t kDefaultMaxAckPending = 1000;
constexpr Duration kDefaultAckWait = Duration::seconds(30);
constexpr Duration kDefaultPinnedTtl = Duration::minutes(2);
constexpr Duration kFlowControlBeat = Duration::seconds(1);
constexpr Duration kShortestBeat = Duration::millis(100);
constexpr Duration kShortestExpires = Duration::millis(1);

// Below -1: -1.
ApiStatus set_unlimited(int64_t& limit, Slice name, bool pedantic) {
  if (limit >= -1) return {};
  if (pedantic) return pedantic_error(std::string(name) + " must be set to -1");
  limit = -1;
  return {};
}

// Below 0: 0.
ApiStatus set_positive(int64_t& value, Slice name, bool pedantic) {
  if (value >= 0) return {};
  if (pedantic) return pedantic_error(std::string(name) + " must not be negative");
  value = 0;
  return {};
}

ApiStatus set_ranges(ConsumerConfig& config, bool pedantic) {
  PETREL_REFUSE(set_unlimited(config.max_deliver, "max_deliver", pedantic));
  if (config.max_deliver == 0) config.max_deliver = -1;
  PETREL_REFUSE(set_positive(config.max_waiting, "max_waiting", pedantic));
  PETREL_REFUSE(set_unlimited(config.max_ack_pending, "max_ack_pending", pedantic));
  PETREL_REFUSE(set_positive(config.max_batch, "max_batch", pedantic));
  PETREL_REFUSE(set_positive(config.max_expires.ns, "max_expires", pedantic));
  PETREL_REFUSE(set_positive(config.max_bytes, "max_bytes", pedantic));
  PETREL_REFUSE(set_positive(config.idle_heartbeat.ns, "idle_heartbeat", pedantic));
  PETREL_REFUSE(set_positive(config.inactive_threshold.ns, "inactive_threshold", pedantic));
  return set_positive(config.priority_timeout.ns, "priority_timeout", pedantic);
}

ApiStatus set_waits(ConsumerConfig& config, bool pedantic) {
  if (!config.is_push() && config.max_waiting == 0) config.max_waiting = kDefaultMaxWaiting;
  const bool waits =
      config.ack_policy == AckPolicy::kExplicit || config.ack_policy == AckPolicy::kAll;
  if (config.ack_wait.ns == 0 && waits) config.ack_wait = kDefaultAckWait;
  if (config.backoff.empty()) return {};
  if (pedantic && config.ack_wait != config.backoff.front()) {
    return pedantic_error("first backoff value has to equal batch AckWait");
  }
  config.ack_wait = config.backoff.front();
  return {};
}

ApiStatus set_from_stream(ConsumerConfig& config, const StreamConsumerLimits& limits,
                          bool pedantic) {
  if (config.max_ack_pending == 0) {
    if (pedantic && limits.max_ack_pending > 0) {
      return pedantic_error("max_ack_pending must be set if it's configured in stream limits");
    }
    config.max_ack_pending = limits.max_ack_pending;
  }
  if (config.inactive_threshold.ns == 0) {
    if (pedantic && limits.inactive_threshold.ns > 0) {
      return pedantic_error("inactive_threshold must be set if it's configured in stream limits");
    }
    config.inactive_threshold = limits.inactive_threshold;
  }
  return {};
}

ApiStatus set_from_server(ConsumerConfig& config, const ConfigLimits& limits, bool pedantic) {
  if (config.max_ack_pending == 0 && config.ack_policy != AckPolicy::kNone) {
    int64_t pending = kDefaultMaxAckPending;
    if (limits.server_max_ack_pending > 0) {
      pending = std::min(pending, limits.server_max_ack_pending);
    }
    if (limits.max_ack_pending > 0) pending = std::min(pending, limits.max_ack_pending);
    config.max_ack_pending = pending;
  }
  if (!config.is_push() && config.max_batch == 0 && limits.server_max_request_batch > 0) {
    if (pedantic) {
      return pedantic_error("max_request_batch must be set if it's JetStream limits are set");
    }
    config.max_batch = limits.server_max_request_batch;
  }
  return {};
}

ApiStatus set_defaults(ConsumerConfig& config, const StreamConfig& stream,
                       const ConsumerCheckContext& context) {
  PETREL_REFUSE(set_ranges(config, context.pedantic));
  PETREL_REFUSE(set_waits(config, context.pedantic));
  PETREL_REFUSE(set_from_stream(config, stream.consumer_limits, context.pedantic));
  PETREL_REFUSE(set_from_server(config, context.limits, context.pedantic));
  if (config.priority_policy == PriorityPolicy::kPinnedClient && config.priority_timeout.ns == 0) {
    config.priority_timeout = kDefaultPinnedTtl;
  }
  if (config.ack_policy == AckPolicy::kFlowControl && !context.pedantic) {
    config.flow_control = true;
    config.idle_heartbeat = kFlowControlBeat;
  }
  return {};
}

ApiStatus check_names(const ConsumerConfig& config) {
  if (!config.name.empty() && !is_valid_asset_name(config.name)) {
    return invalid_config("consumer name can not contain '.', '*', '>', '\\', '/'");
  }
  if (!config.durable_name.empty() && !is_valid_asset_name(config.durable_name)) {
    return invalid_config("consumer durable name can not contain '.', '*', '>', '\\', '/'");
  }
  return {};
}

ApiStatus check_replicas(const ConsumerConfig& config, const StreamConfig& stream) {
  if (config.num_replicas > 0 && config.num_replicas > stream.num_replicas) {
    return api_error(ApiErrc::kConsumerReplicasExceedsStream);
  }
  if (config.num_replicas < 0) return api_error(ApiErrc::kReplicasCountCannotBeNegative);
  if (stream.retention != Retention::kLimits && config.num_replicas != 0 &&
      config.num_replicas != stream.num_replicas) {
    return api_error(ApiErrc::kConsumerReplicasShouldMatchStream);
  }
  return {};
}

ApiStatus check_flow_control_acks(const ConsumerConfig& config) {
  if (config.ack_policy != AckPolicy::kFlowControl) return {};
  if (!config.is_push()) return api_error(ApiErrc::kConsumerAckFCRequiresPush);
  if (!config.flow_control) return api_error(ApiErrc::kConsumerAckFCRequiresFC);
  if (config.idle_heartbeat != kFlowControlBeat) {
    return invalid_config("flow control ack policy heartbeat needs to be 1s");
  }
  if (config.max_ack_pending <= 0) return api_error(ApiErrc::kConsumerAckFCRequiresMaxAckPending);
  if (config.ack_wait.ns != 0 || !config.backoff.empty()) {
    return api_error(ApiErrc::kConsumerAckFCRequiresNoAckWait);
  }
  if (config.max_deliver > 0) return api_error(ApiErrc::kConsumerAckFCRequiresNoMaxDeliver);
  return {};
}

bool has_short_deliver(const ConsumerConfig& config) {
  const int64_t waits = static_cast<int64_t>(config.backoff.size());
  return waits > 0 && config.max_deliver != -1 && waits > config.max_deliver;
}

ApiStatus check_acks(const ConsumerConfig& config) {
  for (const Duration wait : config.backoff) {
    if (wait.ns < 0) return api_error(ApiErrc::kConsumerBackOffNegative);
  }
  if (config.ack_wait.ns < 0) return api_error(ApiErrc::kConsumerAckWaitNegative);
  PETREL_REFUSE(check_flow_control_acks(config));
  if (has_short_deliver(config)) return api_error(ApiErrc::kConsumerMaxDeliverBackoff);
  if (config.description.size() > kDescriptionBytesMax) {
    return api_error(ApiErrc::kConsumerDescriptionTooLong,
                     {{"{max}", std::to_string(kDescriptionBytesMax)}});
  }
  return {};
}

bool forms_cycle(const StreamConfig& stream, const std::string& target) {
  return std::any_of(stream.subjects.begin(), stream.subjects.end(), [&](const auto& captured) {
    return subject::is_subset_match(target, captured);
  });
}

ApiStatus check_push(const ConsumerConfig& config, const StreamConfig& stream) {
  if (!subject::is_literal(config.deliver_subject)) {
    return api_error(ApiErrc::kConsumerDeliverToWildcards);
  }
  if (!subject::is_valid_subject(config.deliver_subject)) {
    return api_error(ApiErrc::kConsumerInvalidDeliverSubject);
  }
  if (forms_cycle(stream, config.deliver_subject)) {
    return api_error(ApiErrc::kConsumerDeliverCycle);
  }
  if (config.max_waiting != 0) return api_error(ApiErrc::kConsumerPushMaxWaiting);
  if (config.max_ack_pending > 0 && config.ack_policy == AckPolicy::kNone) {
    return api_error(ApiErrc::kConsumerMaxPendingAckPolicyRequired);
  }
  if (config.idle_heartbeat.ns > 0 && config.idle_heartbeat < kShortestBeat) {
    return api_error(ApiErrc::kConsumerSmallHeartbeat);
  }
  return {};
}

ApiStatus check_pull(const ConsumerConfig& config, const StreamConfig& stream,
                     const ConfigLimits& limits) {
  if (config.ack_policy == AckPolicy::kNone && stream.retention == Retention::kWorkQueue) {
    return api_error(ApiErrc::kConsumerPullRequiresAck);
  }
  if (config.rate_limit_bps > 0) return api_error(ApiErrc::kConsumerPullWithRateLimit);
  if (config.idle_heartbeat.ns > 0) return api_error(ApiErrc::kConsumerHBRequiresPush);
  if (config.flow_control) return api_error(ApiErrc::kConsumerFCRequiresPush);
  if (config.max_expires.ns != 0 && config.max_expires < kShortestExpires) {
    return api_error(ApiErrc::kConsumerMaxRequestExpiresTooSmall);
  }
  const int64_t most = limits.server_max_request_batch;
  if (most > 0 && config.max_batch > most) {
    return api_error(ApiErrc::kConsumerMaxRequestBatchExceeded,
                     {{"{limit}", std::to_string(most)}});
  }
  return {};
}

ApiStatus check_limits(const ConsumerConfig& config, const StreamConfig& stream,
                       const ConfigLimits& limits) {
  for (const int64_t most : {limits.server_max_ack_pending, limits.max_ack_pending,
                             stream.consumer_limits.max_ack_pending}) {
    if (most > 0 && config.max_ack_pending > most) {
      return api_error(ApiErrc::kConsumerMaxPendingAckExcess, {{"{limit}", std::to_string(most)}});
    }
  }
  const Duration longest = stream.consumer_limits.inactive_threshold;
  if (longest.ns > 0 && config.inactive_threshold > longest) {
    return api_error(ApiErrc::kConsumerInactiveThresholdExcess,
                     {{"{limit}", go_duration(longest)}});
  }
  return {};
}

ApiStatus check_direct(const ConsumerConfig& config) {
  if (!config.direct) return {};
  if (!config.is_push()) return api_error(ApiErrc::kConsumerDirectRequiresPush);
  if (config.is_durable()) return api_error(ApiErrc::kConsumerDirectRequiresEphemeral);
  return {};
}

ApiStatus check_filters(const ConsumerConfig& config) {
  if (!config.filter_subject.empty() && !config.filter_subjects.empty()) {
    return api_error(ApiErrc::kConsumerDuplicateFilterSubjects);
  }
  if (!config.filter_subject.empty() && !subject::is_valid_subject(config.filter_subject)) {
    return invalid_config("invalid subject");
  }
  for (const std::string& filter : config.filter_subjects) {
    if (filter.empty()) return api_error(ApiErrc::kConsumerEmptyFilter);
  }
  SubjectOverlap overlap(config.filter_subjects);
  for (size_t i = 0; i < config.filter_subjects.size(); ++i) {
    if (!subject::is_valid_subject(config.filter_subjects[i])) {
      return invalid_config("invalid subject");
    }
    if (overlap.is_covered(i)) return api_error(ApiErrc::kConsumerOverlappingSubjectFilters);
    if (overlap.is_exhausted()) return invalid_config("filters with too many wildcards");
  }
  return {};
}

ApiError start_is_set(Slice policy, Slice start) {
  return api_error(ApiErrc::kConsumerInvalidPolicy,
                   "consumer delivery policy is deliver " + std::string(policy) +
                       ", but optional start " + std::string(start) + " is also set");
}
ApiError is_not_set(Slice policy, Slice what) {
  return api_error(ApiErrc::kConsumerInvalidPolicy, "consumer delivery policy is deliver " +
                                                        std::string(policy) + ", but optional " +
                                                        std::string(what) + " is not set");
}

ApiStatus check_no_start(const ConsumerConfig& config, Slice policy) {
  if (config.opt_start_seq > 0) return start_is_set(policy, "sequence");
  if (config.opt_start_time) return start_is_set(policy, "time");
  return {};
}

ApiStatus check_start(const ConsumerConfig& config) {
  switch (config.deliver_policy) {
    case DeliverPolicy::kAll:
      return check_no_start(config, "all");
    case DeliverPolicy::kLast:
      return check_no_start(config, "last");
    case DeliverPolicy::kNew:
      return check_no_start(config, "new");
    case DeliverPolicy::kLastPerSubject:
      PETREL_REFUSE(check_no_start(config, "last per subject"));
      if (config.filter_subject.empty() && config.filter_subjects.empty()) {
        return is_not_set("last per subject", "filter subject");
      }
      return {};
    case DeliverPolicy::kByStartSequence:
      if (config.opt_start_seq == 0) return is_not_set("by start sequence", "start sequence");
      if (config.opt_start_time) return start_is_set("by start sequence", "time");
      return {};
    case DeliverPolicy::kByStartTime:
      if (!config.opt_start_time) return is_not_set("by start time", "start time");
      if (config.opt_start_seq != 0) return start_is_set("by start time", "start sequence");
      return {};
  }
  return {};
}

Slice sample_digits(const std::string& text) {
  Slice digits = text;
  if (digits.ends_with('%')) digits.remove_suffix(1);
  return digits;
}

// What Go's strconv says of a text that is no integer; nothing of a negative one.
std::string atoi_error(Slice digits) {
  if (go_atoi(digits)) return "<nil>";
  Slice rest = digits;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  const bool is_number = !rest.empty() && std::all_of(rest.begin(), rest.end(),
                                                      [](char c) { return c >= '0' && c <= '9'; });
  return "strconv.Atoi: parsing " + go_quote(digits) + ": " +
         (is_number ? "value out of range" : "invalid syntax");
}

ApiStatus check_sampling(const ConsumerConfig& config) {
  if (config.sample_freq.empty()) return {};
  const Slice digits = sample_digits(config.sample_freq);
  const std::optional<int64_t> percent = go_atoi(digits);
  if (percent && *percent >= 0) return {};
  return api_error(ApiErrc::kConsumerInvalidSampling, atoi_error(digits));
}

bool is_group_name(const std::string& group) {
  constexpr size_t kGroupBytesMax = 16;
  return group.size() <= kGroupBytesMax && std::all_of(group.begin(), group.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '=' || c == '-';
         });
}

ApiStatus check_groups(const ConsumerConfig& config) {
  if (config.priority_policy == PriorityPolicy::kNone) {
    if (!config.priority_groups.empty()) {
      return api_error(ApiErrc::kConsumerPriorityGroupWithPolicyNone);
    }
    if (config.priority_timeout.ns > 0) {
      return api_error(ApiErrc::kConsumerPinnedTTLWithoutPriorityPolicyNone);
    }
    return {};
  }
  if (config.is_push()) return api_error(ApiErrc::kConsumerPushWithPriorityGroup);
  if (config.priority_groups.empty()) {
    return api_error(ApiErrc::kConsumerPriorityPolicyWithoutGroup);
  }
  for (const std::string& group : config.priority_groups) {
    if (group.empty()) return api_error(ApiErrc::kConsumerEmptyGroupName);
    if (!is_group_name(group)) return api_error(ApiErrc::kConsumerInvalidGroupName);
  }
  return {};
}

// Petrel's own settings, kept as metadata.
ApiStatus check_extensions(const ConsumerConfig& config) {
  const std::string target = dead_letter_subject(config);
  if (config.metadata.count(std::string(kDeadLetterKey)) != 0 &&
      (!subject::is_valid_subject(target) || !subject::is_literal(target))) {
    return invalid_config("dead letter subject must be a valid subject without wildcards");
  }
  const auto most = config.metadata.find(std::string(kMaxAckPendingPerSubjectKey));
  if (most != config.metadata.end() && go_atoi(most->second).value_or(0) <= 0) {
    return invalid_config("max ack pending per subject must be a positive number");
  }
  if (most != config.metadata.end() && config.ack_policy != AckPolicy::kExplicit) {
    return invalid_config("max ack pending per subject requires explicit acks");
  }
  return {};
}

ApiStatus check_rest(const ConsumerConfig& config) {
  PETREL_REFUSE(check_direct(config));
  PETREL_REFUSE(check_filters(config));
  PETREL_REFUSE(check_start(config));
  PETREL_REFUSE(check_sampling(config));
  if (config.flow_control && config.idle_heartbeat.ns == 0) {
    return api_error(ApiErrc::kConsumerWithFlowControlNeedsHeartbeats);
  }
  if (!config.durable_name.empty() && !config.name.empty() && config.name != config.durable_name) {
    return api_error(ApiErrc::kConsumerCreateDurableAndNameMismatch);
  }
  if (metadata_bytes(config.metadata) > kMetadataBytesMax) {
    return api_error(ApiErrc::kConsumerMetadataLength, {{"{limit}", "128KB"}});
  }
  PETREL_REFUSE(check_groups(config));
  return check_extensions(config);
}

}  // namespace

ApiResult<ConsumerConfig> check_consumer_config(const ConsumerConfig& request,
                                                const StreamConfig& stream,
                                                const ConsumerCheckContext& context) {
  ConsumerConfig config = request;
  const auto check = [&]() -> ApiStatus {
    PETREL_REFUSE(set_defaults(config, stream, context));
    PETREL_REFUSE(check_names(config));
    PETREL_REFUSE(check_replicas(config, stream));
    PETREL_REFUSE(check_acks(config));
    PETREL_REFUSE(config.is_push() ? check_push(config, stream)
                                   : check_pull(config, stream, context.limits));
    PETREL_REFUSE(check_limits(config, stream, context.limits));
    if (max_ack_pending_per_subject(config) != 0 && has_priorities(stream)) {
      return invalid_config("max ack pending per subject excludes priorities of the stream");
    }
    return check_rest(config);
  };
  if (ApiStatus refused = check()) return *std::move(refused);
  return config;
}

std::vector<std::string> ConsumerConfig::filters() const {
  return filter_subject.empty() ? filter_subjects : std::vector<std::string>{filter_subject};
}

std::string dead_letter_subject(const ConsumerConfig& config) {
  const auto found = config.metadata.find(std::string(kDeadLetterKey));
  return found == config.metadata.end() ? std::string() : found->second;
}

uint64_t max_ack_pending_per_subject(const ConsumerConfig& config) {
  const auto found = config.metadata.find(std::string(kMaxAckPendingPerSubjectKey));
  if (found == config.metadata.end()) return 0;
  return static_cast<uint64_t>(std::max<int64_t>(go_atoi(found->second).value_or(0), 0));
}

int sample_percent(const ConsumerConfig& config) {
  constexpr int64_t kAlways = 100;
  const std::optional<int64_t> percent = go_atoi(sample_digits(config.sample_freq));
  return static_cast<int>(std::clamp<int64_t>(percent.value_or(0), 0, kAlways));
}

}  // namespace petrel::jetstream
