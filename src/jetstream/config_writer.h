// Writes configurations and states as members of larger JSON texts.
#pragma once

#include "jetstream/json_writer.h"

#include "petrel/jetstream/api_json.h"

namespace petrel::jetstream {

void write_stream_config(JsonWriter& writer, const StreamConfig& config);
void write_consumer_config(JsonWriter& writer, const ConsumerConfig& config);
void write_stream_state(JsonWriter& writer, const StreamStateView& state);
void write_transforms_if(JsonWriter& writer, const std::vector<SubjectTransformConfig>& transforms);
void write_external(JsonWriter& writer, const ExternalStream& external);

}  // namespace petrel::jetstream
