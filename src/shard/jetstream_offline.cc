// JetStreamApi's answers about streams that need a higher API level than this server has.
#include "shard/jetstream_answers.h"

#include "petrel/jetstream/api_admission.h"
#include "petrel/shard/jetstream_api.h"

#include <algorithm>

namespace petrel::shard {

using jetstream::api_error;
using jetstream::ApiCall;
using jetstream::ApiErrc;
using jetstream::ApiError;
using jetstream::ApiKind;
using jetstream::ApiSubject;

namespace {

// A server that has the level may answer first.
constexpr Duration kDelay = Duration::millis(500);
constexpr Slice kClosed = "stream closed";

// What each request is refused with. Nothing: it is not answered.
jetstream::ApiStatus refusal_of(ApiCall call, const std::string& reason) {
  switch (call) {
    case ApiCall::kStreamPurge:
      return api_error(ApiErrc::kStreamGeneral, kClosed);
    case ApiCall::kStreamMessageDelete:
      return api_error(ApiErrc::kStreamMsgDeleteFailed, kClosed);
    case ApiCall::kStreamSnapshot:
      return api_error(ApiErrc::kStreamSnapshot, kClosed);
    case ApiCall::kStreamMessageGet:
    case ApiCall::kConsumerPause:
    case ApiCall::kConsumerUnpin:
    case ApiCall::kConsumerReset:
      return {};
    default:
      return api_error(ApiErrc::kStreamOfflineReason, reason);
  }
}

}  // namespace

void JetStreamApi::refuse_later(const Request& request, ApiKind kind, const ApiError& error) {
  delayed_.push_back({now_ + kDelay, request, kind, error});
}

Instant JetStreamApi::send_delayed() {
  for (; !delayed_.empty() && delayed_.front().due <= now_; delayed_.pop_front()) {
    refuse(delayed_.front().request, delayed_.front().kind, delayed_.front().error);
  }
  return delayed_.empty() ? Instant{INT64_MAX} : delayed_.front().due;
}

void JetStreamApi::answer_offline(const Request& request, const ApiSubject& subject, Entry& entry) {
  switch (subject.call) {
    case ApiCall::kConsumerNames:
    case ApiCall::kConsumerList:
      return list_offline_consumers(request, subject, entry.offline);
    case ApiCall::kConsumerInfo:
    case ApiCall::kConsumerDelete:
      return answer_offline_consumer(request, subject, entry);
    default:
      break;
  }
  const auto refusal = refusal_of(subject.call, entry.offline.reason);
  // What the request itself is wrong in comes first.
  refuse_missing(request, subject, [&](const ApiError& error) {
    if (!error.is(ApiErrc::kStreamNotFound)) return refuse(request, subject.kind, error);
    if (!refusal) return;
    if (!refusal->is(ApiErrc::kStreamOfflineReason)) return refuse(request, subject.kind, *refusal);
    refuse_later(request, subject.kind, *refusal);
  });
}

void JetStreamApi::list_offline_consumers(const Request& request, const ApiSubject& subject,
                                          const Offline& offline) {
  const auto wanted = jetstream::parse_consumer_page(request.request.body, node_.options.strict);
  if (!wanted) return refuse(request, subject.kind, wanted.error());
  const bool are_names = subject.call == ApiCall::kConsumerNames;
  const jetstream::Page page =
      jetstream::page_of(wanted->offset, offline.consumers.size(),
                         are_names ? jetstream::kNamesPage : jetstream::kListPage);
  auto at = offline.consumers.begin();
  std::advance(at, static_cast<ptrdiff_t>(page.offset));
  if (!are_names) {
    return respond(request, jetstream::consumer_list_json({}, page, {at, offline.consumers.end()}));
  }
  std::vector<std::string> names;
  for (; at != offline.consumers.end() && names.size() < page.limit; ++at)
    names.push_back(at->first);
  respond(request, jetstream::consumer_names_json(names, page));
}

void JetStreamApi::answer_offline_consumer(const Request& request, const ApiSubject& subject,
                                           Entry& entry) {
  const std::string name(subject.consumer);
  const auto found = entry.offline.consumers.find(name);
  if (found == entry.offline.consumers.end()) {
    return refuse(request, subject.kind, api_error(ApiErrc::kConsumerNotFound));
  }
  if (subject.call == ApiCall::kConsumerInfo) {
    return refuse_later(request, subject.kind,
                        api_error(ApiErrc::kConsumerOfflineReason, found->second));
  }
  forward(request, entry);
  // The stream is served again when the next start finds nothing in it that it cannot serve.
  entry.offline.consumers.erase(name);
}

}  // namespace petrel::shard
