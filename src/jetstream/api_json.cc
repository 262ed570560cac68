#include "petrel/jetstream/api_json.h"

#include "jetstream/config_writer.h"
#include "jetstream/json_writer.h"

#include "petrel/base/go_json.h"
#include "petrel/base/go_quote.h"

#include <charconv>

namespace petrel::jetstream {

namespace {

struct KindRow {
  ApiKind kind;
  Slice type;
  Slice zeros = {};  // what a refusal holds besides the error
};

constexpr Slice kPageZeros = ",\"total\":0,\"offset\":0,\"limit\":0";

#define PETREL_API_TYPE(name) "io.nats.jetstream.api.v1." name "_response"
constexpr KindRow kKinds[] = {
    {ApiKind::kSystem, PETREL_API_TYPE("system")},
    {ApiKind::kAccountInfo, PETREL_API_TYPE("account_info")},
    {ApiKind::kStreamCreate, PETREL_API_TYPE("stream_create")},
    {ApiKind::kStreamUpdate, PETREL_API_TYPE("stream_update")},
    {ApiKind::kStreamInfo, PETREL_API_TYPE("stream_info"), kPageZeros},
    {ApiKind::kStreamNames, PETREL_API_TYPE("stream_names"),
     ",\"total\":0,\"offset\":0,\"limit\":0,\"streams\":null"},
    {ApiKind::kStreamList, PETREL_API_TYPE("stream_list"),
     ",\"total\":0,\"offset\":0,\"limit\":0,\"streams\":[]"},
    {ApiKind::kStreamDelete, PETREL_API_TYPE("stream_delete")},
    {ApiKind::kStreamPurge, PETREL_API_TYPE("stream_purge"), ",\"purged\":0"},
    {ApiKind::kStreamSnapshot, PETREL_API_TYPE("stream_snapshot")},
    {ApiKind::kStreamRestore, PETREL_API_TYPE("stream_restore"), ",\"deliver_subject\":\"\""},
    {ApiKind::kStreamMessageGet, PETREL_API_TYPE("stream_msg_get")},
    {ApiKind::kStreamMessageDelete, PETREL_API_TYPE("stream_msg_delete")},
    {ApiKind::kStreamLeaderStepDown, PETREL_API_TYPE("stream_leader_stepdown")},
    {ApiKind::kStreamRemovePeer, PETREL_API_TYPE("stream_remove_peer")},
    {ApiKind::kStreamEvacuatePeer, PETREL_API_TYPE("stream_evacuate_peer")},
    {ApiKind::kStreamCancelMove, PETREL_API_TYPE("stream_cancel_move")},
    {ApiKind::kConsumerCreate, PETREL_API_TYPE("consumer_create")},
    {ApiKind::kConsumerInfo, PETREL_API_TYPE("consumer_info")},
    {ApiKind::kConsumerNames, PETREL_API_TYPE("consumer_names"),
     ",\"total\":0,\"offset\":0,\"limit\":0,\"consumers\":[]"},
    {ApiKind::kConsumerList, PETREL_API_TYPE("consumer_list"),
     ",\"total\":0,\"offset\":0,\"limit\":0,\"consumers\":[]"},
    {ApiKind::kConsumerDelete, PETREL_API_TYPE("consumer_delete")},
    {ApiKind::kConsumerPause, PETREL_API_TYPE("consumer_pause"),
     ",\"paused\":false,\"pause_until\":\"0001-01-01T00:00:00Z\""},
    {ApiKind::kConsumerReset, PETREL_API_TYPE("consumer_reset"), ",\"reset_seq\":0"},
    {ApiKind::kConsumerUnpin, PETREL_API_TYPE("consumer_unpin")},
    {ApiKind::kConsumerLeaderStepDown, PETREL_API_TYPE("consumer_leader_stepdown")},
    {ApiKind::kConsumerRemovePeer, PETREL_API_TYPE("consumer_remove_peer")},
    {ApiKind::kConsumerEvacuatePeer, PETREL_API_TYPE("consumer_evacuate_peer")},
    {ApiKind::kMetaLeaderStepDown, PETREL_API_TYPE("meta_leader_stepdown")},
    {ApiKind::kMetaServerRemove, PETREL_API_TYPE("meta_server_remove")},
    {ApiKind::kMetaServerEvacuate, PETREL_API_TYPE("meta_server_evacuate")},
    {ApiKind::kMetaRescue, PETREL_API_TYPE("meta_rescue"), ",\"server\":\"\",\"server_id\":\"\""},
    {ApiKind::kAccountPurge, PETREL_API_TYPE("account_purge")},
};
#undef PETREL_API_TYPE

constexpr bool is_in_order() {
  size_t next = 0;
  for (const KindRow& row : kKinds) {
    if (static_cast<size_t>(row.kind) != next++) return false;
  }
  return true;
}
static_assert(is_in_order());

const KindRow& row_of(ApiKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

// {"type":"..." and what follows; closed by the destructor's caller with end().
class Answer {
 public:
  explicit Answer(ApiKind kind) : writer_(out_) {
    writer_.begin_object();
    writer_.text("type", api_type(kind));
  }
  JsonWriter& writer() { return writer_; }
  std::string end() {
    writer_.end_object();
    return std::move(out_);
  }

 private:
  std::string out_;
  JsonWriter writer_;
};

void write_page(JsonWriter& writer, const Page& page) {
  writer.unsigned_number("total", page.total);
  writer.unsigned_number("offset", page.offset);
  writer.unsigned_number("limit", page.limit);
}

void write_peer(JsonWriter& writer, const PeerView& peer) {
  writer.begin_object();
  writer.text("name", peer.name);
  writer.boolean("current", peer.current);
  writer.boolean_if("offline", peer.offline);
  writer.number("active", peer.active.ns);
  writer.unsigned_if("lag", peer.lag);
  writer.text("peer", peer.peer);
  writer.end_object();
}

void write_cluster_if(JsonWriter& writer, const std::optional<ClusterView>& cluster) {
  if (!cluster) return;
  writer.key("cluster");
  writer.begin_object();
  writer.text_if("name", cluster->name);
  writer.text_if("raft_group", cluster->raft_group);
  writer.text_if("leader", cluster->leader);
  if (cluster->leader_since.ns != 0) writer.time_or_unset("leader_since", cluster->leader_since);
  writer.boolean_if("system_account", cluster->system_account);
  writer.text_if("traffic_account", cluster->traffic_account);
  if (!cluster->replicas.empty()) {
    writer.key("replicas");
    writer.begin_array();
    for (const PeerView& peer : cluster->replicas) {
      writer.element();
      write_peer(writer, peer);
    }
    writer.end_array();
  }
  writer.end_object();
}

void write_source_info(JsonWriter& writer, const StreamSourceView& source) {
  writer.begin_object();
  writer.text("name", source.name);
  if (source.external) {
    writer.key("external");
    write_external(writer, *source.external);
  }
  writer.unsigned_number("lag", source.lag);
  writer.unsigned_if("seq", source.seq);
  writer.number("active", source.active.ns);
  if (source.error) {
    writer.key("error");
    std::string error;
    append_api_error(error, *source.error);
    writer.raw(error);
  }
  writer.text_if("filter_subject", source.filter_subject);
  write_transforms_if(writer, source.subject_transforms);
  writer.end_object();
}

void write_origin_infos(JsonWriter& writer, const StreamInfoView& info) {
  if (info.mirror) {
    writer.key("mirror");
    write_source_info(writer, *info.mirror);
  }
  if (!info.sources.empty()) {
    writer.key("sources");
    writer.begin_array();
    for (const StreamSourceView& source : info.sources) {
      writer.element();
      write_source_info(writer, source);
    }
    writer.end_array();
  }
}

void write_alternates_if(JsonWriter& writer, const std::vector<StreamAlternate>& alternates) {
  if (alternates.empty()) return;
  writer.key("alternates");
  writer.begin_array();
  for (const StreamAlternate& alternate : alternates) {
    writer.element();
    writer.begin_object();
    writer.text("name", alternate.name);
    writer.text_if("domain", alternate.domain);
    writer.text("cluster", alternate.cluster);
    writer.end_object();
  }
  writer.end_array();
}

// The members of a StreamInfo, without the braces.
void write_stream_info(JsonWriter& writer, const StreamInfoView& info, bool adds_server) {
  writer.key("config");
  if (adds_server) {
    StreamConfig config = info.config;
    add_server_metadata(config.metadata);
    write_stream_config(writer, config);
  } else {
    write_stream_config(writer, info.config);
  }
  writer.time_or_unset("created", info.created);
  writer.key("state");
  write_stream_state(writer, info.state);
  writer.text_if("domain", info.domain);
  write_cluster_if(writer, info.cluster);
  write_origin_infos(writer, info);
  write_alternates_if(writer, info.alternates);
  writer.time_or_unset("ts", info.ts);
}

void write_sequence(JsonWriter& writer, Slice name, const SequenceView& sequence) {
  writer.key(name);
  writer.begin_object();
  writer.unsigned_number("consumer_seq", sequence.consumer_seq);
  writer.unsigned_number("stream_seq", sequence.stream_seq);
  if (sequence.last_active.ns != 0) writer.time_or_unset("last_active", sequence.last_active);
  writer.end_object();
}

void write_groups_if(JsonWriter& writer, const std::vector<PriorityGroupView>& groups) {
  if (groups.empty()) return;
  writer.key("priority_groups");
  writer.begin_array();
  for (const PriorityGroupView& group : groups) {
    writer.element();
    writer.begin_object();
    writer.text("group", group.group);
    writer.text_if("pinned_client_id", group.pinned_client_id);
    writer.time_or_unset("pinned_ts", group.pinned_ts);
    writer.end_object();
  }
  writer.end_array();
}

// The members of a ConsumerInfo, without the braces.
void write_consumer_info(JsonWriter& writer, const ConsumerInfoView& info, bool adds_server) {
  writer.text("stream_name", info.stream_name);
  writer.text("name", info.name);
  writer.time_or_unset("created", info.created);
  writer.key("config");
  if (adds_server) {
    ConsumerConfig config = info.config;
    add_server_metadata(config.metadata);
    write_consumer_config(writer, config);
  } else {
    write_consumer_config(writer, info.config);
  }
  write_sequence(writer, "delivered", info.delivered);
  write_sequence(writer, "ack_floor", info.ack_floor);
  writer.unsigned_number("num_ack_pending", info.num_ack_pending);
  writer.unsigned_number("num_redelivered", info.num_redelivered);
  writer.unsigned_number("num_waiting", info.num_waiting);
  writer.unsigned_number("num_pending", info.num_pending);
  write_cluster_if(writer, info.cluster);
  writer.boolean_if("push_bound", info.push_bound);
  writer.boolean_if("paused", info.paused);
  writer.number_if("pause_remaining", info.pause_remaining.ns);
  writer.time_or_unset("ts", info.ts);
  write_groups_if(writer, info.priority_groups);
}

void write_names(JsonWriter& writer, Slice key, const std::vector<std::string>& names) {
  writer.key(key);
  writer.begin_array();
  for (const std::string& name : names) {
    writer.element();
    writer.text(name);
  }
  writer.end_array();
}

// Lists tell what is offline twice: by name, and why.
void write_offline_if(JsonWriter& writer, const std::map<std::string, std::string>& offline) {
  if (offline.empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, why] : offline) names.push_back(name);
  write_names(writer, "missing", names);
  writer.map_if("offline", offline);
}

void write_limits(JsonWriter& writer, const ConfigLimits& limits) {
  writer.begin_object();
  writer.number("max_memory", limits.max_memory);
  writer.number("max_storage", limits.max_storage);
  writer.number("max_streams", limits.max_streams);
  writer.number("max_consumers", limits.max_consumers);
  writer.number("max_ack_pending", limits.max_ack_pending);
  writer.number("memory_max_stream_bytes", limits.memory_max_stream_bytes);
  writer.number("storage_max_stream_bytes", limits.storage_max_stream_bytes);
  writer.boolean("max_bytes_required", limits.max_bytes_required);
  writer.end_object();
}

void write_tier(JsonWriter& writer, const TierView& tier) {
  writer.unsigned_number("memory", tier.memory);
  writer.unsigned_number("storage", tier.storage);
  writer.unsigned_number("reserved_memory", tier.reserved_memory);
  writer.unsigned_number("reserved_storage", tier.reserved_storage);
  writer.unsigned_number("streams", tier.streams);
  writer.unsigned_number("consumers", tier.consumers);
  writer.key("limits");
  write_limits(writer, tier.limits);
}

void append_unsigned(std::string& out, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

// Names of streams and domains stand in acks as Go's %q writes them.
void append_quoted_name(std::string& out, Slice name) {
  for (const char c : name) {
    if (c < ' ' || c > '~' || c == '"' || c == '\\') return append_go_quote(out, name);
  }
  out.push_back('"');
  out.append(name).push_back('"');
}

std::string base64(Slice bytes) {
  constexpr Slice kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      const char byte = at + i < bytes.size() ? bytes[at + i] : '\0';
      group = (group << 8) | static_cast<unsigned char>(byte);
    }
    for (size_t i = 0; i < 4; ++i) {
      const bool is_padding = at + i > bytes.size();
      out.push_back(is_padding ? '=' : kDigits[(group >> (18 - 6 * i)) & 63]);
    }
  }
  return out;
}

}  // namespace

