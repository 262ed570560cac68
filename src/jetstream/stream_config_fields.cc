#include "jetstream/config_fields.h"
#include "jetstream/json_enum.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace petrel::jetstream {

namespace {

constexpr EnumText<Retention> kRetentions[] = {{"\"limits\"", Retention::kLimits},
                                               {"\"interest\"", Retention::kInterest},
                                               {"\"workqueue\"", Retention::kWorkQueue}};
constexpr EnumText<Discard> kDiscards[] = {{"\"old\"", Discard::kOld}, {"\"new\"", Discard::kNew}};
constexpr EnumText<StorageType> kStorages[] = {{"\"memory\"", StorageType::kMemory},
                                               {"\"file\"", StorageType::kFile}};
constexpr EnumText<PersistMode> kPersistModes[] = {{"\"default\"", PersistMode::kDefault},
                                                   {"\"\"", PersistMode::kDefault},
                                                   {"\"async\"", PersistMode::kAsync}};

void read_retention(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType /*type*/) {
  read_enum<Retention>(decoder, config.retention, value, kRetentions);
}

// Letters of any case; the text of a refusal shows them as they came.
void read_discard(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType /*type*/) {
  std::string lower(value);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (find_enum<Discard>(lower, kDiscards, config.discard)) return;
  read_enum<Discard>(decoder, config.discard, value, kDiscards);
}

void read_storage(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType /*type*/) {
  read_enum<StorageType>(decoder, config.storage, value, kStorages);
}

void read_persist_mode(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType /*type*/) {
  read_enum<PersistMode>(decoder, config.persist_mode, value, kPersistModes);
}

void read_compression(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType /*type*/) {
  std::string text;
  if (!proto::json::read_string(value, text)) {
    decoder.fail(decoder.type_error(value, GoType{"string"}));
  } else if (text == "s2") {
    config.compression = Compression::kS2;
  } else if (text == "none") {
    config.compression = Compression::kNone;
  } else {
    decoder.fail("unknown compression algorithm");
  }
}

constexpr Field<Placement> kPlacementFields[] = {
    {"cluster", {"string"}, read_field<&Placement::cluster>},
    {"tags", {"[]string"}, read_field<&Placement::tags>},
    {"preferred", {"string"}, read_field<&Placement::preferred>},
};

constexpr Field<SubjectTransformConfig> kTransformFields[] = {
    {"src", {"string"}, read_field<&SubjectTransformConfig::src>},
    {"dest", {"string"}, read_field<&SubjectTransformConfig::dest>},
};
constexpr GoType kTransformType{"server.SubjectTransformConfig"};

constexpr Field<RePublish> kRePublishFields[] = {
    {"src", {"string"}, read_field<&RePublish::src>},
    {"dest", {"string"}, read_field<&RePublish::dest>},
    {"headers_only", {"bool"}, read_field<&RePublish::headers_only>},
};

constexpr Field<StreamConsumerLimits> kLimitFields[] = {
    {"inactive_threshold",
     {"time.Duration"},
     read_field<&StreamConsumerLimits::inactive_threshold>},
    {"max_ack_pending", {"int"}, read_field<&StreamConsumerLimits::max_ack_pending>},
};

constexpr Field<ExternalStream> kExternalFields[] = {
    {"api", {"string"}, read_field<&ExternalStream::api>},
    {"deliver", {"string"}, read_field<&ExternalStream::deliver>},
};

constexpr Field<StreamConsumerSource> kSourceConsumerFields[] = {
    {"name", {"string"}, read_field<&StreamConsumerSource::name>},
    {"deliver_subject", {"string"}, read_field<&StreamConsumerSource::deliver_subject>},
};

void read_source_transforms(JsonDecoder& decoder, StreamSource& source, Slice value, GoType type) {
  decoder.read_objects<SubjectTransformConfig>(source.subject_transforms, value, type,
                                               kTransformType, kTransformFields);
}
void read_external(JsonDecoder& decoder, StreamSource& source, Slice value, GoType type) {
  decoder.read_object<ExternalStream>(source.external, value, type, kExternalFields);
}
void read_source_consumer(JsonDecoder& decoder, StreamSource& source, Slice value, GoType type) {
  decoder.read_object<StreamConsumerSource>(source.consumer, value, type, kSourceConsumerFields);
}

constexpr Field<StreamSource> kSourceFields[] = {
    {"name", {"string"}, read_field<&StreamSource::name>},
    {"opt_start_seq", {"uint64"}, read_field<&StreamSource::opt_start_seq>},
    {"opt_start_time", {"*time.Time"}, read_field<&StreamSource::opt_start_time>},
    {"filter_subject", {"string"}, read_field<&StreamSource::filter_subject>},
    {"subject_transforms", {"[]server.SubjectTransformConfig"}, read_source_transforms},
    {"external", {"*server.ExternalStream"}, read_external},
    {"consumer", {"*server.StreamConsumerSource"}, read_source_consumer},
};
constexpr GoType kSourceType{"*server.StreamSource"};

void read_placement(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType type) {
  decoder.read_object<Placement>(config.placement, value, type, kPlacementFields);
}
void read_mirror(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType type) {
  decoder.read_object<StreamSource>(config.mirror, value, type, kSourceFields);
}
void read_sources(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType type) {
  decoder.read_objects<StreamSource>(config.sources, value, type, kSourceType, kSourceFields);
}
void read_transform(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType type) {
  decoder.read_object<SubjectTransformConfig>(config.subject_transform, value, type,
                                              kTransformFields);
}
void read_republish(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType type) {
  decoder.read_object<RePublish>(config.republish, value, type, kRePublishFields);
}
void read_consumer_limits(JsonDecoder& decoder, StreamConfig& config, Slice value, GoType type) {
  decoder.read_object<StreamConsumerLimits>(config.consumer_limits, value, type, kLimitFields);
}

StreamConfig& whole(StreamConfig& config) {
  return config;
}
StreamConfig& part(StreamConfigRequest& request) {
  return request.config;
}

// A member of the configuration inside T, a function over it.
template <typename T, auto Config, auto Member>
void via(JsonDecoder& decoder, T& target, Slice value, GoType type) {
  decoder.read(Config(target).*Member, value, type);
}
template <typename T, auto Config, auto Function>
void by(JsonDecoder& decoder, T& target, Slice value, GoType type) {
  Function(decoder, Config(target), value, type);
}

constexpr size_t kStreamConfigFields = 38;

template <typename T, auto C>
constexpr std::array<Field<T>, kStreamConfigFields> config_table(Slice in) {
  using S = StreamConfig;
  return {{
      {"name", {"string"}, via<T, C, &S::name>, in},
      {"description", {"string"}, via<T, C, &S::description>, in},
      {"subjects", {"[]string"}, via<T, C, &S::subjects>, in},
      {"retention", {"server.RetentionPolicy"}, by<T, C, read_retention>, in},
      {"max_consumers", {"int"}, via<T, C, &S::max_consumers>, in},
      {"max_msgs", {"int64"}, via<T, C, &S::max_msgs>, in},
      {"max_bytes", {"int64"}, via<T, C, &S::max_bytes>, in},
      {"max_age", {"time.Duration"}, via<T, C, &S::max_age>, in},
      {"max_msgs_per_subject", {"int64"}, via<T, C, &S::max_msgs_per_subject>, in},
      {"max_msg_size", {"int32"}, via<T, C, &S::max_msg_size>, in},
      {"discard", {"server.DiscardPolicy"}, by<T, C, read_discard>, in},
      {"storage", {"server.StorageType"}, by<T, C, read_storage>, in},
      {"num_replicas", {"int"}, via<T, C, &S::num_replicas>, in},
      {"no_ack", {"bool"}, via<T, C, &S::no_ack>, in},
      {"duplicate_window", {"time.Duration"}, via<T, C, &S::duplicate_window>, in},
      {"placement", kPlacementType, by<T, C, read_placement>, in},
      {"mirror", kSourceType, by<T, C, read_mirror>, in},
      {"sources", {"[]*server.StreamSource"}, by<T, C, read_sources>, in},
      {"compression", {"server.StoreCompression"}, by<T, C, read_compression>, in},
      {"first_seq", {"uint64"}, via<T, C, &S::first_seq>, in},
      {"subject_transform", {"*server.SubjectTransformConfig"}, by<T, C, read_transform>, in},
      {"republish", {"*server.RePublish"}, by<T, C, read_republish>, in},
      {"allow_direct", {"bool"}, via<T, C, &S::allow_direct>, in},
      {"mirror_direct", {"bool"}, via<T, C, &S::mirror_direct>, in},
      {"discard_new_per_subject", {"bool"}, via<T, C, &S::discard_new_per_subject>, in},
      {"sealed", {"bool"}, via<T, C, &S::sealed>, in},
      {"deny_delete", {"bool"}, via<T, C, &S::deny_delete>, in},
      {"deny_purge", {"bool"}, via<T, C, &S::deny_purge>, in},
      {"allow_rollup_hdrs", {"bool"}, via<T, C, &S::allow_rollup_hdrs>, in},
      {"consumer_limits", {"server.StreamConsumerLimits"}, by<T, C, read_consumer_limits>, in},
      {"allow_msg_ttl", {"bool"}, via<T, C, &S::allow_msg_ttl>, in},
      {"subject_delete_marker_ttl",
       {"time.Duration"},
       via<T, C, &S::subject_delete_marker_ttl>,
       in},
      {"allow_msg_counter", {"bool"}, via<T, C, &S::allow_msg_counter>, in},
      {"allow_atomic", {"bool"}, via<T, C, &S::allow_atomic>, in},
      {"allow_msg_schedules", {"bool"}, via<T, C, &S::allow_msg_schedules>, in},
      {"persist_mode", {"server.PersistModeType"}, by<T, C, read_persist_mode>, in},
      {"allow_batched", {"bool"}, via<T, C, &S::allow_batched>, in},
      {"metadata", {"map[string]string"}, via<T, C, &S::metadata>, in},
  }};
}

void read_subject_counts(JsonDecoder& decoder, StreamStateView& state, Slice value, GoType type) {
  state.subjects.clear();
  if (proto::json::is_null(value)) return;
  if (!proto::json::is_object(value)) {
    decoder.save_type_error(value, type);
    return;
  }
  for (proto::json::Walker walker(value); walker.next();) {
    uint64_t count = 0;
    decoder.read(count, walker.value(), GoType{"uint64"});
    state.subjects.emplace_back(walker.name(), count);
  }
}

constexpr Field<LostMessages> kLostFields[] = {
    {"msgs", {"[]uint64"}, read_field<&LostMessages::msgs>},
    {"bytes", {"uint64"}, read_field<&LostMessages::bytes>},
};

void read_lost(JsonDecoder& decoder, StreamStateView& state, Slice value, GoType type) {
  decoder.read_object<LostMessages>(state.lost, value, type, kLostFields);
}

// Go's int, kept without a sign: what is negative counts as none.
template <auto Member>
void read_count(JsonDecoder& decoder, StreamStateView& state, Slice value, GoType type) {
  int64_t count = 0;
  decoder.read(count, value, type);
  state.*Member = static_cast<uint64_t>(std::max<int64_t>(count, 0));
}

constexpr Field<StreamStateView> kStateFields[] = {
    {"messages", {"uint64"}, read_field<&StreamStateView::messages>},
    {"bytes", {"uint64"}, read_field<&StreamStateView::bytes>},
    {"first_seq", {"uint64"}, read_field<&StreamStateView::first_seq>},
    {"first_ts", {"time.Time"}, read_field<&StreamStateView::first_ts>},
    {"last_seq", {"uint64"}, read_field<&StreamStateView::last_seq>},
    {"last_ts", {"time.Time"}, read_field<&StreamStateView::last_ts>},
    {"num_subjects", {"int"}, read_count<&StreamStateView::num_subjects>},
    {"subjects", {"map[string]uint64"}, read_subject_counts},
    {"num_deleted", {"int"}, read_count<&StreamStateView::num_deleted>},
    {"deleted", {"[]uint64"}, read_field<&StreamStateView::deleted>},
    {"lost", {"*server.LostStreamData"}, read_lost},
    {"consumer_count", {"int"}, read_count<&StreamStateView::consumer_count>},
};

}  // namespace

std::span<const Field<StreamConfig>> stream_config_fields() {
  static constexpr auto kFields = config_table<StreamConfig, whole>({});
  return kFields;
}

std::span<const Field<StreamConfigRequest>> stream_request_fields() {
  static constexpr auto kFields = [] {
    std::array<Field<StreamConfigRequest>, kStreamConfigFields + 1> fields{};
    const auto config = config_table<StreamConfigRequest, part>("StreamConfig");
    std::copy(config.begin(), config.end(), fields.begin());
    fields.back() = {"pedantic", {"bool"}, read_field<&StreamConfigRequest::pedantic>};
    return fields;
  }();
  return kFields;
}

std::span<const Field<Placement>> placement_fields() {
  return kPlacementFields;
}

std::span<const Field<StreamStateView>> stream_state_fields() {
  return kStateFields;
}

}  // namespace petrel::jetstream
