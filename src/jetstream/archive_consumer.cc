#include "jetstream/archive_consumer.h"

#include "jetstream/config_fields.h"
#include "jetstream/config_writer.h"
#include "jetstream/go_atoi.h"
#include "jetstream/json_writer.h"
#include "jetstream/varint.h"

namespace petrel::jetstream {

namespace {

constexpr uint64_t kStateMagic = 22;

struct StateBody {
  SequenceView delivered = {};
  SequenceView ack_floor = {};
  std::map<uint64_t, ArchivedPending> pending = {};
  std::map<uint64_t, uint64_t> redelivered = {};
};
struct ConsumerBody {
  std::optional<ConsumerConfig> config = {};
  std::optional<StateBody> state = {};
};
struct PendingBody {
  uint64_t sequence = 0;
  int64_t timestamp = 0;
};

constexpr Field<SequenceView> kSequenceFields[] = {
    {"consumer_seq", {"uint64"}, read_field<&SequenceView::consumer_seq>},
    {"stream_seq", {"uint64"}, read_field<&SequenceView::stream_seq>},
};
constexpr Field<PendingBody> kPendingFields[] = {
    {"sequence", {"uint64"}, read_field<&PendingBody::sequence>},
    {"timestamp", {"int64"}, read_field<&PendingBody::timestamp>},
};

template <auto Member>
void read_sequence(JsonDecoder& decoder, StateBody& body, Slice value, GoType type) {
  decoder.read_object<SequenceView>(body.*Member, value, type, kSequenceFields);
}

// Calls `read` for every member whose key is a sequence.
template <typename Read>
void read_sequence_map(JsonDecoder& decoder, Slice value, GoType type, const Read& read) {
  if (proto::json::is_null(value)) return;
  if (!proto::json::is_object(value)) return decoder.save_type_error(value, type);
  for (proto::json::Walker walker(value); walker.next();) {
    const std::optional<int64_t> sequence = go_atoi(walker.name());
    if (!sequence || *sequence < 0) return decoder.save_type_error(value, type);
    read(static_cast<uint64_t>(*sequence), walker.value());
  }
}

void read_pending(JsonDecoder& decoder, StateBody& body, Slice value, GoType type) {
  read_sequence_map(decoder, value, type, [&](uint64_t sequence, Slice member) {
    PendingBody pending;
    decoder.read_object<PendingBody>(pending, member, {"server.Pending"}, kPendingFields);
    body.pending[sequence] = {pending.sequence, {pending.timestamp}};
  });
}
void read_redelivered(JsonDecoder& decoder, StateBody& body, Slice value, GoType type) {
  read_sequence_map(decoder, value, type, [&](uint64_t sequence, Slice member) {
    decoder.read(body.redelivered[sequence], member, {"uint64"});
  });
}

constexpr Field<StateBody> kStateFields[] = {
    {"delivered", {"server.SequencePair"}, read_sequence<&StateBody::delivered>},
    {"ack_floor", {"server.SequencePair"}, read_sequence<&StateBody::ack_floor>},
    {"pending", {"map[uint64]*server.Pending"}, read_pending},
    {"redelivered", {"map[uint64]uint64"}, read_redelivered},
};

void read_config(JsonDecoder& decoder, ConsumerBody& body, Slice value, GoType type) {
  decoder.read_object(body.config, value, type, consumer_config_fields());
}
void read_state(JsonDecoder& decoder, ConsumerBody& body, Slice value, GoType type) {
  decoder.read_object<StateBody>(body.state, value, type, kStateFields);
}
constexpr Field<ConsumerBody> kConsumerFields[] = {
    {"config", {"*server.ConsumerConfig"}, read_config},
    {"state", {"*server.ConsumerState"}, read_state},
};

void write_sequence(JsonWriter& writer, Slice name, const SequenceView& sequence) {
  writer.key(name);
  writer.begin_object();
  writer.unsigned_number("consumer_seq", sequence.consumer_seq);
  writer.unsigned_number("stream_seq", sequence.stream_seq);
  writer.end_object();
}

void write_maps(JsonWriter& writer, const ArchivedConsumer& consumer) {
  if (!consumer.pending.empty()) {
    writer.key("pending");
    writer.begin_object();
    for (const auto& [sequence, pending] : consumer.pending) {
      writer.key(std::to_string(sequence));
      writer.begin_object();
      writer.unsigned_number("Sequence", pending.consumer_seq);
      writer.number("Timestamp", pending.time.ns);
      writer.end_object();
    }
    writer.end_object();
  }
  if (consumer.redelivered.empty()) return;
  writer.key("redelivered");
  writer.begin_object();
  for (const auto& [sequence, count] : consumer.redelivered) {
    writer.member(std::to_string(sequence), count);
  }
  writer.end_object();
}

// The pending messages of a state file; times are whole seconds before a base.
void read_pending_entries(GoVarintReader& reader, uint64_t version, ArchivedConsumer& consumer) {
  constexpr int64_t kSecond = 1'000'000'000;
  uint64_t count = reader.uvarint();
  if (count == 0) return;
  const int64_t base = reader.varint();
  for (; count > 0 && reader.is_ok(); --count) {
    const uint64_t sequence = reader.uvarint() + consumer.ack_floor.stream_seq;
    const uint64_t delivery = version == 1 ? 0 : reader.uvarint() + consumer.ack_floor.consumer_seq;
    const int64_t seconds = version == 1 ? base + reader.varint() : base - reader.varint();
    if (reader.is_ok()) consumer.pending[sequence] = {delivery, {seconds * kSecond}};
  }
}

}  // namespace

std::string archived_consumer_json(const ArchivedConsumer& consumer) {
  ConsumerConfig config = consumer.config;
  config.name = consumer.name;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("config");
  write_consumer_config(writer, config);
  writer.key("state");
  writer.begin_object();
  write_sequence(writer, "delivered", consumer.delivered);
  write_sequence(writer, "ack_floor", consumer.ack_floor);
  write_maps(writer, consumer);
  writer.end_object();
  writer.end_object();
  return out;
}

Status read_archived_consumer(Slice json, ArchivedConsumer& consumer) {
  ConsumerBody body;
  const std::string error = read_json<ConsumerBody>(
      json, JsonMode::kPlain, {"server.SnapshotConsumerState"}, body, kConsumerFields);
  const std::string name = "consumer \"" + consumer.name + "\"";
  if (!error.empty()) return Error{Errc::kCorrupt, "failed to decode " + name + " state: " + error};
  if (!body.config) return Error{Errc::kCorrupt, name + " is missing config"};
  if (!body.state) return Error{Errc::kCorrupt, name + " is missing state"};
  consumer.config = *std::move(body.config);
  consumer.delivered = body.state->delivered;
  consumer.ack_floor = body.state->ack_floor;
  consumer.pending = std::move(body.state->pending);
  consumer.redelivered = std::move(body.state->redelivered);
  return {};
}

Status read_consumer_state_file(Slice bytes, ArchivedConsumer& consumer) {
  const Error damaged{Errc::kCorrupt, "consumer \"" + consumer.name + "\" has a corrupt state"};
  GoVarintReader reader(bytes);
  const uint64_t magic = reader.uvarint();
  const uint64_t version = reader.uvarint();
  if (magic != kStateMagic || (version != 1 && version != 2)) return damaged;
  consumer.ack_floor.consumer_seq = reader.uvarint();
  consumer.ack_floor.stream_seq = reader.uvarint();
  consumer.delivered.consumer_seq = reader.uvarint();
  consumer.delivered.stream_seq = reader.uvarint();
  if (version == 1) {
    // Deliveries are counted from the floor on.
    const auto add_floor = [](uint64_t& delivered, uint64_t floor) {
      if (floor > 1) delivered += floor - 1;
    };
    add_floor(consumer.delivered.consumer_seq, consumer.ack_floor.consumer_seq);
    add_floor(consumer.delivered.stream_seq, consumer.ack_floor.stream_seq);
  }
  read_pending_entries(reader, version, consumer);
  for (uint64_t count = reader.uvarint(); count > 0 && reader.is_ok(); --count) {
    const uint64_t sequence = reader.uvarint() + consumer.ack_floor.stream_seq;
    const uint64_t deliveries = reader.uvarint();
    if (reader.is_ok()) consumer.redelivered[sequence] = deliveries;
  }
  return reader.is_ok() ? Status::ok() : Status(damaged);
}

}  // namespace petrel::jetstream