Slice api_type(ApiKind kind) {
  return row_of(kind).type;
}

std::string error_json(ApiKind kind, const ApiError& error) {
  std::string out = "{\"type\":\"";
  out.append(api_type(kind)).append("\",\"error\":");
  append_api_error(out, error);
  out.append(row_of(kind).zeros).push_back('}');
  return out;
}

std::string success_json(ApiKind kind) {
  Answer answer(kind);
  if (kind != ApiKind::kConsumerUnpin) answer.writer().boolean("success", true);
  return answer.end();
}

std::string stream_create_json(const StreamInfoView& info) {
  Answer answer(ApiKind::kStreamCreate);
  write_stream_info(answer.writer(), info, true);
  answer.writer().boolean("did_create", true);
  return answer.end();
}

std::string stream_restored_json(const StreamInfoView& info) {
  Answer answer(ApiKind::kStreamCreate);
  write_stream_info(answer.writer(), info, true);
  return answer.end();
}

std::string stream_update_json(const StreamInfoView& info) {
  Answer answer(ApiKind::kStreamUpdate);
  write_stream_info(answer.writer(), info, true);
  return answer.end();
}

std::string stream_info_json(const StreamInfoView& info, const Page& page, ApiKind kind) {
  Answer answer(kind);
  write_page(answer.writer(), page.total == 0 ? Page() : page);
  write_stream_info(answer.writer(), info, true);
  return answer.end();
}

