// What a trace says of a published message: the checks are made once more before it is taken.

#include "jetstream/stream_core.h"

#include "petrel/base/go_quote.h"
#include "petrel/jetstream/stream.h"
#include "petrel/proto/header_view.h"

namespace petrel::jetstream {
namespace {

using H = PublishHeader;

std::string mismatch(Slice what, uint64_t expected, Slice last) {
  return std::string(what) + " mismatch: " + std::to_string(expected) + " vs " + std::string(last);
}

// nats-server tells a trace less than the publisher, and in other words.
std::string trace_text(const ApiError& error, const PublishHeaders& headers) {
  const Slice description(error.description);
  if (error.is(ApiErrc::kStreamMessageExceedsMaximum) ||
      error.is(ApiErrc::kStreamHeaderExceedsMaximum)) {
    return "maximum payload exceeded";
  }
  if (error.is(ApiErrc::kStreamNotMatch)) return "expected stream does not match";
  if (error.is(ApiErrc::kMessageTTLDisabled)) return "message TTL disabled";
  if (error.is(ApiErrc::kStreamStoreFailed) || error.is(ApiErrc::kStreamRollupFailed)) {
    return error.description;
  }
  const Slice last = description.substr(description.rfind(' ') + 1);
  if (error.is(ApiErrc::kStreamWrongLastSequence) && !headers.has(H::kProducerId)) {
    const bool is_of_all =
        headers.has(H::kExpectedLastSequence) && !headers.has(H::kExpectedLastSubjectSequence);
    return is_of_all
               ? mismatch("last sequence", header_number(headers[H::kExpectedLastSequence]), last)
               : mismatch("last sequence by subject",
                          header_number(headers[H::kExpectedLastSubjectSequence]), last);
  }
  if (error.is(ApiErrc::kStreamWrongLastMsgID)) {
    return "last msgid mismatch: " + go_quote(headers[H::kExpectedLastMsgId]) + " vs " +
           go_quote(last);
  }
  return error.description + " (" + std::to_string(error.err_code) + ")";
}

}  // namespace

PublishOutlook Stream::foresee(const router::Message& message) const {
  const Slice whole = message.body();
  const Slice header = whole.substr(0, message.header_bytes);
  StreamCore& core = *core_;
  // A counter would count it twice, and a batch is judged as a whole.
  if (core.config.allow_msg_counter || proto::HeaderView(header).has("Nats-Batch-Id")) {
    return {.subject = std::string(message.subject)};
  }
  Candidate candidate;
  candidate.subject = message.subject;
  candidate.header = header;
  candidate.body = whole.substr(message.header_bytes);
  const Verdict verdict = core.ingest.check(candidate, nullptr);
  PublishOutlook outlook;
  if (verdict.kind == Verdict::Kind::kDuplicate) {
    outlook.error = "msgid is duplicate";
  } else if (verdict.kind == Verdict::Kind::kRefuse) {
    outlook.error = trace_text(verdict.error, PublishHeaders(header));
  }
  // Only limits are looked at once the subject is known.
  const bool is_over_limit =
      verdict.error.is(ApiErrc::kStreamStoreFailed) && outlook.error != "message too large";
  if (outlook.error.empty() || is_over_limit) outlook.subject = candidate.subject;
  outlook.has_no_interest = (candidate.flags & message_flag::kSkipped) != 0;
  return outlook;
}

}  // namespace petrel::jetstream
