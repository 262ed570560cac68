// What may become of an existing consumer, and which consumers a work queue takes.
#include "jetstream/stream_config_check.h"

#include "petrel/jetstream/consumer_config.h"
#include "petrel/subject/subject.h"

namespace petrel::jetstream {

namespace {

constexpr const char* kLevelKey = "_nats.req.level";

// What nobody can change, in the order it is looked at.
const char* find_fixed(const ConsumerConfig& a, const ConsumerConfig& b) {
  if (a.deliver_policy != b.deliver_policy) return "deliver policy";
  if (a.mem_storage != b.mem_storage) return "storage type";
  if (a.direct != b.direct) return "direct";
  if (a.sourcing != b.sourcing) return "sourcing";
  if (a.opt_start_seq != b.opt_start_seq) return "start sequence";
  if (a.opt_start_time != b.opt_start_time) return "start time";
  if (a.ack_policy != b.ack_policy) return "ack policy";
  if (a.replay_policy != b.replay_policy) return "replay policy";
  if (a.idle_heartbeat != b.idle_heartbeat) return "heart beats";
  if (a.flow_control != b.flow_control) return "flow control";
  return nullptr;
}

bool is_hidden(const ConsumerConfig& config) {
  return config.direct || config.sourcing;
}

// No other consumer of the work queue takes any of the filters.
bool is_unique(const ConsumerConfig& config, const std::vector<const ConsumerConfig*>& others) {
  const std::vector<std::string> filters = config.filters();
  for (const ConsumerConfig* other : others) {
    if (other->name == config.name || is_hidden(*other)) continue;
    const std::vector<std::string> taken = other->filters();
    if (taken.empty() && !filters.empty()) return false;
    for (const std::string& filter : filters) {
      for (const std::string& theirs : taken) {
        if (subject::subjects_collide(filter, theirs)) return false;
      }
    }
  }
  return true;
}

}  // namespace

ApiStatus check_consumer_update(const ConsumerConfig& current, const ConsumerConfig& next) {
  if (const char* fixed = find_fixed(current, next)) {
    return api_error(ApiErrc::kConsumerCreate, std::string(fixed) + " can not be updated");
  }
  if (current.is_push() != next.is_push()) {
    return api_error(ApiErrc::kConsumerCreate, current.is_push()
                                                   ? "can not update push consumer to pull based"
                                                   : "can not update pull consumer to push based");
  }
  if (current.max_waiting != next.max_waiting) {
    return api_error(ApiErrc::kConsumerCreate, "max waiting can not be updated");
  }
  return {};
}

void set_ephemeral_threshold(ConsumerConfig& config) {
  constexpr Duration kDefault = Duration::seconds(5);
  if (!config.is_durable() && config.inactive_threshold.ns <= 0) {
    config.inactive_threshold = kDefault;
  }
}

ApiResult<ConsumerOutcome> decide_consumer(ConsumerAction action, const ConsumerConfig* current,
                                           const ConsumerConfig& /*request*/,
                                           const ConsumerConfig& next) {
  if (current == nullptr) {
    if (action == ConsumerAction::kUpdate) return api_error(ApiErrc::kConsumerDoesNotExist);
    return ConsumerOutcome::kCreate;
  }
  ConsumerConfig wanted = next;
  remove_server_metadata(wanted.metadata);
  wanted.metadata.erase(kLevelKey);
  if (const auto level = current->metadata.find(kLevelKey); level != current->metadata.end()) {
    wanted.metadata.insert(*level);
  }
  if (wanted == *current) return ConsumerOutcome::kUnchanged;
  if (action == ConsumerAction::kCreate) return api_error(ApiErrc::kConsumerAlreadyExists);
  return ConsumerOutcome::kUpdate;
}

ApiStatus check_workqueue(const ConsumerConfig& config, const StreamConfig& stream,
                          const std::vector<const ConsumerConfig*>& others) {
  if (stream.retention != Retention::kWorkQueue) return {};
  bool exists = false;
  bool has_others = false;
  for (const ConsumerConfig* other : others) {
    exists = exists || other->name == config.name;
    has_others = has_others || !is_hidden(*other);
  }
  if (exists) {
    if (is_unique(config, others)) return {};
    return api_error(ApiErrc::kConsumerWQConsumerNotUnique);
  }
  if (is_hidden(config)) return {};
  if (config.ack_policy != AckPolicy::kExplicit && config.ack_policy != AckPolicy::kFlowControl) {
    return api_error(ApiErrc::kConsumerWQRequiresExplicitAck);
  }
  if (config.deliver_policy != DeliverPolicy::kAll) {
    return api_error(ApiErrc::kConsumerWQConsumerNotDeliverAll);
  }
  if (!has_others) return {};
  if (config.filters().empty()) return api_error(ApiErrc::kConsumerWQMultipleUnfiltered);
  if (!is_unique(config, others)) return api_error(ApiErrc::kConsumerWQConsumerNotUnique);
  return {};
}

}  // namespace petrel::jetstream
