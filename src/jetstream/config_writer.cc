#include "jetstream/config_writer.h"

#include "jetstream/json_time.h"

namespace petrel::jetstream {

namespace {

Slice text_of(Retention retention) {
  constexpr Slice kTexts[] = {"limits", "interest", "workqueue"};
  return kTexts[static_cast<size_t>(retention)];
}
Slice text_of(DeliverPolicy policy) {
  constexpr Slice kTexts[] = {
      "all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"};
  return kTexts[static_cast<size_t>(policy)];
}
Slice text_of(AckPolicy policy) {
  constexpr Slice kTexts[] = {"none", "all", "explicit", "flow_control"};
  return kTexts[static_cast<size_t>(policy)];
}
Slice text_of(PriorityPolicy policy) {
  constexpr Slice kTexts[] = {"none", "overflow", "pinned_client", "prioritized"};
  return kTexts[static_cast<size_t>(policy)];
}

void write_transform(JsonWriter& writer, const SubjectTransformConfig& transform) {
  writer.begin_object();
  writer.text("src", transform.src);
  writer.text("dest", transform.dest);
  writer.end_object();
}

void write_placement(JsonWriter& writer, const Placement& placement) {
  writer.begin_object();
  writer.text_if("cluster", placement.cluster);
  writer.texts_if("tags", placement.tags);
  writer.text_if("preferred", placement.preferred);
  writer.end_object();
}

void write_source(JsonWriter& writer, const StreamSource& source) {
  writer.begin_object();
  writer.text("name", source.name);
  writer.unsigned_if("opt_start_seq", source.opt_start_seq);
  if (source.opt_start_time) {
    writer.key("opt_start_time");
    writer.time(*source.opt_start_time);
  }
  writer.text_if("filter_subject", source.filter_subject);
  write_transforms_if(writer, source.subject_transforms);
  if (source.external) {
    writer.key("external");
    write_external(writer, *source.external);
  }
  if (source.consumer) {
    writer.key("consumer");
    writer.begin_object();
    writer.text_if("name", source.consumer->name);
    writer.text_if("deliver_subject", source.consumer->deliver_subject);
    writer.end_object();
  }
  writer.end_object();
}

void write_republish(JsonWriter& writer, const RePublish& republish) {
  writer.begin_object();
  writer.text_if("src", republish.src);
  writer.text("dest", republish.dest);
  writer.boolean_if("headers_only", republish.headers_only);
  writer.end_object();
}

void write_origins(JsonWriter& writer, const StreamConfig& config) {
  if (config.placement) {
    writer.key("placement");
    write_placement(writer, *config.placement);
  }
  if (config.mirror) {
    writer.key("mirror");
    write_source(writer, *config.mirror);
  }
  if (!config.sources.empty()) {
    writer.key("sources");
    writer.begin_array();
    for (const StreamSource& source : config.sources) {
      writer.element();
      write_source(writer, source);
    }
    writer.end_array();
  }
}

void write_transformations(JsonWriter& writer, const StreamConfig& config) {
  if (config.subject_transform) {
    writer.key("subject_transform");
    write_transform(writer, *config.subject_transform);
  }
  if (config.republish) {
    writer.key("republish");
    write_republish(writer, *config.republish);
  }
}

void write_permissions(JsonWriter& writer, const StreamConfig& config) {
  writer.boolean("allow_direct", config.allow_direct);
  writer.boolean("mirror_direct", config.mirror_direct);
  writer.boolean_if("discard_new_per_subject", config.discard_new_per_subject);
  writer.boolean("sealed", config.sealed);
  writer.boolean("deny_delete", config.deny_delete);
  writer.boolean("deny_purge", config.deny_purge);
  writer.boolean("allow_rollup_hdrs", config.allow_rollup_hdrs);
  writer.key("consumer_limits");
  writer.begin_object();
  writer.number_if("inactive_threshold", config.consumer_limits.inactive_threshold.ns);
  writer.number_if("max_ack_pending", config.consumer_limits.max_ack_pending);
  writer.end_object();
  writer.boolean("allow_msg_ttl", config.allow_msg_ttl);
  writer.number_if("subject_delete_marker_ttl", config.subject_delete_marker_ttl.ns);
  writer.boolean_if("allow_msg_counter", config.allow_msg_counter);
  writer.boolean_if("allow_atomic", config.allow_atomic);
  writer.boolean_if("allow_msg_schedules", config.allow_msg_schedules);
  if (config.persist_mode == PersistMode::kAsync) writer.text("persist_mode", "async");
  writer.boolean_if("allow_batched", config.allow_batched);
}

void write_delivery(JsonWriter& writer, const ConsumerConfig& config) {
  writer.text("deliver_policy", text_of(config.deliver_policy));
  writer.unsigned_if("opt_start_seq", config.opt_start_seq);
  if (config.opt_start_time) {
    writer.key("opt_start_time");
    writer.time(*config.opt_start_time);
  }
  writer.text("ack_policy", text_of(config.ack_policy));
  writer.number_if("ack_wait", config.ack_wait.ns);
  writer.number_if("max_deliver", config.max_deliver);
  if (!config.backoff.empty()) {
    writer.key("backoff");
    writer.begin_array();
    for (const Duration wait : config.backoff) {
      writer.element();
      writer.number(wait.ns);
    }
    writer.end_array();
  }
  writer.text_if("filter_subject", config.filter_subject);
  writer.texts_if("filter_subjects", config.filter_subjects);
  writer.text("replay_policy",
              config.replay_policy == ReplayPolicy::kInstant ? "instant" : "original");
}

void write_flow(JsonWriter& writer, const ConsumerConfig& config) {
  writer.unsigned_if("rate_limit_bps", config.rate_limit_bps);
  writer.text_if("sample_freq", config.sample_freq);
  writer.number_if("max_waiting", config.max_waiting);
  writer.number_if("max_ack_pending", config.max_ack_pending);
  writer.boolean_if("flow_control", config.flow_control);
  writer.boolean_if("headers_only", config.headers_only);
  writer.number_if("max_batch", config.max_batch);
  writer.number_if("max_expires", config.max_expires.ns);
  writer.number_if("max_bytes", config.max_bytes);
  writer.text_if("deliver_subject", config.deliver_subject);
  writer.text_if("deliver_group", config.deliver_group);
  writer.number_if("idle_heartbeat", config.idle_heartbeat.ns);
  writer.number_if("inactive_threshold", config.inactive_threshold.ns);
}

}  // namespace

void write_transforms_if(JsonWriter& writer,
                         const std::vector<SubjectTransformConfig>& transforms) {
  if (transforms.empty()) return;
  writer.key("subject_transforms");
  writer.begin_array();
  for (const SubjectTransformConfig& transform : transforms) {
    writer.element();
    write_transform(writer, transform);
  }
  writer.end_array();
}

void write_external(JsonWriter& writer, const ExternalStream& external) {
  writer.begin_object();
  writer.text("api", external.api);
  writer.text("deliver", external.deliver);
  writer.end_object();
}

void write_stream_config(JsonWriter& writer, const StreamConfig& config) {
  writer.begin_object();
  writer.text("name", config.name);
  writer.text_if("description", config.description);
  writer.texts_if("subjects", config.subjects);
  writer.text("retention", text_of(config.retention));
  writer.number("max_consumers", config.max_consumers);
  writer.number("max_msgs", config.max_msgs);
  writer.number("max_bytes", config.max_bytes);
  writer.number("max_age", config.max_age.ns);
  writer.number("max_msgs_per_subject", config.max_msgs_per_subject);
  writer.number_if("max_msg_size", config.max_msg_size);
  writer.text("discard", config.discard == Discard::kOld ? "old" : "new");
  writer.text("storage", config.storage == StorageType::kFile ? "file" : "memory");
  writer.number("num_replicas", config.num_replicas);
  writer.boolean_if("no_ack", config.no_ack);
  writer.number_if("duplicate_window", config.duplicate_window.ns);
  write_origins(writer, config);
  writer.text("compression", config.compression == Compression::kNone ? "none" : "s2");
  writer.unsigned_if("first_seq", config.first_seq);
  write_transformations(writer, config);
  write_permissions(writer, config);
  writer.map_if("metadata", config.metadata);
  writer.end_object();
}

void write_consumer_config(JsonWriter& writer, const ConsumerConfig& config) {
  writer.begin_object();
  writer.text_if("durable_name", config.durable_name);
  writer.text_if("name", config.name);
  writer.text_if("description", config.description);
  write_delivery(writer, config);
  write_flow(writer, config);
  writer.number("num_replicas", config.num_replicas);
  writer.boolean_if("mem_storage", config.mem_storage);
  writer.boolean_if("direct", config.direct);
  writer.boolean_if("sourcing", config.sourcing);
  writer.map_if("metadata", config.metadata);
  if (config.pause_until) {
    writer.key("pause_until");
    writer.time(*config.pause_until);
  }
  writer.texts_if("priority_groups", config.priority_groups);
  if (config.priority_policy != PriorityPolicy::kNone) {
    writer.text("priority_policy", text_of(config.priority_policy));
  }
  writer.number_if("priority_timeout", config.priority_timeout.ns);
  writer.end_object();
}

void write_stream_state(JsonWriter& writer, const StreamStateView& state) {
  writer.begin_object();
  writer.unsigned_number("messages", state.messages);
  writer.unsigned_number("bytes", state.bytes);
  writer.unsigned_number("first_seq", state.first_seq);
  writer.time_or_unset("first_ts", state.first_ts);
  writer.unsigned_number("last_seq", state.last_seq);
  writer.time_or_unset("last_ts", state.last_ts);
  writer.unsigned_if("num_subjects", state.num_subjects);
  if (!state.subjects.empty()) {
    writer.key("subjects");
    writer.begin_object();
    for (const auto& [subject, count] : state.subjects) writer.member(subject, count);
    writer.end_object();
  }
  writer.unsigned_if("num_deleted", state.num_deleted);
  writer.sequences_if("deleted", state.deleted);
  if (state.lost) {
    writer.key("lost");
    writer.begin_object();
    writer.sequences("msgs", state.lost->msgs);
    writer.unsigned_number("bytes", state.lost->bytes);
    writer.end_object();
  }
  writer.unsigned_number("consumer_count", state.consumer_count);
  writer.end_object();
}

std::string stream_config_json(const StreamConfig& config) {
  std::string out;
  JsonWriter writer(out);
  write_stream_config(writer, config);
  return out;
}

std::string consumer_config_json(const ConsumerConfig& config) {
  std::string out;
  JsonWriter writer(out);
  write_consumer_config(writer, config);
  return out;
}

std::string stream_state_json(const StreamStateView& state) {
  std::string out;
  JsonWriter writer(out);
  write_stream_state(writer, state);
  return out;
}

void append_time(std::string& out, WallTime time) {
  append_go_time(out, time.ns == 0 ? kTimeMin : time);
}

}  // namespace petrel::jetstream
