// The fields of configurations for the JSON decoder, for requests and for what is stored.
#pragma once

#include "petrel/jetstream/api_requests.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/json_decoder.h"
#include "petrel/jetstream/stream_config.h"

#include <span>

namespace petrel::jetstream {

std::span<const Field<StreamConfig>> stream_config_fields();
// With the fields of the embedded StreamConfig.
std::span<const Field<StreamConfigRequest>> stream_request_fields();
std::span<const Field<ConsumerConfig>> consumer_config_fields();
std::span<const Field<Placement>> placement_fields();
std::span<const Field<StreamStateView>> stream_state_fields();

inline constexpr GoType kStreamConfigType{"server.StreamConfig"};
inline constexpr GoType kConsumerConfigType{"server.ConsumerConfig"};
inline constexpr GoType kPlacementType{"*server.Placement"};

// Fields of Petrel in the configuration of a consumer (of a stream: priority), kept as metadata.
inline constexpr Slice kPriorityKey = "petrel.priority";
inline constexpr Slice kDeadLetterKey = "petrel.dead_letter";
inline constexpr Slice kMaxAckPendingPerSubjectKey = "petrel.max_ack_pending_per_subject";

}  // namespace petrel::jetstream
