#include "petrel/jetstream/api_requests.h"

#include "jetstream/config_fields.h"
#include "jetstream/go_atoi.h"
#include "jetstream/json_enum.h"
#include "jetstream/json_time.h"

#include "petrel/jetstream/json_decoder.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

JsonMode mode_of(bool strict) {
  return strict ? JsonMode::kStrict : JsonMode::kLenient;
}

ApiError json_error(Slice text) {
  return api_error(ApiErrc::kInvalidJSON, text);
}

// Whether a body that may be left out is to be read at all.
bool looks_like_json(Slice body) {
  const size_t at = body.find_first_not_of(" \t\r\n");
  return at != Slice::npos && (body[at] == '{' || body[at] == '[');
}

// An offset is Go's int, negative ones count as 0.
template <typename T>
void read_offset(JsonDecoder& decoder, T& request, Slice value, GoType type) {
  int64_t offset = 0;
  decoder.read(offset, value, type);
  request.offset = static_cast<uint64_t>(std::max<int64_t>(offset, 0));
}

constexpr EnumText<ConsumerAction> kActions[] = {{"\"create\"", ConsumerAction::kCreate},
                                                 {"\"update\"", ConsumerAction::kUpdate},
                                                 {"\"\"", ConsumerAction::kCreateOrUpdate}};

void read_action(JsonDecoder& decoder, ConsumerCreateRequest& request, Slice value,
                 GoType /*type*/) {
  read_named_enum<ConsumerAction>(decoder, request.action, value, kActions,
                                  "unknown consumer action: ");
}
void read_consumer(JsonDecoder& decoder, ConsumerCreateRequest& request, Slice value, GoType type) {
  decoder.read_object(request.config, value, type, consumer_config_fields());
}

constexpr Field<ConsumerCreateRequest> kConsumerCreateFields[] = {
    {"stream_name", {"string"}, read_field<&ConsumerCreateRequest::stream_name>},
    {"config", kConsumerConfigType, read_consumer},
    {"action", {"server.ConsumerAction"}, read_action},
    {"pedantic", {"bool"}, read_field<&ConsumerCreateRequest::pedantic>},
};

constexpr Field<PagedRequest> kStreamPageFields[] = {
    {"offset", {"int"}, read_offset<PagedRequest>, "ApiPagedRequest"},
    {"subject", {"string"}, read_field<&PagedRequest::subject>},
};

constexpr Field<PagedRequest> kConsumerPageFields[] = {
    {"offset", {"int"}, read_offset<PagedRequest>, "ApiPagedRequest"},
};

constexpr Field<StreamInfoRequest> kStreamInfoFields[] = {
    {"offset", {"int"}, read_offset<StreamInfoRequest>, "ApiPagedRequest"},
    {"deleted_details", {"bool"}, read_field<&StreamInfoRequest::deleted_details>},
    {"subjects_filter", {"string"}, read_field<&StreamInfoRequest::subjects_filter>},
};

constexpr Field<StreamPurgeRequest> kPurgeFields[] = {
    {"seq", {"uint64"}, read_field<&StreamPurgeRequest::seq>},
    {"filter", {"string"}, read_field<&StreamPurgeRequest::filter>},
    {"keep", {"uint64"}, read_field<&StreamPurgeRequest::keep>},
};

using Get = MessageGetRequest;
constexpr Field<Get> kMessageGetFields[] = {
    {"seq", {"uint64"}, read_field<&Get::seq>},
    {"last_by_subj", {"string"}, read_field<&Get::last_by_subj>},
    {"next_by_subj", {"string"}, read_field<&Get::next_by_subj>},
    {"batch", {"int"}, read_field<&Get::batch>},
    {"max_bytes", {"int"}, read_field<&Get::max_bytes>},
    {"start_time", {"*time.Time"}, read_field<&Get::start_time>},
    {"multi_last", {"[]string"}, read_field<&Get::multi_last>},
    {"up_to_seq", {"uint64"}, read_field<&Get::up_to_seq>},
    {"up_to_time", {"*time.Time"}, read_field<&Get::up_to_time>},
    {"no_hdr", {"bool"}, read_field<&Get::no_hdr>},
};
constexpr GoType kMessageGetType{"server.JSApiMsgGetRequest"};

constexpr Field<MessageDeleteRequest> kMessageDeleteFields[] = {
    {"seq", {"uint64"}, read_field<&MessageDeleteRequest::seq>},
    {"no_erase", {"bool"}, read_field<&MessageDeleteRequest::no_erase>},
};

