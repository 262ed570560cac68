// ConsumerConfig: the configuration of a consumer, with nats-server's JSON field names, as it is
// stored and answered; its defaults, its rules and what an update may change.
//
// Thread: values and pure functions, any thread. Errors: ApiError with nats-server's numbers and
// texts. Source: spec consumers.md section 1, api.md sections 3 and 5.
#pragma once

#include "petrel/base/time.h"
#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/stream_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::jetstream {

enum class DeliverPolicy : uint8_t {
  kAll,
  kLast,
  kNew,
  kByStartSequence,
  kByStartTime,
  kLastPerSubject
};
enum class AckPolicy : uint8_t { kNone, kAll, kExplicit, kFlowControl };
enum class ReplayPolicy : uint8_t { kInstant, kOriginal };
enum class PriorityPolicy : uint8_t { kNone, kOverflow, kPinnedClient, kPrioritized };
enum class ConsumerAction : uint8_t { kCreateOrUpdate, kCreate, kUpdate };

struct ConsumerConfig {
  std::string durable_name = {};
  std::string name = {};
  std::string description = {};
  DeliverPolicy deliver_policy = DeliverPolicy::kAll;
  uint64_t opt_start_seq = 0;
  std::optional<WallTime> opt_start_time = {};
  AckPolicy ack_policy = AckPolicy::kNone;
  Duration ack_wait = {};
  int64_t max_deliver = 0;  // -1: no limit; 0 only before the defaults
  std::vector<Duration> backoff = {};
  std::string filter_subject = {};
  std::vector<std::string> filter_subjects = {};
  ReplayPolicy replay_policy = ReplayPolicy::kInstant;
  uint64_t rate_limit_bps = 0;  // bits per second
  std::string sample_freq = {};
  int64_t max_waiting = 0;
  int64_t max_ack_pending = 0;  // -1: no limit
  bool flow_control = false;
  bool headers_only = false;
  int64_t max_batch = 0;
  Duration max_expires = {};
  int64_t max_bytes = 0;
  std::string deliver_subject = {};
  std::string deliver_group = {};
  Duration idle_heartbeat = {};
  Duration inactive_threshold = {};
  int64_t num_replicas = 0;
  bool mem_storage = false;
  bool direct = false;
  bool sourcing = false;
  Metadata metadata = {};
  std::optional<WallTime> pause_until = {};
  std::vector<std::string> priority_groups = {};
  PriorityPolicy priority_policy = PriorityPolicy::kNone;
  Duration priority_timeout = {};
  friend bool operator==(const ConsumerConfig&, const ConsumerConfig&) = default;

  bool is_push() const { return !deliver_subject.empty(); }
  bool is_durable() const { return !durable_name.empty(); }
  // Both kinds of filter as one list; empty: everything.
  std::vector<std::string> filters() const;
};

// Beyond nats-server, kept as metadata: see spec of dead letters. Empty or 0: not asked for.
std::string dead_letter_subject(const ConsumerConfig& config);
uint64_t max_ack_pending_per_subject(const ConsumerConfig& config);
// 0..100; 0: no samples. REQUIRES: the configuration was checked.
int sample_percent(const ConsumerConfig& config);

struct ConsumerCheckContext {
  ConfigLimits limits = {};
  bool pedantic = false;
  bool is_clustered = false;
  // The consumers of the stream, for work queues and the number allowed; borrowed.
  std::vector<const ConsumerConfig*> consumers = {};
  // Set when the consumer exists already.
  const ConsumerConfig* current = nullptr;
};

// The configuration with its defaults filled in, or the first error in nats-server's order.
// Not here: whether the action fits (see decide_consumer), the number of consumers.
ApiResult<ConsumerConfig> check_consumer_config(const ConsumerConfig& request,
                                                const StreamConfig& stream,
                                                const ConsumerCheckContext& context);

// Why the consumer `current` may not become the checked `next`: 10012 with nats-server's text.
ApiStatus check_consumer_update(const ConsumerConfig& current, const ConsumerConfig& next);

// What a checked create request comes to.
enum class ConsumerOutcome : uint8_t { kCreate, kUpdate, kUnchanged };
// Errors 10148, 10149. `request` is as it came, `next` is checked; `current` null: none yet.
ApiResult<ConsumerOutcome> decide_consumer(ConsumerAction action, const ConsumerConfig* current,
                                           const ConsumerConfig& request,
                                           const ConsumerConfig& next);

// Errors 10098 - 10101 of work queues against the other consumers of the stream.
ApiStatus check_workqueue(const ConsumerConfig& config, const StreamConfig& stream,
                          const std::vector<const ConsumerConfig*>& others);

// A consumer without a durable name goes away when idle: after 5 s unless it says otherwise.
void set_ephemeral_threshold(ConsumerConfig& config);

void set_consumer_level(ConsumerConfig& config);
int required_level(const ConsumerConfig& config);

}  // namespace petrel::jetstream