std::string stream_names_json(const std::vector<std::string>& names, const Page& page) {
  Answer answer(ApiKind::kStreamNames);
  write_page(answer.writer(), page);
  if (names.empty()) {
    answer.writer().key("streams");
    answer.writer().raw("null");
  } else {
    write_names(answer.writer(), "streams", names);
  }
  return answer.end();
}

std::string stream_list_json(const std::vector<StreamInfoView>& streams, const Page& page,
                             const std::map<std::string, std::string>& offline) {
  Answer answer(ApiKind::kStreamList);
  JsonWriter& writer = answer.writer();
  write_page(writer, page);
  writer.key("streams");
  writer.begin_array();
  for (const StreamInfoView& stream : streams) {
    writer.element();
    writer.begin_object();
    write_stream_info(writer, stream, false);
    writer.end_object();
  }
  writer.end_array();
  write_offline_if(writer, offline);
  return answer.end();
}

std::string stream_purge_json(uint64_t purged) {
  Answer answer(ApiKind::kStreamPurge);
  answer.writer().boolean("success", true);
  answer.writer().unsigned_number("purged", purged);
  return answer.end();
}

std::string stream_snapshot_json(const StreamConfig& config, const StreamStateView& state) {
  Answer answer(ApiKind::kStreamSnapshot);
  answer.writer().key("config");
  write_stream_config(answer.writer(), config);
  answer.writer().key("state");
  write_stream_state(answer.writer(), state);
  return answer.end();
}

