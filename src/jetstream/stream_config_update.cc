// What an update of a stream may change, and what the account allows.
#include "jetstream/stream_config_check.h"

#include "petrel/subject/subject.h"

#include <algorithm>
#include <limits>

namespace petrel::jetstream {

namespace {

constexpr const char* kCanNot = "stream configuration update can not ";

ApiError can_not(const char* what) {
  return invalid_config(std::string(kCanNot) + what);
}

ApiStatus check_identity(const StreamConfig& current, const StreamConfig& next, bool is_clustered) {
  if (next.name != current.name) {
    return invalid_config("stream configuration name must match original");
  }
  if (!is_clustered && next.num_replicas > 1) {
    return api_error(ApiErrc::kStreamReplicasNotSupported);
  }
  if (next.storage != current.storage) return can_not("change storage type");
  const bool touches_work_queue =
      next.retention == Retention::kWorkQueue || current.retention == Retention::kWorkQueue;
  if (next.retention != current.retention && touches_work_queue) {
    return can_not("change retention policy to/from workqueue");
  }
  return {};
}

// What can be turned on and never off, or not changed at all.
ApiStatus check_one_way(const StreamConfig& current, const StreamConfig& next) {
  if (current.sealed && !next.sealed) return can_not("unseal a sealed stream");
  if (current.deny_delete && !next.deny_delete) return can_not("cancel deny message deletes");
  if (current.deny_purge && !next.deny_purge) return can_not("cancel deny purge");
  if (next.mirror && next.mirror != current.mirror) {
    return api_error(ApiErrc::kStreamMirrorNotUpdatable);
  }
  PETREL_REFUSE(check_discard_new_per_subject(next));
  if (current.allow_msg_ttl && !next.allow_msg_ttl) {
    return invalid_config("message TTL status can not be disabled");
  }
  if (current.allow_msg_counter != next.allow_msg_counter) {
    return can_not("change message counter setting");
  }
  if (current.allow_msg_schedules && !next.allow_msg_schedules) {
    return invalid_config("message schedules can not be disabled");
  }
  if (current.persist_mode != next.persist_mode) return can_not("change persist mode");
  return {};
}

void adjust_sealed(StreamConfig& config) {
  if (!config.sealed) return;
  config.max_age = {};
  config.discard = Discard::kNew;
  config.deny_delete = true;
  config.deny_purge = true;
  config.allow_rollup_hdrs = false;
}

int64_t add_up(int64_t a, int64_t b) {
  const int64_t room = std::numeric_limits<int64_t>::max() - a;
  return b > room ? std::numeric_limits<int64_t>::max() : a + b;
}

// What `bytes` of a stream count against its account.
int64_t footprint(const StreamConfig& config, int64_t bytes) {
  const int64_t replicas = std::max<int64_t>(config.num_replicas, 1);
  if (bytes <= 0) return 0;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return bytes > kMost / replicas ? kMost : bytes * replicas;
}

}  // namespace

ApiResult<StreamConfig> check_stream_update(const StreamConfig& current,
                                            const StreamConfig& request,
                                            const StreamCheckContext& context) {
  ApiResult<StreamConfig> checked = check_stream_config(request, context);
  if (!checked) return checked;
  if (ApiStatus refused = check_identity(current, *checked, context.is_clustered)) {
    return *std::move(refused);
  }
  if (ApiStatus refused = check_one_way(current, *checked)) return *std::move(refused);
  adjust_sealed(*checked);
  return checked;
}

ApiStatus check_stream_overlap(const StreamConfig& config,
                               const std::vector<const StreamConfig*>& streams) {
  for (const StreamConfig* other : streams) {
    if (other->name == config.name) continue;
    for (const std::string& theirs : other->subjects) {
      for (const std::string& ours : config.subjects) {
        if (subject::subjects_collide(ours, theirs)) {
          return api_error(ApiErrc::kStreamSubjectOverlap);
        }
      }
    }
  }
  return {};
}

StreamReservations reserved_by_others(const std::vector<const StreamConfig*>& streams,
                                      const std::string& name) {
  StreamReservations reserved;
  for (const StreamConfig* stream : streams) {
    if (stream->name == name) continue;
    ++reserved.streams;
    int64_t& sum = stream->storage == StorageType::kMemory ? reserved.memory : reserved.storage;
    sum = add_up(sum, footprint(*stream, stream->max_bytes));
  }
  return reserved;
}

ApiStatus check_stream_limits(const StreamConfig& config, const StreamConfig* current,
                              const ConfigLimits& limits, const StreamReservations& reserved) {
  if (!limits.covers_one_replica && config.num_replicas <= 1) return api_error(ApiErrc::kNoLimits);
  if (current == nullptr && limits.max_streams > 0 && reserved.streams >= limits.max_streams) {
    return api_error(ApiErrc::kMaximumStreamsLimit);
  }
  if (config.max_consumers > 0 && limits.max_consumers > 0 &&
      config.max_consumers > limits.max_consumers) {
    return api_error(ApiErrc::kMaximumConsumersLimit);
  }
  const bool in_memory = config.storage == StorageType::kMemory;
  const ApiError no_room =
      api_error(in_memory ? ApiErrc::kMemoryResourcesExceeded : ApiErrc::kStorageResourcesExceeded);
  // A new stream without a limit needs room for at least something.
  const int64_t least = current == nullptr && config.max_bytes < 0 ? 1 : 0;
  const int64_t wanted = std::max(config.max_bytes, least);
  const int64_t account_max = in_memory ? limits.max_memory : limits.max_storage;
  const int64_t others = in_memory ? reserved.memory : reserved.storage;
  if (account_max >= 0 && add_up(others, footprint(config, wanted)) > account_max) return no_room;
  const int64_t old_bytes = current == nullptr ? 0 : std::max<int64_t>(current->max_bytes, 0);
  const int64_t more = std::max<int64_t>(wanted - old_bytes, 0);
  const int64_t server_max = in_memory ? limits.server_max_memory : limits.server_max_storage;
  const int64_t all = in_memory ? reserved.server_memory : reserved.server_storage;
  if (server_max >= 0 && add_up(all, more) > server_max) return no_room;
  return {};
}

}  // namespace petrel::jetstream
