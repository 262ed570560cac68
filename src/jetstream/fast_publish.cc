#include "jetstream/fast_publish.h"

#include "jetstream/stream_core.h"

#include "petrel/base/go_json.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/api_requests.h"
#include "petrel/proto/header_view.h"

#include <algorithm>
#include <limits>

namespace petrel::jetstream {
namespace {

constexpr size_t kIdBytesMax = 64;
constexpr uint64_t kWindow = 500;
constexpr size_t kSuffixBytes = 4;  // ".$FI"

// Takes the last token off `text`; nothing when there is no other before it.
std::optional<Slice> take_last_token(Slice& text) {
  const size_t dot = text.rfind('.');
  if (dot == Slice::npos) return std::nullopt;
  const Slice token = text.substr(dot + 1);
  text = text.substr(0, dot);
  return token;
}

}  // namespace

std::optional<FastReply> parse_fast_reply(Slice reply) {
  Slice rest = reply.substr(0, reply.size() - kSuffixBytes);
  FastReply fast;
  const auto operation = take_last_token(rest);
  const auto sequence = operation ? take_last_token(rest) : std::nullopt;
  const auto mode = sequence ? take_last_token(rest) : std::nullopt;
  const auto flow = mode ? take_last_token(rest) : std::nullopt;
  const auto id = flow ? take_last_token(rest) : std::nullopt;
  if (!id || operation->size() != 1 || (*operation)[0] < '0' || (*operation)[0] > '4') {
    return std::nullopt;
  }
  const char code = (*operation)[0];
  fast.is_ping = code == '4';
  fast.is_eob = code == '3';
  fast.is_commit = code == '2' || code == '3';
  const auto number = strict_number(*sequence);
  if (!number || *number == 0 || *number == std::numeric_limits<uint64_t>::max()) {
    return std::nullopt;
  }
  fast.sequence = *number;
  if (fast.sequence == 1 && fast.is_eob) return std::nullopt;
  if ((code == '0') != (fast.sequence == 1) && (code == '0' || code == '1')) return std::nullopt;
  if (*mode != "ok" && *mode != "fail") return std::nullopt;
  fast.gap_ok = *mode == "ok";
  const uint64_t window = strict_number(*flow).value_or(0);
  fast.flow = static_cast<uint16_t>(window == 0 ? 10 : std::min<uint64_t>(window, 65'535));
  fast.id = *id;
  return fast;
}

std::optional<ApiErrc> FastPublish::refusal(const Incoming& message,
                                            const std::optional<FastReply>& fast) const {
  const StreamConfig& config = core_.config;
  if (config.sealed) return ApiErrc::kStreamSealed;
  const uint64_t bytes = message.header.size() + message.body.size();
  if (!core_.host.may_store(core_.stream, bytes)) return core_.no_room(bytes);
  if (config.max_msg_size >= 0 && bytes > static_cast<uint64_t>(config.max_msg_size)) {
    return ApiErrc::kStreamMessageExceedsMaximum;
  }
  if (!config.allow_batched) return ApiErrc::kBatchPublishDisabled;
  if (!fast) return ApiErrc::kBatchPublishInvalidPattern;
  if (fast->id.size() > kIdBytesMax) return ApiErrc::kBatchPublishInvalidBatchID;
  if (open_.find(fast->id) != open_.end()) return std::nullopt;
  if (fast->sequence != 1 || fast->is_ping) return ApiErrc::kBatchPublishUnknownBatchID;
  if (open_.size() >= core_.host.batch_limits().fast_open) {
    return ApiErrc::kBatchPublishTooManyInflight;
  }
  return std::nullopt;
}

bool FastPublish::take(const Incoming& message) {
  const Slice reply = core_.config.no_ack ? Slice() : message.reply;
  const auto fast = parse_fast_reply(message.reply);
  if (const auto errc = refusal(message, fast)) {
    core_.ingest.refuse(reply, api_error(*errc));
    return true;
  }
  auto open = open_.find(fast->id);
  if (open == open_.end()) {
    std::shared_ptr<void> place = core_.host.open_batch(true);
    if (place == nullptr) {
      core_.ingest.refuse(reply, api_error(ApiErrc::kBatchPublishTooManyInflight));
      return true;
    }
    open = open_.emplace(std::string(fast->id), Batch{}).first;
    Batch& batch = open->second;
    batch.place = std::move(place);
    batch.gap_ok = fast->gap_ok;
    batch.ack_messages_max = fast->flow;
    // The only one gets what it wants; others ramp up.
    batch.ack_messages = open_.size() > 1
                             ? uint16_t{1}
                             : static_cast<uint16_t>(std::min<uint64_t>(kWindow, fast->flow));
  }
  const auto level = proto::HeaderView(message.header).find("Nats-Required-Api-Level");
  if (level) {
    if (const auto error = check_required_level(*level)) {
      open_.erase(open);
      core_.ingest.refuse(reply, *error);
      return true;
    }
  }
  open->second.deadline = core_.host.now() + core_.host.batch_limits().silence;
  if (fast->is_ping) {
    ping(open, *fast, reply);
    return true;
  }
  // It ended with an error: its publisher waits for the last answer.
  if (open->second.is_commit) return true;
  return append(open, *fast, message);
}

// Confirms what came, and asks for the last flow message again.
void FastPublish::ping(Open::iterator open, const FastReply& fast, Slice reply) {
  Batch& batch = open->second;
  batch.reply = std::string(reply);
  if (fast.sequence > batch.last) {
    tell_gap(reply, batch.last + 1, fast.sequence + 1);
    if (!batch.gap_ok) return commit(open, reply);
    batch.last = fast.sequence;
    if (batch.staged.empty()) batch.persisted = batch.last;
    if (check_flow(batch)) return;
  }
  tell_flow(batch, reply);
}

bool FastPublish::append(Open::iterator open, const FastReply& fast, const Incoming& message) {
  Batch& batch = open->second;
  const Slice reply = core_.config.no_ack ? Slice() : message.reply;
  const uint64_t expected = batch.last + 1;
  const bool is_gap = fast.sequence != expected;
  if (is_gap && !(batch.gap_ok && fast.sequence > expected)) {
    tell_gap(reply, expected, fast.sequence);
    commit(open, reply);
    return true;
  }
  if (fast.is_eob) {
    if (is_gap) tell_gap(reply, expected, fast.sequence);
    batch.last = fast.sequence - 1;
    if (batch.staged.empty()) batch.persisted = batch.last;
    commit(open, reply);
    return true;
  }
  Candidate candidate;
  candidate.subject = message.subject;
  candidate.header = message.header;
  candidate.body = message.body;
  if (proto::HeaderView(message.header).has("Nats-Required-Api-Level")) {
    std::string block(message.header);
    proto::remove_header(block, "Nats-Required-Api-Level");
    candidate.set_header(std::move(block));
  }
  const Verdict verdict = core_.ingest.check(candidate, nullptr);
  if (verdict.kind == Verdict::Kind::kHold) return false;
  uint64_t index = 0;
  if (verdict.is_store()) {
    index = core_.ingest.propose_internal(candidate);
    if (index == 0) return core_.is_failed;
  }
  if (is_gap) tell_gap(reply, expected, fast.sequence);
  batch.last = fast.sequence;
  batch.reply = std::string(reply);
  if (fast.sequence == 1 && !fast.is_commit) tell_flow(batch, reply);
  if (verdict.kind == Verdict::Kind::kRefuse) {
    refused(open, fast, reply, verdict.error);
    return true;
  }
  if (verdict.is_store()) {
    batch.staged.push_back({index, fast.sequence, core_.staged.last_sequence});
  } else if (batch.staged.empty()) {
    batch.persisted = batch.last;
    batch.sequence = std::max(batch.sequence, verdict.sequence);
    check_flow(batch);
  }
  if (fast.is_commit) commit(open, reply);
  return true;
}

void FastPublish::refused(Open::iterator open, const FastReply& fast, Slice reply,
                          const ApiError& error) {
  Batch& batch = open->second;
  // The first message in "fail" mode is answered as any other publish.
  if (!fast.gap_ok && fast.sequence == 1) {
    open_.erase(open);
    core_.ingest.refuse(reply, error);
    return;
  }
  std::string body = "{\"type\":\"err\",\"seq\":" + std::to_string(fast.sequence) + ",\"error\":";
  append_api_error(body, error);
  body += "}";
  if (!reply.empty()) core_.answers.text(core_.staged_index(), reply, {}, body);
  if (fast.gap_ok && !fast.is_commit) {
    if (batch.staged.empty()) batch.persisted = batch.last;
    return;
  }
  --batch.last;
  if (batch.staged.empty()) batch.persisted = batch.last;
  commit(open, reply);
}

void FastPublish::commit(Open::iterator open, Slice reply) {
  Batch& batch = open->second;
  batch.is_commit = true;
  batch.reply = std::string(reply);
  if (!batch.staged.empty()) return;
  tell_end(open->first, batch, reply);
  open_.erase(open);
}

// --- what publishers are told ---

bool FastPublish::check_flow(Batch& batch) {
  const uint64_t every = batch.ack_messages;
  if (batch.persisted < batch.told + every) return false;
  batch.told += (batch.persisted - batch.told) / every * every;
  const uint64_t share = std::max<uint64_t>(1, kWindow / std::max<size_t>(1, open_.size()));
  const auto most = static_cast<uint16_t>(std::min<uint64_t>(share, batch.ack_messages_max));
  if (batch.ack_messages < most) {
    batch.ack_messages = std::min<uint16_t>(most, static_cast<uint16_t>(batch.ack_messages * 2));
  } else if (batch.ack_messages > most) {
    batch.ack_messages = std::max<uint16_t>(most, static_cast<uint16_t>(batch.ack_messages / 2));
  }
  tell_flow(batch, batch.reply);
  return true;
}

void FastPublish::tell_flow(const Batch& batch, Slice reply) {
  if (reply.empty()) return;
  core_.answers.text(core_.staged_index(), reply, {},
                     "{\"type\":\"ack\",\"seq\":" + std::to_string(batch.told) +
                         ",\"msgs\":" + std::to_string(batch.ack_messages) + "}");
}

void FastPublish::tell_gap(Slice reply, uint64_t expected, uint64_t got) {
  if (reply.empty()) return;
  core_.answers.text(core_.staged_index(), reply, {},
                     "{\"type\":\"gap\",\"last_seq\":" + std::to_string(expected) +
                         ",\"seq\":" + std::to_string(got) + "}");
}

void FastPublish::tell_end(const std::string& id, const Batch& batch, Slice reply) {
  if (reply.empty()) return;
  std::string rest = ",\"batch\":";
  append_go_json_string(rest, id);
  rest += ",\"count\":" + std::to_string(batch.last);
  core_.answers.ack(core_.staged_index(), reply, batch.sequence, rest);
}

void FastPublish::run(Instant now) {
  const uint64_t applied = core_.group->applied_index();
  for (auto open = open_.begin(); open != open_.end();) {
    Batch& batch = open->second;
    const bool had_staged = !batch.staged.empty();
    while (!batch.staged.empty() && batch.staged.front().index <= applied) {
      batch.persisted = batch.staged.front().batch_sequence;
      batch.sequence = batch.staged.front().sequence;
      batch.staged.pop_front();
    }
    const bool is_done = batch.staged.empty();
    if (had_staged && is_done) batch.persisted = batch.last;
    if (is_done && batch.is_commit) {
      tell_end(open->first, batch, batch.reply);
      open = open_.erase(open);
      continue;
    }
    if (had_staged) check_flow(batch);
    open = is_done && batch.deadline <= now ? open_.erase(open) : std::next(open);
  }
}

Instant FastPublish::next_due() const {
  Instant due{};
  for (const auto& [id, batch] : open_) {
    if (due.ns == 0 || batch.deadline < due) due = batch.deadline;
  }
  return due;
}

}  // namespace petrel::jetstream