using Snapshot = StreamSnapshotRequest;
constexpr Field<Snapshot> kSnapshotFields[] = {
    {"deliver_subject", {"string"}, read_field<&Snapshot::deliver_subject>},
    {"no_consumers", {"bool"}, read_field<&Snapshot::no_consumers>},
    {"chunk_size", {"int"}, read_field<&Snapshot::chunk_size>},
    {"window_size", {"int"}, read_field<&Snapshot::window_size>},
    {"jsck", {"bool"}, read_field<&Snapshot::jsck>},
};

void read_restore_config(JsonDecoder& decoder, StreamRestoreRequest& request, Slice value,
                         GoType type) {
  decoder.read_object(request.config, value, type, stream_config_fields());
}
void read_restore_state(JsonDecoder& decoder, StreamRestoreRequest& request, Slice value,
                        GoType type) {
  decoder.read_object(request.state, value, type, stream_state_fields());
}
constexpr Field<StreamRestoreRequest> kRestoreFields[] = {
    {"config", kStreamConfigType, read_restore_config},
    {"state", {"server.StreamState"}, read_restore_state},
};

struct PauseBody {
  WallTime pause_until = kTimeMin;
};
constexpr Field<PauseBody> kPauseFields[] = {
    {"pause_until", {"time.Time"}, read_field<&PauseBody::pause_until>},
};

struct ResetBody {
  uint64_t seq = 0;
};
constexpr Field<ResetBody> kResetFields[] = {{"seq", {"uint64"}, read_field<&ResetBody::seq>}};

struct GroupBody {
  std::string group = {};
};
constexpr Field<GroupBody> kUnpinFields[] = {{"group", {"string"}, read_field<&GroupBody::group>}};

struct StepDownBody {
  std::optional<Placement> placement = {};
};
void read_step_down_placement(JsonDecoder& decoder, StepDownBody& body, Slice value, GoType type) {
  decoder.read_object(body.placement, value, type, placement_fields());
}
constexpr Field<StepDownBody> kStepDownFields[] = {
    {"placement", kPlacementType, read_step_down_placement},
};

constexpr Field<PeerRequest> kPeerFields[] = {
    {"peer", {"string"}, read_field<&PeerRequest::peer>},
    {"peer_id", {"string"}, read_field<&PeerRequest::peer_id>},
};

struct RescueBody {
  int64_t quorum_needed = 0;
};
constexpr Field<RescueBody> kRescueFields[] = {
    {"quorum_needed", {"int"}, read_field<&RescueBody::quorum_needed>},
};

using Move = StreamMoveRequest;
constexpr Field<Move> kMoveFields[] = {
    {"server", {"string"}, read_field<&Move::server>},
    {"cluster", {"string"}, read_field<&Move::cluster>},
    {"domain", {"string"}, read_field<&Move::domain>},
    {"tags", {"[]string"}, read_field<&Move::tags>},
};

// Go's type and the fields of the peer requests; those of a stream or consumer know no peer_id.
struct PeerShape {
  GoType type;
  bool has_id = false;
};
PeerShape peer_shape(ApiCall call) {
  switch (call) {
    case ApiCall::kStreamEvacuatePeer:
      return {{"server.JSApiStreamEvacuatePeerRequest"}};
    case ApiCall::kConsumerRemovePeer:
      return {{"server.JSApiConsumerRemovePeerRequest"}};
    case ApiCall::kConsumerEvacuatePeer:
      return {{"server.JSApiConsumerEvacuatePeerRequest"}};
    case ApiCall::kMetaServerRemove:
      return {{"server.JSApiMetaServerRemoveRequest"}, true};
    case ApiCall::kMetaServerEvacuate:
      return {{"server.JSApiMetaServerEvacuateRequest"}, true};
    default:
      return {{"server.JSApiStreamRemovePeerRequest"}};
  }
}

// Reads a body into T; the error is 10025.
template <typename T>
ApiResult<T> parse_body(Slice body, JsonMode mode, GoType type, std::span<const Field<T>> fields) {
  T request;
  const std::string error = read_json(body, mode, type, request, fields);
  if (!error.empty()) return json_error(error);
  return request;
}

template <typename T>
ApiResult<T> parse_optional(Slice body, bool strict, GoType type,
                            std::span<const Field<T>> fields) {
  if (!looks_like_json(body)) return T();
  return parse_body<T>(body, mode_of(strict), type, fields);
}

template <typename T>
ApiResult<T> parse_required(Slice body, bool strict, GoType type,
                            std::span<const Field<T>> fields) {
  if (is_empty_request(body)) return api_error(ApiErrc::kBadRequest);
  return parse_body<T>(body, mode_of(strict), type, fields);
}

