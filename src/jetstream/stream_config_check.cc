#include "jetstream/stream_config_check.h"

#include "jetstream/config_fields.h"
#include "jetstream/subject_overlap.h"

#include "petrel/base/go_duration.h"
#include "petrel/base/go_quote.h"
#include "petrel/subject/subject.h"
#include "petrel/subject/subject_transform.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr int64_t kReplicasMax = 5;
constexpr Duration kShortestAge = Duration::millis(100);
constexpr Duration kDefaultWindow = Duration::minutes(2);

ApiStatus check_texts(const StreamConfig& config) {
  if (!is_valid_asset_name(config.name)) {
    return invalid_config("stream name is required and can not contain '.', '*', '>', '\\', '/'");
  }
  if (config.name.size() > kNameBytesMax) {
    return invalid_config("stream name is too long, maximum allowed is 255");
  }
  if (config.description.size() > kDescriptionBytesMax) {
    return invalid_config("stream description is too long, maximum allowed is 4096");
  }
  if (metadata_bytes(config.metadata) > kMetadataBytesMax) {
    return invalid_config("stream metadata exceeds maximum size of 131072 bytes");
  }
  return {};
}

// 0 and what lies below -1 become -1; pedantic requests say so themselves.
template <typename T>
ApiStatus set_limit(T& limit, Slice name, bool pedantic) {
  if (limit > 0 || limit == -1) return {};
  if (pedantic && limit < -1) return pedantic_error(std::string(name) + " must be set to -1");
  limit = -1;
  return {};
}

ApiStatus set_limits(StreamConfig& config, bool pedantic) {
  if (config.num_replicas == 0) config.num_replicas = 1;
  if (config.num_replicas > kReplicasMax) return invalid_config("maximum replicas is 5");
  if (config.num_replicas < 0) return api_error(ApiErrc::kReplicasCountCannotBeNegative);
  PETREL_REFUSE(set_limit(config.max_msgs, "max_msgs", pedantic));
  PETREL_REFUSE(set_limit(config.max_msgs_per_subject, "max_msgs_per_subject", pedantic));
  PETREL_REFUSE(set_limit(config.max_bytes, "max_bytes", pedantic));
  PETREL_REFUSE(set_limit(config.max_msg_size, "max_msg_size", pedantic));
  PETREL_REFUSE(set_limit(config.max_consumers, "max_consumers", pedantic));
  if (config.max_age.ns < 0) return invalid_config("max age can not be negative");
  if (config.max_age.ns != 0 && config.max_age < kShortestAge) {
    return invalid_config("max age needs to be >= 100ms");
  }
  return {};
}

// The window of a stream that takes messages from publishers only.
ApiStatus set_default_window(StreamConfig& config, const StreamCheckContext& context) {
  Duration window = kDefaultWindow;
  const Duration server = context.limits.duplicate_window;
  if (server.ns > 0 && window > server) {
    if (context.pedantic) {
      return pedantic_error("duplicate window limits are higher than current limits");
    }
    window = server;
  }
  if (config.max_age.ns != 0 && config.max_age < window) {
    if (context.pedantic) {
      return pedantic_error("duplicate window cannot be bigger than max age");
    }
    window = config.max_age;
  }
  config.duplicate_window = window;
  return {};
}

ApiStatus set_window(StreamConfig& config, const StreamCheckContext& context) {
  Duration& window = config.duplicate_window;
  if (window.ns == 0 && !config.mirror && config.sources.empty()) {
    PETREL_REFUSE(set_default_window(config, context));
  }
  if (window.ns < 0) return invalid_config("duplicates window can not be negative");
  if (config.max_age.ns != 0 && window > config.max_age) {
    return invalid_config("duplicates window can not be larger then max age");
  }
  const Duration server = context.limits.duplicate_window;
  if (server.ns > 0 && window > server) {
    return invalid_config("duplicates window can not be larger then server limit of " +
                          go_duration(server));
  }
  if (window.ns > 0 && window < kShortestAge) {
    return invalid_config("duplicates window needs to be >= 100ms");
  }
  return {};
}

ApiStatus check_counter(const StreamConfig& config) {
  if (!config.allow_msg_counter) return {};
  if (config.discard == Discard::kNew) {
    return invalid_config("counter stream cannot use discard new");
  }
  if (config.allow_msg_ttl) return invalid_config("counter stream cannot use message TTLs");
  if (config.allow_msg_schedules) {
    return invalid_config("counter stream cannot use message schedules");
  }
  if (config.retention != Retention::kLimits) {
    return invalid_config("counter stream can only use limits retention");
  }
  return {};
}

