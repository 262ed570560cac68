#include "jetstream/batch_publish.h"

#include "jetstream/stream_core.h"

#include "petrel/base/go_json.h"
#include "petrel/jetstream/api_requests.h"
#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

constexpr size_t kIdBytesMax = 64;

using H = PublishHeader;

ApiError too_large(uint64_t messages_max) {
  return api_error(ApiErrc::kAtomicPublishTooLargeBatch,
                   {{"{size}", std::to_string(messages_max)}});
}

}  // namespace

bool BatchPublish::refuse_early(Slice id, const Incoming& message, const PublishHeaders& headers,
                                Slice reply) {
  const StreamConfig& config = core_.config;
  const auto refuse = [&](ApiErrc errc) {
    core_.ingest.refuse(reply, api_error(errc));
    return true;
  };
  if (config.sealed) return refuse(ApiErrc::kStreamSealed);
  const uint64_t bytes = message.header.size() + message.body.size();
  if (!core_.host.may_store(core_.stream, bytes)) {
    return refuse(core_.no_room(bytes));
  }
  if (config.max_msg_size >= 0 && bytes > static_cast<uint64_t>(config.max_msg_size)) {
    return refuse(ApiErrc::kStreamMessageExceedsMaximum);
  }
  if (!config.allow_atomic) return refuse(ApiErrc::kAtomicPublishDisabled);
  if (id.size() > kIdBytesMax) return refuse(ApiErrc::kAtomicPublishInvalidBatchID);
  if (!strict_number(headers[H::kBatchSequence])) return refuse(ApiErrc::kAtomicPublishMissingSeq);
  return false;
}

BatchPublish::Batch* BatchPublish::begin(const std::string& id, uint64_t sequence, bool is_eob,
                                         Slice reply) {
  if (const auto found = open_.find(id); found != open_.end()) return &found->second;
  const BatchLimits limits = core_.host.batch_limits();
  if (sequence != 1) {
    // The mark of the end does not count as a message.
    if (sequence - (is_eob ? 1 : 0) > limits.messages) {
      core_.ingest.refuse(reply, too_large(limits.messages));
    } else {
      core_.ingest.refuse(reply, api_error(ApiErrc::kAtomicPublishIncompleteBatch));
    }
    return nullptr;
  }
  std::shared_ptr<void> place;
  if (open_.size() < limits.atomic_open) place = core_.host.open_batch(false);
  if (place == nullptr) {
    core_.ingest.refuse(reply, api_error(ApiErrc::kAtomicPublishTooManyInflight));
    return nullptr;
  }
  Batch& batch = open_[id];
  batch.place = std::move(place);
  return &batch;
}

bool BatchPublish::take(Slice id_text, const Incoming& message) {
  const Slice reply = core_.config.no_ack ? Slice() : message.reply;
  const PublishHeaders headers(message.header);
  if (refuse_early(id_text, message, headers, reply)) return true;
  const uint64_t sequence = *strict_number(headers[H::kBatchSequence]);
  const Slice commit_value = headers[H::kBatchCommit];
  const bool is_eob = commit_value == "eob";
  const bool is_commit = proto::HeaderView(message.header).has("Nats-Batch-Commit");
  const std::string id(id_text);
  Batch* batch = begin(id, sequence, is_eob, reply);
  if (batch == nullptr) return true;
  const auto drop = [&](ApiError error, Slice reason) {
    open_.erase(id);
    if (!reason.empty()) abandon(id, reason);
    core_.ingest.refuse(reply, error);
    return true;
  };
  if (is_commit && !is_eob && commit_value != "1") {
    return drop(api_error(ApiErrc::kAtomicPublishInvalidBatchCommit), {});
  }
  if (headers.has(H::kRequiredApiLevel)) {
    if (auto error = check_required_level(headers[H::kRequiredApiLevel])) {
      return drop(*error, "unsupported");
    }
  }
  if (sequence != batch->messages.size() + 1 || (sequence == 1 && is_eob)) {
    return drop(api_error(ApiErrc::kAtomicPublishIncompleteBatch), "incomplete");
  }
  const BatchLimits limits = core_.host.batch_limits();
  if (sequence - (is_eob ? 1 : 0) > limits.messages)
    return drop(too_large(limits.messages), "large");
  batch->deadline = core_.host.now() + limits.silence;
  core_.host.wake_at(core_.stream, batch->deadline);
  if (!is_eob) {
    Stored stored{std::string(message.subject), std::string(message.header),
                  std::string(message.body)};
    if (headers.has(H::kRequiredApiLevel)) {
      proto::remove_header(stored.header, header_name(H::kRequiredApiLevel));
    }
    batch->messages.push_back(std::move(stored));
  } else {
    proto::append_header(batch->messages.back().header, header_name(H::kBatchCommit), "1");
  }
  if (is_commit) {
    if (commit(id, *batch, reply)) return true;
    // It is offered again as a whole: this message is taken back.
    if (is_eob) {
      proto::remove_header(batch->messages.back().header, header_name(H::kBatchCommit));
    } else {
      batch->messages.pop_back();
    }
    return false;
  }
  if (!reply.empty()) core_.answers.text(core_.staged_index(), reply, {}, {});
  return true;
}

