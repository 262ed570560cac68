// StreamConfig: the configuration of a stream, with nats-server's JSON field names, as it is stored
// and answered; its defaults, its rules and what an update may change.
//
// Thread: values and pure functions, any thread. Limits: those of spec streams.md section 1.
// Errors: ApiError with nats-server's numbers and texts.
// Source: spec streams.md section 1, api.md sections 1, 3 and 5.
#pragma once

#include "petrel/base/time.h"
#include "petrel/jetstream/api_error.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace petrel::jetstream {

enum class Retention : uint8_t { kLimits, kInterest, kWorkQueue };
enum class Discard : uint8_t { kOld, kNew };
enum class StorageType : uint8_t { kFile, kMemory };
enum class Compression : uint8_t { kNone, kS2 };
enum class PersistMode : uint8_t { kDefault, kAsync };

using Metadata = std::map<std::string, std::string>;

struct Placement {
  std::string cluster = {};
  std::vector<std::string> tags = {};
  std::string preferred = {};
  friend bool operator==(const Placement&, const Placement&) = default;
};

struct SubjectTransformConfig {
  std::string src = {};
  std::string dest = {};
  friend bool operator==(const SubjectTransformConfig&, const SubjectTransformConfig&) = default;
};

struct ExternalStream {
  std::string api = {};
  std::string deliver = {};
  friend bool operator==(const ExternalStream&, const ExternalStream&) = default;
};

struct StreamConsumerSource {
  std::string name = {};
  std::string deliver_subject = {};
  friend bool operator==(const StreamConsumerSource&, const StreamConsumerSource&) = default;
};

struct StreamSource {
  std::string name = {};
  uint64_t opt_start_seq = 0;
  std::optional<WallTime> opt_start_time = {};
  std::string filter_subject = {};
  std::vector<SubjectTransformConfig> subject_transforms = {};
  std::optional<ExternalStream> external = {};
  std::optional<StreamConsumerSource> consumer = {};
  friend bool operator==(const StreamSource&, const StreamSource&) = default;
};

struct RePublish {
  std::string src = {};
  std::string dest = {};
  bool headers_only = false;
  friend bool operator==(const RePublish&, const RePublish&) = default;
};

struct StreamConsumerLimits {
  Duration inactive_threshold = {};
  int64_t max_ack_pending = 0;
  friend bool operator==(const StreamConsumerLimits&, const StreamConsumerLimits&) = default;
};

struct StreamConfig {
  std::string name = {};
  std::string description = {};
  std::vector<std::string> subjects = {};
  Retention retention = Retention::kLimits;
  int64_t max_consumers = 0;  // -1: no limit, here and below; 0 only before the defaults
  int64_t max_msgs = 0;
  int64_t max_bytes = 0;
  Duration max_age = {};  // 0: none
  int64_t max_msgs_per_subject = 0;
  int32_t max_msg_size = 0;
  Discard discard = Discard::kOld;
  StorageType storage = StorageType::kFile;
  int64_t num_replicas = 0;
  bool no_ack = false;
  Duration duplicate_window = {};  // 0: no deduplication
  std::optional<Placement> placement = {};
  std::optional<StreamSource> mirror = {};
  std::vector<StreamSource> sources = {};
  Compression compression = Compression::kNone;
  uint64_t first_seq = 0;
  std::optional<SubjectTransformConfig> subject_transform = {};
  std::optional<RePublish> republish = {};
  bool allow_direct = false;
  bool mirror_direct = false;
  bool discard_new_per_subject = false;
  bool sealed = false;
  bool deny_delete = false;
  bool deny_purge = false;
  bool allow_rollup_hdrs = false;
  StreamConsumerLimits consumer_limits = {};
  bool allow_msg_ttl = false;
  Duration subject_delete_marker_ttl = {};
  bool allow_msg_counter = false;
  bool allow_atomic = false;
  bool allow_msg_schedules = false;
  PersistMode persist_mode = PersistMode::kDefault;
  bool allow_batched = false;
  Metadata metadata = {};
  friend bool operator==(const StreamConfig&, const StreamConfig&) = default;
};