std::string stream_restore_json(Slice deliver_subject) {
  Answer answer(ApiKind::kStreamRestore);
  answer.writer().text("deliver_subject", deliver_subject);
  return answer.end();
}

std::string message_get_json(const StoredMessageView& message) {
  Answer answer(ApiKind::kStreamMessageGet);
  JsonWriter& writer = answer.writer();
  writer.key("message");
  writer.begin_object();
  writer.text("subject", message.subject);
  writer.unsigned_number("seq", message.seq);
  if (!message.header.empty()) writer.text("hdrs", base64(message.header));
  if (!message.body.empty()) writer.text("data", base64(message.body));
  writer.time_or_unset("time", message.time);
  writer.end_object();
  return answer.end();
}

std::string consumer_info_json(ApiKind kind, const ConsumerInfoView& info) {
  Answer answer(kind);
  write_consumer_info(answer.writer(), info, true);
  return answer.end();
}

std::string consumer_reset_json(const ConsumerInfoView& info, uint64_t reset_seq) {
  Answer answer(ApiKind::kConsumerReset);
  write_consumer_info(answer.writer(), info, true);
  answer.writer().unsigned_number("reset_seq", reset_seq);
  return answer.end();
}

std::string consumer_names_json(const std::vector<std::string>& names, const Page& page) {
  Answer answer(ApiKind::kConsumerNames);
  write_page(answer.writer(), page);
  write_names(answer.writer(), "consumers", names);
  return answer.end();
}