bool BatchPublish::commit(const std::string& id, Batch& batch, Slice reply) {
  // Checks see the state before the batch: nothing may be under way.
  if (core_.group->applied_index() < core_.staged_index()) {
    core_.set_barrier();
    return false;
  }
  BatchView view;
  std::vector<Candidate> candidates(batch.messages.size());
  for (size_t i = 0; i < batch.messages.size(); ++i) {
    const Stored& stored = batch.messages[i];
    Candidate& candidate = candidates[i];
    candidate.subject = stored.subject;
    candidate.header = stored.header;
    candidate.body = stored.body;
    Verdict verdict;
    if (PublishHeaders(stored.header).has(H::kExpectedLastMsgId)) {
      verdict = Verdict::refuse(api_error(ApiErrc::kAtomicPublishUnsupportedHeaderBatch,
                                          {{"{header}", header_name(H::kExpectedLastMsgId)}}));
    } else {
      verdict = core_.ingest.check(candidate, &view);
    }
    if (verdict.kind == Verdict::Kind::kHold) return false;
    if (!verdict.is_store()) {
      const ApiError error = verdict.kind == Verdict::Kind::kDuplicate
                                 ? api_error(ApiErrc::kAtomicPublishContainsDuplicateMessage)
                                 : verdict.error;
      open_.erase(id);
      core_.ingest.refuse(reply, error);
      return true;
    }
    ++view.messages;
    ++view.subjects[std::string(candidate.subject)];
    view.bytes += core_.store->counted_bytes(candidate.subject.size(), candidate.header.size(),
                                             candidate.body.size());
  }
  const uint64_t index = core_.ingest.propose_together(candidates);
  if (index == 0) return core_.is_failed;
  if (!reply.empty()) {
    std::string rest = ",\"batch\":";
    append_go_json_string(rest, id);
    rest += ",\"count\":" + std::to_string(candidates.size());
    core_.answers.ack(index, reply, core_.staged.last_sequence, rest);
  }
  open_.erase(id);
  return true;
}

// Told in the account and, with the account's name, in the system account.
void BatchPublish::abandon(const std::string& id, Slice reason) {
  const std::string subject = "$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED." + core_.config.name;
  const auto body = [&](bool names_account) {
    std::string json =
        core_.advisory_head("io.nats.jetstream.advisory.v1.stream_batch_abandoned", names_account) +
        ",\"batch\":";
    append_go_json_string(json, id);
    json += ",\"reason\":";
    append_go_json_string(json, reason);
    return json + "}";
  };
  core_.host.advise(core_.stream, subject, body(false));
  core_.host.advise_system(core_.stream, subject, body(true));
}

void BatchPublish::run(Instant now) {
  if (open_.empty()) return;
  std::vector<std::string> silent;
  for (const auto& [id, batch] : open_) {
    if (batch.deadline <= now) silent.push_back(id);
  }
  std::sort(silent.begin(), silent.end());
  for (const std::string& id : silent) {
    open_.erase(id);
    abandon(id, "timeout");
  }
}

Instant BatchPublish::next_due() const {
  Instant due{};
  for (const auto& [id, batch] : open_) {
    if (due.ns == 0 || batch.deadline < due) due = batch.deadline;
  }
  return due;
}

}  // namespace petrel::jetstream
