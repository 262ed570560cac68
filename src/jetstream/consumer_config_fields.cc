#include "jetstream/config_fields.h"
#include "jetstream/json_enum.h"

namespace petrel::jetstream {

namespace {

constexpr EnumText<DeliverPolicy> kDeliverPolicies[] = {
    {"\"all\"", DeliverPolicy::kAll},
    {"\"undefined\"", DeliverPolicy::kAll},
    {"\"last\"", DeliverPolicy::kLast},
    {"\"last_per_subject\"", DeliverPolicy::kLastPerSubject},
    {"\"new\"", DeliverPolicy::kNew},
    {"\"by_start_sequence\"", DeliverPolicy::kByStartSequence},
    {"\"by_start_time\"", DeliverPolicy::kByStartTime}};
constexpr EnumText<AckPolicy> kAckPolicies[] = {{"\"none\"", AckPolicy::kNone},
                                                {"\"all\"", AckPolicy::kAll},
                                                {"\"explicit\"", AckPolicy::kExplicit},
                                                {"\"flow_control\"", AckPolicy::kFlowControl}};
constexpr EnumText<ReplayPolicy> kReplayPolicies[] = {{"\"instant\"", ReplayPolicy::kInstant},
                                                      {"\"original\"", ReplayPolicy::kOriginal}};
constexpr EnumText<PriorityPolicy> kPriorityPolicies[] = {
    {"\"overflow\"", PriorityPolicy::kOverflow},
    {"\"pinned_client\"", PriorityPolicy::kPinnedClient},
    {"\"prioritized\"", PriorityPolicy::kPrioritized},
    {"\"none\"", PriorityPolicy::kNone}};

void read_deliver_policy(JsonDecoder& decoder, ConsumerConfig& config, Slice value, GoType) {
  read_enum<DeliverPolicy>(decoder, config.deliver_policy, value, kDeliverPolicies);
}
void read_ack_policy(JsonDecoder& decoder, ConsumerConfig& config, Slice value, GoType) {
  read_enum<AckPolicy>(decoder, config.ack_policy, value, kAckPolicies);
}
void read_replay_policy(JsonDecoder& decoder, ConsumerConfig& config, Slice value, GoType) {
  read_enum<ReplayPolicy>(decoder, config.replay_policy, value, kReplayPolicies);
}
void read_priority_policy(JsonDecoder& decoder, ConsumerConfig& config, Slice value, GoType) {
  read_named_enum<PriorityPolicy>(decoder, config.priority_policy, value, kPriorityPolicies,
                                  "unknown priority policy: ");
}

void read_dead_letter(JsonDecoder& decoder, ConsumerConfig& config, Slice value, GoType type) {
  std::string subject;
  decoder.read(subject, value, type);
  if (!subject.empty()) config.metadata[std::string(kDeadLetterKey)] = std::move(subject);
}
void read_ack_pending_per_subject(JsonDecoder& decoder, ConsumerConfig& config, Slice value,
                                  GoType type) {
  int64_t most = 0;
  decoder.read(most, value, type);
  if (most != 0) config.metadata[std::string(kMaxAckPendingPerSubjectKey)] = std::to_string(most);
}

using C = ConsumerConfig;

constexpr Field<ConsumerConfig> kFields[] = {
    {"durable_name", {"string"}, read_field<&C::durable_name>},
    {"name", {"string"}, read_field<&C::name>},
    {"description", {"string"}, read_field<&C::description>},
    {"deliver_policy", {"server.DeliverPolicy"}, read_deliver_policy},
    {"opt_start_seq", {"uint64"}, read_field<&C::opt_start_seq>},
    {"opt_start_time", {"*time.Time"}, read_field<&C::opt_start_time>},
    {"ack_policy", {"server.AckPolicy"}, read_ack_policy},
    {"ack_wait", {"time.Duration"}, read_field<&C::ack_wait>},
    {"max_deliver", {"int"}, read_field<&C::max_deliver>},
    {"backoff", {"[]time.Duration"}, read_field<&C::backoff>},
    {"filter_subject", {"string"}, read_field<&C::filter_subject>},
    {"filter_subjects", {"[]string"}, read_field<&C::filter_subjects>},
    {"replay_policy", {"server.ReplayPolicy"}, read_replay_policy},
    {"rate_limit_bps", {"uint64"}, read_field<&C::rate_limit_bps>},
    {"sample_freq", {"string"}, read_field<&C::sample_freq>},
    {"max_waiting", {"int"}, read_field<&C::max_waiting>},
    {"max_ack_pending", {"int"}, read_field<&C::max_ack_pending>},
    {"flow_control", {"bool"}, read_field<&C::flow_control>},
    {"headers_only", {"bool"}, read_field<&C::headers_only>},
    {"max_batch", {"int"}, read_field<&C::max_batch>},
    {"max_expires", {"time.Duration"}, read_field<&C::max_expires>},
    {"max_bytes", {"int"}, read_field<&C::max_bytes>},
    {"deliver_subject", {"string"}, read_field<&C::deliver_subject>},
    {"deliver_group", {"string"}, read_field<&C::deliver_group>},
    {"idle_heartbeat", {"time.Duration"}, read_field<&C::idle_heartbeat>},
    {"inactive_threshold", {"time.Duration"}, read_field<&C::inactive_threshold>},
    {"num_replicas", {"int"}, read_field<&C::num_replicas>},
    {"mem_storage", {"bool"}, read_field<&C::mem_storage>},
    {"direct", {"bool"}, read_field<&C::direct>},
    {"sourcing", {"bool"}, read_field<&C::sourcing>},
    {"metadata", {"map[string]string"}, read_field<&C::metadata>},
    {"pause_until", {"*time.Time"}, read_field<&C::pause_until>},
    {"priority_groups", {"[]string"}, read_field<&C::priority_groups>},
    {"priority_policy", {"server.PriorityPolicy"}, read_priority_policy},
    {"priority_timeout", {"time.Duration"}, read_field<&C::priority_timeout>},
    {"dead_letter", {"string"}, read_dead_letter},
    {"max_ack_pending_per_subject", {"int"}, read_ack_pending_per_subject},
};

}  // namespace

std::span<const Field<ConsumerConfig>> consumer_config_fields() {
  return kFields;
}

}  // namespace petrel::jetstream