bool is_group_name(Slice group) {
  constexpr size_t kGroupBytesMax = 16;
  if (group.empty() || group.size() > kGroupBytesMax) return false;
  return std::all_of(group.begin(), group.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '=' || c == '-';
  });
}

Error refusal(const char* text) {
  return {Errc::kInvalidArgument, text};
}

}  // namespace

bool is_empty_request(Slice body) {
  if (body.empty()) return true;
  JsonScanner scanner(body);
  if (scanner.next() != JsonScanner::Outcome::kValue) return false;
  const Slice value = scanner.value();
  if (scanner.finish() != JsonScanner::Outcome::kEnd || value.front() != '{') return false;
  return !proto::json::Walker(value).next();
}

ApiResult<StreamConfigRequest> parse_stream_config(Slice body, bool strict) {
  return parse_body<StreamConfigRequest>(body, mode_of(strict), {"server.StreamConfigRequest"},
                                         stream_request_fields());
}

ApiResult<ConsumerCreateRequest> parse_consumer_create(Slice body, bool strict) {
  return parse_body<ConsumerCreateRequest>(body, mode_of(strict), {"server.CreateConsumerRequest"},
                                           kConsumerCreateFields);
}

ApiResult<PagedRequest> parse_stream_page(Slice body, bool strict, ApiCall call) {
  const GoType type{call == ApiCall::kStreamList ? "server.JSApiStreamListRequest"
                                                 : "server.JSApiStreamNamesRequest"};
  return parse_optional<PagedRequest>(body, strict, type, kStreamPageFields);
}

ApiResult<PagedRequest> parse_consumer_page(Slice body, bool strict) {
  return parse_optional<PagedRequest>(body, strict, {"server.JSApiConsumersRequest"},
                                      kConsumerPageFields);
}

ApiResult<StreamInfoRequest> parse_stream_info(Slice body, bool strict) {
  return parse_optional<StreamInfoRequest>(body, strict, {"server.JSApiStreamInfoRequest"},
                                           kStreamInfoFields);
}

ApiResult<StreamPurgeRequest> parse_stream_purge(Slice body, bool strict) {
  auto request = parse_optional<StreamPurgeRequest>(
      body, strict, {"server.JSApiStreamPurgeRequest"}, kPurgeFields);
  if (request && request->seq > 0 && request->keep > 0) return api_error(ApiErrc::kBadRequest);
  return request;
}

ApiResult<MessageGetRequest> parse_message_get(Slice body, bool strict) {
  auto request = parse_required<Get>(body, strict, kMessageGetType, kMessageGetFields);
  if (!request) return request;
  const Get& get = *request;
  const bool has_last = !get.last_by_subj.empty();
  const bool has_next = !get.next_by_subj.empty();
  const bool has_time = get.start_time.has_value();
  const bool is_void = get.seq == 0 && !has_last && !has_next && !has_time;
  const bool conflicts =
      (get.seq > 0 && (has_last || has_time)) || (has_time && has_last) || (has_last && has_next);
  if (get.batch > 0 || get.max_bytes > 0 || is_void || conflicts) {
    return api_error(ApiErrc::kBadRequest);
  }
  return request;
}

ApiResult<MessageDeleteRequest> parse_message_delete(Slice body, bool strict) {
  return parse_required<MessageDeleteRequest>(body, strict, {"server.JSApiMsgDeleteRequest"},
                                              kMessageDeleteFields);
}

ApiResult<StreamSnapshotRequest> parse_stream_snapshot(Slice body, bool strict) {
  auto request = parse_required<Snapshot>(body, strict, {"server.JSApiStreamSnapshotRequest"},
                                          kSnapshotFields);
  if (!request) return request;
  const std::string& target = request->deliver_subject;
  if (!subject::is_valid_subject(target) || !subject::is_literal(target)) {
    return api_error(ApiErrc::kSnapshotDeliverSubjectInvalid);
  }
  return request;
}

ApiResult<StreamRestoreRequest> parse_stream_restore(Slice body, bool strict) {
  return parse_required<StreamRestoreRequest>(body, strict, {"server.JSApiStreamRestoreRequest"},
                                              kRestoreFields);
}

ApiResult<std::optional<WallTime>> parse_consumer_pause(Slice body, bool strict) {
  auto pause =
      parse_optional<PauseBody>(body, strict, {"server.JSApiConsumerPauseRequest"}, kPauseFields);
  if (!pause) return pause.error();
  if (pause->pause_until == kTimeMin) return std::optional<WallTime>();
  return std::optional<WallTime>(pause->pause_until);
}

