#include "jetstream/go_atoi.h"
#include "jetstream/json_time.h"

#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_config.h"

#include <optional>

namespace petrel::jetstream {

namespace {

constexpr const char* kLevelKey = "_nats.req.level";
constexpr const char* kVersionKey = "_nats.ver";
constexpr const char* kServerLevelKey = "_nats.level";
constexpr const char* kVersion = "2.15.2";  // whose API is answered

}  // namespace

void remove_server_metadata(Metadata& metadata) {
  metadata.erase(kVersionKey);
  metadata.erase(kServerLevelKey);
}

void add_server_metadata(Metadata& metadata) {
  metadata[kVersionKey] = kVersion;
  metadata[kServerLevelKey] = std::to_string(kApiLevel);
}

int required_level(const StreamConfig& config) {
  if (config.allow_batched) return 4;
  if (config.allow_msg_counter || config.allow_atomic || config.allow_msg_schedules ||
      config.persist_mode == PersistMode::kAsync) {
    return 2;
  }
  return config.allow_msg_ttl || config.subject_delete_marker_ttl.ns > 0 ? 1 : 0;
}

int required_level(const ConsumerConfig& config) {
  if (config.ack_policy == AckPolicy::kFlowControl) return 4;
  const bool has_priority = config.priority_policy != PriorityPolicy::kNone ||
                            config.priority_timeout.ns != 0 || !config.priority_groups.empty();
  const bool is_paused = config.pause_until && *config.pause_until != kTimeMin;
  return is_paused || has_priority ? 1 : 0;
}

std::string unsupported_level(const Metadata& metadata) {
  const auto level = metadata.find(kLevelKey);
  if (level == metadata.end() || level->second.empty()) return {};
  const std::optional<int64_t> number = go_atoi(level->second);
  if (number && *number <= kApiLevel) return {};
  return "unsupported - required API level: " + level->second +
         ", current API level: " + std::to_string(kApiLevel);
}

void set_stream_level(StreamConfig& config) {
  remove_server_metadata(config.metadata);
  config.metadata[kLevelKey] = std::to_string(required_level(config));
}

void set_consumer_level(ConsumerConfig& config) {
  remove_server_metadata(config.metadata);
  config.metadata[kLevelKey] = std::to_string(required_level(config));
}

bool is_same_stream(const StreamConfig& a, const StreamConfig& b) {
  StreamConfig left = a;
  remove_server_metadata(left.metadata);
  left.metadata.erase(kLevelKey);
  if (const auto level = b.metadata.find(kLevelKey); level != b.metadata.end()) {
    left.metadata.insert(*level);
  }
  return left == b;
}

bool is_valid_asset_name(const std::string& name) {
  return !name.empty() && name.find_first_of(" \t\r\n\f.*>\\/") == std::string::npos;
}

}  // namespace petrel::jetstream