ApiStatus set_markers(StreamConfig& config, bool pedantic) {
  const Duration ttl = config.subject_delete_marker_ttl;
  if (ttl.ns < 0) return invalid_config("subject delete marker TTL must not be negative");
  if (ttl.ns == 0) return {};
  if (ttl < Duration::seconds(1)) {
    return invalid_config("subject delete marker TTL must be at least 1 second");
  }
  if (!config.allow_msg_ttl) {
    if (pedantic) {
      return invalid_config("subject delete marker cannot be set if message TTLs are disabled");
    }
    config.allow_msg_ttl = true;
  }
  if (!config.allow_rollup_hdrs) {
    if (pedantic) {
      return invalid_config("subject delete marker cannot be set if roll-ups are disabled");
    }
    config.allow_rollup_hdrs = true;
    config.deny_purge = false;
  }
  return {};
}

ApiStatus set_schedules(StreamConfig& config, bool pedantic) {
  if (!config.allow_msg_schedules) return {};
  if (config.discard == Discard::kNew) {
    return invalid_config("message scheduling cannot use discard new");
  }
  if (!config.allow_rollup_hdrs) {
    if (pedantic) {
      return invalid_config("message scheduling cannot be set if roll-ups are disabled");
    }
    config.allow_rollup_hdrs = true;
    config.deny_purge = false;
  }
  return {};
}

ApiStatus check_persist_mode(const StreamConfig& config) {
  if (config.persist_mode != PersistMode::kAsync) return {};
  if (config.storage != StorageType::kFile) {
    return invalid_config("async persist mode is only supported on file storage");
  }
  if (config.num_replicas > 1) {
    return invalid_config("async persist mode is not supported on replicated streams");
  }
  if (config.allow_atomic) {
    return invalid_config("async persist mode is not supported with atomic batch publish");
  }
  return {};
}

// Subjects of the server may be captured only without acks.
ApiStatus check_reserved(const std::string& wanted) {
  for (const Slice space : {Slice("$JS.>"), Slice("$JSC.>"), Slice("$NRG.>")}) {
    if (subject::subjects_collide(wanted, space) &&
        !subject::is_subset_match(wanted, "$JS.EVENT.>")) {
      return invalid_config("subjects that overlap with jetstream api require no-ack to be true");
    }
  }
  if (subject::subjects_collide(wanted, "$SYS.>") &&
      !subject::is_subset_match(wanted, "$SYS.ACCOUNT.>")) {
    return invalid_config("subjects that overlap with system api require no-ack to be true");
  }
  return {};
}

ApiStatus check_subject(const StreamConfig& config, const std::string& wanted) {
  if (!subject::is_valid_subject(wanted)) return invalid_config("invalid subject");
  if (wanted == ">") {
    if (!config.no_ack) {
      return invalid_config("capturing all subjects requires no-ack to be true");
    }
    if (config.num_replicas != 1) {
      return invalid_config("capturing all subjects requires replicas of 1");
    }
  }
  return config.no_ack ? ApiStatus() : check_reserved(wanted);
}

// Tells which one behind it the subject at `place` collides with.
ApiStatus overlap_error(const std::vector<std::string>& subjects, size_t place) {
  for (size_t i = place + 1; i < subjects.size(); ++i) {
    if (!subject::subjects_collide(subjects[i], subjects[place])) continue;
    return invalid_config("subject " + go_quote(subjects[place]) + " overlaps with " +
                          go_quote(subjects[i]));
  }
  return {};
}

ApiStatus set_subjects(StreamConfig& config) {
  if (config.subjects.empty()) {
    if (!config.mirror && config.sources.empty()) config.subjects.push_back(config.name);
    return {};
  }
  if (config.mirror) return api_error(ApiErrc::kMirrorWithSubjects);
  SubjectOverlap overlap(config.subjects);
  for (size_t i = 0; i < config.subjects.size(); ++i) {
    PETREL_REFUSE(check_subject(config, config.subjects[i]));
    if (overlap.collides(i)) return overlap_error(config.subjects, i);
    if (overlap.is_exhausted()) return invalid_config("subjects with too many wildcards");
  }
  return {};
}

ApiStatus check_max_bytes(const StreamConfig& config, const ConfigLimits& limits) {
  if (limits.max_bytes_required && config.max_bytes <= 0) {
    return api_error(ApiErrc::kStreamMaxBytesRequired);
  }
  const int64_t most = config.storage == StorageType::kMemory ? limits.memory_max_stream_bytes
                                                              : limits.storage_max_stream_bytes;
  if (most > 0 && config.max_bytes > most) {
    return api_error(ApiErrc::kStreamMaxStreamBytesExceeded);
  }
  return {};
}

