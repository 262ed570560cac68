#include "petrel/jetstream/stream_requests.h"

#include "jetstream/consumer_requests.h"

#include "petrel/jetstream/consumer.h"
#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr size_t kDeletedMax = 1'000'000;
constexpr size_t kSubjectsPerLook = 4096;

StreamSourceView source_view(const StreamSource& source, const SourceState& state) {
  StreamSourceView view;
  view.name = source.name;
  view.external = source.external;
  view.lag = state.lag;
  view.seq = state.sequence;
  view.active = {state.active_ns};
  if (state.error_code != 0) {
    view.error = api_error(static_cast<ApiErrc>(state.error_code));
    view.error->description = state.error;
  }
  view.filter_subject = source.filter_subject;
  view.subject_transforms = source.subject_transforms;
  return view;
}

StreamStateView state_view(const Stream& stream) {
  const store::StoreState& state = stream.state();
  StreamStateView view;
  view.messages = state.messages;
  view.bytes = state.bytes;
  // A stream that begins at 1 by its configuration says so before it has a message.
  const bool begins_at_1 = state.first_sequence == 0 && stream.config().first_seq == 1;
  view.first_seq = begins_at_1 ? 1 : state.first_sequence;
  view.first_ts = state.first_time;
  view.last_seq = state.last_sequence;
  view.last_ts = state.last_time;
  view.num_subjects = state.subjects;
  view.num_deleted = state.deleted;
  for (const Consumer* consumer : stream.consumers()) {
    if (!consumer->config().direct) ++view.consumer_count;
  }
  const auto lost = stream.store().lost_ranges();
  if (lost.empty()) return view;
  view.lost.emplace();
  for (const auto& [first, last] : lost) {
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
      if (view.lost->msgs.size() < kDeletedMax) view.lost->msgs.push_back(sequence);
    }
  }
  return view;
}

void add_deleted(const Stream& stream, StreamStateView& view) {
  view.deleted = stream.store().deleted_sequences(kDeletedMax);
  const bool is_new = view.first_seq == 0 && view.last_seq == 0;
  if (!is_new || stream.config().storage != StorageType::kFile) return;
  view.deleted.push_back(0);  // as nats-server tells it of a file stream that never held a message
  view.num_deleted = 1;
}

// One page of subjects and how many messages each has; how many there are in all. Millions of them
// are never in memory together.
Page add_subjects(const Stream& stream, const StreamInfoRequest& wanted, StreamStateView& view) {
  const store::Filters filters = {wanted.subjects_filter};
  size_t total = 0;
  std::string after;
  for (;;) {
    const auto found = stream.store().subjects(filters, after, kSubjectsPerLook);
    for (const auto& of : found) {
      if (total++ < wanted.offset || view.subjects.size() >= kSubjectsPage) continue;
      view.subjects.emplace_back(of.subject, of.totals.messages);
    }
    if (found.size() < kSubjectsPerLook) break;
    after = found.back().subject;
  }
  if (total == 0) return {};
  Page page = page_of(wanted.offset, total, kSubjectsPage);
  page.offset = wanted.offset;  // told as it was asked for
  return page;
}

void answer_info(Stream& stream, const ApiRequest& request, const RequestContext& context,
                 const Respond& respond) {
  const ApiResult<StreamInfoRequest> wanted = parse_stream_info(request.body, context.strict);
  if (!wanted) return respond(error_json(ApiKind::kStreamInfo, wanted.error()));
  StreamInfoView info = stream_info(stream, context);
  info.cluster.emplace();
  info.cluster->leader = context.server_name;
  info.alternates = context.alternates;
  if (wanted->deleted_details) add_deleted(stream, info.state);
  Page page;
  if (!wanted->subjects_filter.empty()) page = add_subjects(stream, *wanted, info.state);
  const auto type = proto::HeaderView(request.header).find("Nats-Response-Type");
  const bool wants_create = type.has_value() && *type == "create";
  respond(
      stream_info_json(info, page, wants_create ? ApiKind::kStreamCreate : ApiKind::kStreamInfo));
}

void answer_purge(Stream& stream, const ApiRequest& request, const RequestContext& context,
                  const Respond& respond) {
  const ApiResult<StreamPurgeRequest> wanted = parse_stream_purge(request.body, context.strict);
  if (!wanted) return respond(error_json(ApiKind::kStreamPurge, wanted.error()));
  if (stream.config().sealed) {
    return respond(error_json(ApiKind::kStreamPurge, api_error(ApiErrc::kStreamSealed)));
  }
  if (stream.config().deny_purge) {
    return respond(error_json(ApiKind::kStreamPurge, api_error(ApiErrc::kStreamPurgeFailed,
                                                               "stream purge not permitted")));
  }
  PurgeRequest purge;
  purge.filter = wanted->filter;
  purge.sequence = wanted->seq;
  purge.keep = wanted->keep;
  stream.purge(purge, [respond](const ApiError* error, uint64_t purged) {
    respond(error != nullptr ? error_json(ApiKind::kStreamPurge, *error)
                             : stream_purge_json(purged));
  });
}