std::string consumer_list_json(const std::vector<ConsumerInfoView>& consumers, const Page& page,
                               const std::map<std::string, std::string>& offline) {
  Answer answer(ApiKind::kConsumerList);
  JsonWriter& writer = answer.writer();
  write_page(writer, page);
  writer.key("consumers");
  writer.begin_array();
  for (const ConsumerInfoView& consumer : consumers) {
    writer.element();
    writer.begin_object();
    write_consumer_info(writer, consumer, false);
    writer.end_object();
  }
  writer.end_array();
  write_offline_if(writer, offline);
  return answer.end();
}

std::string consumer_pause_json(bool paused, WallTime until, Duration remaining) {
  Answer answer(ApiKind::kConsumerPause);
  answer.writer().boolean("paused", paused);
  answer.writer().time_or_unset("pause_until", until);
  answer.writer().number_if("pause_remaining", remaining.ns);
  return answer.end();
}

std::string account_info_json(const AccountInfoView& info) {
  Answer answer(ApiKind::kAccountInfo);
  JsonWriter& writer = answer.writer();
  write_tier(writer, info.total);
  writer.text_if("domain", info.domain);
  writer.key("api");
  writer.begin_object();
  writer.number("level", kApiLevel);
  writer.unsigned_number("total", info.api_total);
  writer.unsigned_number("errors", info.api_errors);
  writer.end_object();
  if (!info.tiers.empty()) {
    writer.key("tiers");
    writer.begin_object();
    for (const auto& [name, tier] : info.tiers) {
      writer.key(name);
      writer.begin_object();
      write_tier(writer, tier);
      writer.end_object();
    }
    writer.end_object();
  }
  return answer.end();
}

std::string account_purge_json(bool initiated) {
  Answer answer(ApiKind::kAccountPurge);
  answer.writer().boolean_if("initiated", initiated);
  return answer.end();
}

void append_pub_ack(std::string& out, const PubAckView& ack) {
  out.append("{\"stream\":");
  append_quoted_name(out, ack.stream);
  if (!ack.domain.empty()) {
    out.append(",\"domain\":");
    append_quoted_name(out, ack.domain);
  }
  out.append(",\"seq\":");
  append_unsigned(out, ack.seq);
  if (ack.duplicate) out.append(",\"duplicate\": true");
  if (!ack.value.empty()) out.append(",\"val\":\"").append(ack.value).push_back('"');
  if (!ack.batch.empty()) {
    out.append(",\"batch\":");
    append_go_json_string(out, ack.batch);
    out.append(",\"count\":");
    append_unsigned(out, ack.count);
  }
  out.push_back('}');
}

void append_pub_ack_error(std::string& out, const ApiError& error, Slice stream) {
  out.append("{\"error\":");
  append_api_error(out, error);
  out.append(",\"stream\":");
  append_go_json_string(out, stream);
  out.append(",\"seq\":0}");
}

}  // namespace petrel::jetstream