ApiResult<uint64_t> parse_consumer_reset(Slice body) {
  if (body.empty()) return uint64_t{0};
  auto reset = parse_body<ResetBody>(body, JsonMode::kPlain, {"server.JSApiConsumerResetRequest"},
                                     kResetFields);
  if (!reset) return reset.error();
  return reset->seq;
}

ApiResult<std::string> parse_consumer_unpin(Slice body) {
  auto unpin = parse_body<GroupBody>(body, JsonMode::kPlain, {"server.JSApiConsumerUnpinRequest"},
                                     kUnpinFields);
  if (!unpin) return unpin.error();
  if (unpin->group.empty()) return json_error("consumer group not specified");
  if (!is_group_name(unpin->group)) return api_error(ApiErrc::kConsumerInvalidGroupName);
  return std::move(unpin->group);
}

ApiResult<std::optional<Placement>> parse_step_down(Slice body, bool strict) {
  auto request = parse_optional<StepDownBody>(body, strict, {"server.JSApiLeaderStepdownRequest"},
                                              kStepDownFields);
  if (!request) return request.error();
  return std::move(request->placement);
}

ApiResult<PeerRequest> parse_peer(ApiCall call, Slice body, bool strict) {
  const PeerShape shape = peer_shape(call);
  const std::span<const Field<PeerRequest>> fields = kPeerFields;
  auto request = parse_required<PeerRequest>(body, strict, shape.type,
                                             shape.has_id ? fields : fields.first(1));
  if (request && !shape.has_id && request->peer.empty()) return api_error(ApiErrc::kBadRequest);
  return request;
}

ApiResult<int64_t> parse_rescue(Slice body, bool strict) {
  auto request =
      parse_required<RescueBody>(body, strict, {"server.JSApiMetaRescueRequest"}, kRescueFields);
  if (!request) return request.error();
  return request->quorum_needed;
}

ApiResult<StreamMoveRequest> parse_stream_move(Slice body, bool strict) {
  return parse_body<Move>(body, mode_of(strict), {"server.JSApiMetaServerStreamMoveRequest"},
                          kMoveFields);
}

Result<MessageGetRequest> parse_direct_get(Slice body) {
  if (body.empty()) return refusal("Empty Request");
  Get get;
  if (!read_json<Get>(body, JsonMode::kPlain, kMessageGetType, get, kMessageGetFields).empty()) {
    return refusal("Malformed Request");
  }
  const bool has_last = !get.last_by_subj.empty();
  const bool has_next = !get.next_by_subj.empty();
  const bool has_multi = !get.multi_last.empty();
  const bool has_time = get.start_time.has_value();
  if (get.seq == 0 && !has_last && !has_next && !has_multi && !has_time) {
    return refusal("Empty Request");
  }
  const bool conflicts = (get.seq > 0 && (has_last || has_time)) || (has_time && has_last) ||
                         (has_last && (has_next || get.batch > 0 || has_multi)) ||
                         (has_next && has_multi) || (get.up_to_seq > 0 && get.up_to_time);
  if (conflicts) return refusal("Bad Request");
  return get;
}

Result<MessageGetRequest> parse_direct_get_last(Slice subject, Slice body) {
  Get get;
  if (!body.empty() &&
      !read_json<Get>(body, JsonMode::kPlain, kMessageGetType, get, kMessageGetFields).empty()) {
    return refusal("Malformed Request");
  }
  const bool selects = !get.last_by_subj.empty() || !get.next_by_subj.empty() ||
                       !get.multi_last.empty() || get.seq != 0 || get.batch != 0 ||
                       get.start_time || get.up_to_seq != 0 || get.up_to_time;
  if (subject.empty() || selects) return refusal("Bad Request");
  get.last_by_subj = subject;
  return get;
}

Result<StreamConfig> read_stream_config(Slice text) {
  StreamConfig config;
  std::string error =
      read_json(text, JsonMode::kPlain, kStreamConfigType, config, stream_config_fields());
  if (!error.empty()) return Error{Errc::kCorrupt, std::move(error)};
  return config;
}

Result<ConsumerConfig> read_consumer_config(Slice text) {
  ConsumerConfig config;
  std::string error =
      read_json(text, JsonMode::kPlain, kConsumerConfigType, config, consumer_config_fields());
  if (!error.empty()) return Error{Errc::kCorrupt, std::move(error)};
  return config;
}

Page page_of(uint64_t offset, uint64_t total, uint64_t limit) {
  return {total, std::min(offset, total), limit};
}

ApiStatus check_required_level(Slice header_value) {
  if (header_value.empty()) return {};
  const std::optional<int64_t> level = go_atoi(header_value);
  if (level && *level <= kApiLevel) return {};
  return api_error(ApiErrc::kRequiredApiLevel);
}

}  // namespace petrel::jetstream