void answer_message_get(Stream& stream, const ApiRequest& request, const RequestContext& context,
                        const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kStreamMessageGet;
  if (request.body.empty()) return respond(error_json(kKind, api_error(ApiErrc::kBadRequest)));
  const ApiResult<MessageGetRequest> wanted = parse_message_get(request.body, context.strict);
  if (!wanted) return respond(error_json(kKind, wanted.error()));
  GetRequest get;
  get.sequence = wanted->seq;
  get.start_time = wanted->start_time.value_or(WallTime{});
  get.last_by_subject = wanted->last_by_subj;
  get.next_by_subject = wanted->next_by_subj;
  const bool no_header = wanted->no_hdr;
  stream.get_message(
      get, [respond, no_header](const ApiError* error, const store::StoredMessage* message) {
        if (error != nullptr) return respond(error_json(kKind, *error));
        StoredMessageView view;
        view.subject = message->subject;
        view.seq = message->sequence;
        if (!no_header) view.header = message->header;
        view.body = message->body;
        view.time = message->time;
        respond(message_get_json(view));
      });
}

void answer_message_delete(Stream& stream, const ApiRequest& request, const RequestContext& context,
                           const Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kStreamMessageDelete;
  if (request.body.empty()) return respond(error_json(kKind, api_error(ApiErrc::kBadRequest)));
  const ApiResult<MessageDeleteRequest> wanted = parse_message_delete(request.body, context.strict);
  if (!wanted) return respond(error_json(kKind, wanted.error()));
  if (stream.config().sealed) {
    return respond(error_json(kKind, api_error(ApiErrc::kStreamSealed)));
  }
  if (stream.config().deny_delete) {
    return respond(error_json(
        kKind, api_error(ApiErrc::kStreamMsgDeleteFailed, "message delete not permitted")));
  }
  stream.delete_message(wanted->seq, !wanted->no_erase, [respond](const ApiError* error) {
    respond(error != nullptr ? error_json(kKind, *error) : success_json(kKind));
  });
}

// What only a cluster can do.
void answer_cluster_only(ApiCall call, ApiKind kind, const RequestContext& /*context*/,
                         const Respond& respond) {
  if (call == ApiCall::kUnknown) return respond(std::string());
  respond(error_json(kind, api_error(ApiErrc::kClusterRequired)));
}

}  // namespace

StreamInfoView stream_info(const Stream& stream, const RequestContext& context) {
  StreamInfoView info;
  info.config = stream.config();
  info.created = stream.created();
  info.state = state_view(stream);
  info.domain = context.domain;
  const auto mirror = stream.mirror_state();
  if (mirror.has_value() && info.config.mirror.has_value()) {
    info.mirror = source_view(*info.config.mirror, *mirror);
  }
  const std::vector<SourceState> sources = stream.source_states();
  for (size_t i = 0; i < std::min(sources.size(), info.config.sources.size()); ++i) {
    info.sources.push_back(source_view(info.config.sources[i], sources[i]));
  }
  info.ts = context.now;
  return info;
}

void answer_stream_request(Stream& stream, const ApiRequest& request, const RequestContext& context,
                           Respond respond) {
  const ApiSubject subject = parse_api_subject(request.subject);
  switch (subject.call) {
    case ApiCall::kStreamInfo:
      return stream.when_applied(
          [&stream, request, context, respond] { answer_info(stream, request, context, respond); });
    case ApiCall::kStreamCreate:  // again, just as it is
      return stream.when_applied([&stream, context, respond] {
        StreamInfoView info = stream_info(stream, context);
        info.domain.clear();
        respond(stream_create_json(info));
      });
    case ApiCall::kStreamPurge:
      return answer_purge(stream, request, context, respond);
    case ApiCall::kStreamMessageGet:
      return answer_message_get(stream, request, context, respond);
    case ApiCall::kStreamMessageDelete:
      return answer_message_delete(stream, request, context, respond);
    case ApiCall::kConsumerCreate:
    case ApiCall::kConsumerNames:
    case ApiCall::kConsumerList:
    case ApiCall::kConsumerInfo:
    case ApiCall::kConsumerDelete:
    case ApiCall::kConsumerPause:
    case ApiCall::kConsumerReset:
    case ApiCall::kConsumerUnpin:
      return answer_consumer_request(stream, subject, request, context, std::move(respond));
    default:
      return answer_cluster_only(subject.call, subject.kind, context, respond);
  }
}

}  // namespace petrel::jetstream