// What the server and the account allow; -1 (0 for window and batch): no limit of its own.
struct ConfigLimits {
  int64_t max_streams = -1;
  int64_t max_consumers = -1;
  int64_t max_ack_pending = -1;  // account
  int64_t max_memory = -1;
  int64_t max_storage = -1;
  int64_t memory_max_stream_bytes = -1;
  int64_t storage_max_stream_bytes = -1;
  bool max_bytes_required = false;
  int64_t server_max_memory = -1;
  int64_t server_max_storage = -1;
  Duration duplicate_window = {};        // jetstream.limits.duplicate_window
  int64_t server_max_ack_pending = 0;    // jetstream.limits.max_ack_pending
  int64_t server_max_request_batch = 0;  // jetstream.limits.max_request_batch
  int64_t default_max_consumers = 1000;  // jetstream.limits.default_max_consumers
  bool covers_one_replica = true;        // false: the account has tiers, and none of them is R1

  // Of an account whose tiers say everything.
  static ConfigLimits none() {
    ConfigLimits limits;
    limits.max_streams = limits.max_consumers = limits.max_ack_pending = 0;
    limits.max_memory = limits.max_storage = 0;
    limits.memory_max_stream_bytes = limits.storage_max_stream_bytes = 0;
    return limits;
  }
};

// What the check must know of the account besides the request. Pointers are borrowed for the call.
struct StreamCheckContext {
  ConfigLimits limits = {};
  bool pedantic = false;
  // Every stream of the account, the one that is updated included.
  std::vector<const StreamConfig*> streams = {};
  bool is_clustered = false;
};

// The configuration with its defaults filled in, or the first error in nats-server's order: name,
// limits of the values, subjects, mirror and sources, transforms, republish. Not here: the number
// of streams, stored bytes against limits, overlap with other streams (see below).
ApiResult<StreamConfig> check_stream_config(const StreamConfig& request,
                                            const StreamCheckContext& context);

// The checked new configuration of an existing stream, or why `current` may not become it.
// `request` is checked with check_stream_config first.
ApiResult<StreamConfig> check_stream_update(const StreamConfig& current,
                                            const StreamConfig& request,
                                            const StreamCheckContext& context);

// Whether some subject of `config` collides with one of another stream of `streams`: 10065.
ApiStatus check_stream_overlap(const StreamConfig& config,
                               const std::vector<const StreamConfig*>& streams);

// What is reserved by max_bytes. The account's numbers leave out the stream that is checked, the
// server's hold every stream of every account.
struct StreamReservations {
  int64_t streams = 0;
  int64_t memory = 0;
  int64_t storage = 0;
  int64_t server_memory = 0;
  int64_t server_storage = 0;
};
// Counts the account's part over all streams but the one called `name`.
StreamReservations reserved_by_others(const std::vector<const StreamConfig*>& streams,
                                      const std::string& name);

// The number of streams, max_consumers, room for what max_bytes reserves. `current` null: the
// stream is new.
ApiStatus check_stream_limits(const StreamConfig& config, const StreamConfig* current,
                              const ConfigLimits& limits, const StreamReservations& reserved);

// Equal but for the metadata that servers write: a repeated create is then answered as success.
bool is_same_stream(const StreamConfig& a, const StreamConfig& b);

// Writes "_nats.req.level" and removes what only answers carry.
void set_stream_level(StreamConfig& config);
int required_level(const StreamConfig& config);
// Adds "_nats.ver" and "_nats.level" for an answer.
void add_server_metadata(Metadata& metadata);
void remove_server_metadata(Metadata& metadata);

inline constexpr int kApiLevel = 5;
// Why an asset with this metadata cannot be served; empty: it can.
std::string unsupported_level(const Metadata& metadata);

// The whole length that a name, a description and metadata may have.
inline constexpr size_t kNameBytesMax = 255;
inline constexpr size_t kDescriptionBytesMax = 4096;
inline constexpr size_t kMetadataBytesMax = 128 * 1024;

// Beyond nats-server: consumers of a work queue with the metadata "petrel.priority" = "true" get
// what has a higher Nats-Priority first.
bool has_priorities(const StreamConfig& config);
inline constexpr size_t kPriorityDefault = 4;  // of messages without the header
inline bool is_priority(Slice value) {
  return value.size() == 1 && value[0] >= '0' && value[0] <= '9';
}

// A name of a stream or consumer: no white space, '.', '*', '>', '\', '/'.
bool is_valid_asset_name(const std::string& name);

}  // namespace petrel::jetstream