ApiStatus check_transform(const StreamConfig& config) {
  if (!config.subject_transform) return {};
  const auto& [src, dest] = *config.subject_transform;
  if (!src.empty() && !subject::is_valid_subject(src)) {
    return api_error(ApiErrc::kStreamTransformInvalidSource, "invalid subject " + src);
  }
  if (const Status status = subject::check_mapping_destination(src, dest); !status) {
    return api_error(ApiErrc::kStreamTransformInvalidDestination, status.error().detail);
  }
  return {};
}

ApiStatus set_republish(StreamConfig& config, bool pedantic) {
  if (!config.republish) return {};
  RePublish& republish = *config.republish;
  if (republish.src.empty()) {
    if (pedantic) return pedantic_error("republish source can not be empty");
    republish.src = ">";
  }
  // From ">" to ">" means: what the stream's transform makes of its only subject.
  if (republish.dest == ">" && republish.src == ">" && config.subject_transform &&
      config.subjects.size() == 1 && config.subject_transform->src == config.subjects[0]) {
    if (pedantic) return pedantic_error("implicit republish based on subject transform");
    republish.src = config.subject_transform->dest;
    republish.dest = config.subject_transform->dest;
  }
  for (const std::string& own : config.subjects) {
    if (subject::subjects_collide(republish.dest, own)) {
      return invalid_config("stream configuration for republish destination forms a cycle");
    }
  }
  // Without a destination nothing is republished.
  if (!republish.dest.empty() &&
      !subject::SubjectTransform::create(republish.src, republish.dest)) {
    return invalid_config("stream configuration for republish with transform from '" +
                          republish.src + "' to '" + republish.dest + "' not valid");
  }
  return {};
}

ApiStatus set_placement(StreamConfig& config) {
  if (!config.placement.has_value()) return {};
  const Placement& placement = *config.placement;
  if (!placement.preferred.empty()) {
    return invalid_config("preferred server not permitted in placement");
  }
  if (placement.cluster.empty() && placement.tags.empty()) config.placement.reset();
  return {};
}

ApiStatus set_values(StreamConfig& config, const StreamCheckContext& context) {
  PETREL_REFUSE(check_texts(config));
  PETREL_REFUSE(set_limits(config, context.pedantic));
  PETREL_REFUSE(set_window(config, context));
  if (config.deny_purge && config.allow_rollup_hdrs) {
    return invalid_config("roll-ups require the purge permission");
  }
  PETREL_REFUSE(check_counter(config));
  PETREL_REFUSE(check_discard_new_per_subject(config));
  PETREL_REFUSE(set_markers(config, context.pedantic));
  PETREL_REFUSE(set_schedules(config, context.pedantic));
  if (config.metadata.count(std::string(kPriorityKey)) != 0 && !has_priorities(config)) {
    return invalid_config("petrel.priority must be \"true\", on a work queue");
  }
  return check_persist_mode(config);
}

}  // namespace

bool has_priorities(const StreamConfig& config) {
  if (config.retention != Retention::kWorkQueue || config.metadata.empty()) return false;
  const auto found = config.metadata.find(std::string(kPriorityKey));
  return found != config.metadata.end() && found->second == "true";
}

ApiError invalid_config(Slice text) {
  return api_error(ApiErrc::kStreamInvalidConfig, text);
}

ApiError pedantic_error(Slice text) {
  return api_error(ApiErrc::kPedantic, text);
}

size_t metadata_bytes(const Metadata& metadata) {
  size_t bytes = 0;
  for (const auto& [key, value] : metadata) bytes += key.size() + value.size();
  return bytes;
}

ApiStatus check_discard_new_per_subject(const StreamConfig& config) {
  if (!config.discard_new_per_subject) return {};
  if (config.discard != Discard::kNew) {
    return invalid_config("discard new per subject requires discard new policy to be set");
  }
  if (config.max_msgs_per_subject <= 0) {
    return invalid_config("discard new per subject requires max msgs per subject > 0");
  }
  return {};
}

ApiResult<StreamConfig> check_stream_config(const StreamConfig& request,
                                            const StreamCheckContext& context) {
  StreamConfig config = request;
  const auto check = [&]() -> ApiStatus {
    PETREL_REFUSE(set_values(config, context));
    PETREL_REFUSE(check_origins(config, context));
    PETREL_REFUSE(set_subjects(config));
    PETREL_REFUSE(check_max_bytes(config, context.limits));
    PETREL_REFUSE(check_transform(config));
    PETREL_REFUSE(set_republish(config, context.pedantic));
    return set_placement(config);
  };
  if (ApiStatus refused = check()) return *std::move(refused);
  return config;
}

}  // namespace petrel::jetstream
