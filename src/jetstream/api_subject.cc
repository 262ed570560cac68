#include "petrel/jetstream/api_requests.h"
#include "petrel/subject/subject.h"

namespace petrel::jetstream {

namespace {

// `$s` is a stream, `$c` a consumer or an account, `>` the rest.
struct SubjectRow {
  Slice pattern;
  ApiCall call;
  ApiKind kind;
  bool is_system = false;
};

constexpr SubjectRow kRows[] = {
    {"INFO", ApiCall::kAccountInfo, ApiKind::kAccountInfo},
    {"STREAM.CREATE.$s", ApiCall::kStreamCreate, ApiKind::kStreamCreate},
    {"STREAM.UPDATE.$s", ApiCall::kStreamUpdate, ApiKind::kStreamUpdate},
    {"STREAM.NAMES", ApiCall::kStreamNames, ApiKind::kStreamNames},
    {"STREAM.LIST", ApiCall::kStreamList, ApiKind::kStreamList},
    {"STREAM.INFO.$s", ApiCall::kStreamInfo, ApiKind::kStreamInfo},
    {"STREAM.DELETE.$s", ApiCall::kStreamDelete, ApiKind::kStreamDelete},
    {"STREAM.PURGE.$s", ApiCall::kStreamPurge, ApiKind::kStreamPurge},
    {"STREAM.SNAPSHOT.$s", ApiCall::kStreamSnapshot, ApiKind::kStreamSnapshot},
    {"STREAM.RESTORE.$s", ApiCall::kStreamRestore, ApiKind::kStreamRestore},
    {"STREAM.MSG.GET.$s", ApiCall::kStreamMessageGet, ApiKind::kStreamMessageGet},
    {"STREAM.MSG.DELETE.$s", ApiCall::kStreamMessageDelete, ApiKind::kStreamMessageDelete},
    {"STREAM.LEADER.STEPDOWN.$s", ApiCall::kStreamLeaderStepDown, ApiKind::kStreamLeaderStepDown},
    {"STREAM.PEER.REMOVE.$s", ApiCall::kStreamRemovePeer, ApiKind::kStreamRemovePeer},
    {"STREAM.PEER.EVACUATE.$s", ApiCall::kStreamEvacuatePeer, ApiKind::kStreamEvacuatePeer},
    {"STREAM.CANCEL_MOVE.$s", ApiCall::kStreamCancelMove, ApiKind::kStreamCancelMove},
    {"DIRECT.GET.$s", ApiCall::kDirectGet, ApiKind::kSystem},
    {"DIRECT.GET.$s.>", ApiCall::kDirectGet, ApiKind::kSystem},
    {"CONSUMER.CREATE.$s", ApiCall::kConsumerCreate, ApiKind::kConsumerCreate},
    {"CONSUMER.CREATE.$s.$c", ApiCall::kConsumerCreate, ApiKind::kConsumerCreate},
    {"CONSUMER.CREATE.$s.$c.>", ApiCall::kConsumerCreate, ApiKind::kConsumerCreate},
    {"CONSUMER.DURABLE.CREATE.$s.$c", ApiCall::kConsumerCreate, ApiKind::kConsumerCreate},
    {"CONSUMER.NAMES.$s", ApiCall::kConsumerNames, ApiKind::kConsumerNames},
    {"CONSUMER.LIST.$s", ApiCall::kConsumerList, ApiKind::kConsumerList},
    {"CONSUMER.INFO.$s.$c", ApiCall::kConsumerInfo, ApiKind::kConsumerInfo},
    {"CONSUMER.DELETE.$s.$c", ApiCall::kConsumerDelete, ApiKind::kConsumerDelete},
    {"CONSUMER.PAUSE.$s.$c", ApiCall::kConsumerPause, ApiKind::kConsumerPause},
    {"CONSUMER.RESET.$s.$c", ApiCall::kConsumerReset, ApiKind::kConsumerReset},
    {"CONSUMER.UNPIN.$s.$c", ApiCall::kConsumerUnpin, ApiKind::kConsumerUnpin},
    {"CONSUMER.MSG.NEXT.$s.$c", ApiCall::kConsumerNext, ApiKind::kSystem},
    {"CONSUMER.LEADER.STEPDOWN.$s.$c", ApiCall::kConsumerLeaderStepDown,
     ApiKind::kConsumerLeaderStepDown},
    {"CONSUMER.PEER.REMOVE.$s.$c", ApiCall::kConsumerRemovePeer, ApiKind::kConsumerRemovePeer},
    {"CONSUMER.PEER.EVACUATE.$s.$c", ApiCall::kConsumerEvacuatePeer,
     ApiKind::kConsumerEvacuatePeer},
    {"META.LEADER.STEPDOWN", ApiCall::kMetaLeaderStepDown, ApiKind::kMetaLeaderStepDown, true},
    {"SERVER.REMOVE", ApiCall::kMetaServerRemove, ApiKind::kMetaServerRemove, true},
    {"SERVER.EVACUATE", ApiCall::kMetaServerEvacuate, ApiKind::kMetaServerEvacuate, true},
    {"META.RESCUE", ApiCall::kMetaRescue, ApiKind::kMetaRescue, true},
    {"ACCOUNT.PURGE.$c", ApiCall::kAccountPurge, ApiKind::kAccountPurge, true},
    {"ACCOUNT.STREAM.MOVE.$c.$s", ApiCall::kAccountStreamMove, ApiKind::kStreamUpdate, true},
    {"ACCOUNT.STREAM.CANCEL_MOVE.$c.$s", ApiCall::kAccountStreamCancelMove,
     ApiKind::kStreamCancelMove, true},
};

constexpr Slice kPrefix = "$JS.API.";

// What is left of `text` behind the token it begins with.
Slice cut_token(Slice& text) {
  const size_t dot = text.find(subject::kSeparator);
  const Slice token = text.substr(0, dot);
  text.remove_prefix(dot == Slice::npos ? text.size() : dot + 1);
  return token;
}

bool match(Slice pattern, Slice text, ApiSubject& out) {
  while (!pattern.empty() && !text.empty()) {
    if (pattern == ">") {
      out.filter = text;
      return true;
    }
    const Slice wanted = cut_token(pattern);
    const Slice token = cut_token(text);
    if (wanted == "$s") {
      out.stream = token;
    } else if (wanted == "$c") {
      out.consumer = token;
    } else if (wanted != token) {
      return false;
    }
  }
  return pattern.empty() && text.empty();
}

}  // namespace

ApiSubject parse_api_subject(Slice subject) {
  if (!subject.starts_with(kPrefix) || !subject::has_only_full_tokens(subject)) return {};
  subject.remove_prefix(kPrefix.size());
  for (const SubjectRow& row : kRows) {
    ApiSubject found;
    if (!match(row.pattern, subject, found)) continue;
    found.call = row.call;
    found.kind = row.kind;
    found.is_system = row.is_system;
    found.is_durable = row.pattern.starts_with("CONSUMER.DURABLE");
    return found;
  }
  return {};
}

}  // namespace petrel::jetstream
