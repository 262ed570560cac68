#include "jetstream/stream_ingest.h"

#include "jetstream/stream_core.h"

#include "petrel/base/go_duration.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

constexpr Slice kTooManyRequests = "NATS/1.0 429 Too Many Requests\r\n\r\n";
constexpr Slice kFastSuffix = ".$FI";

}  // namespace

Incoming StreamIngest::Held::view() const {
  const Slice all(bytes);
  const size_t body = size_t{subject_bytes} + reply_bytes + header_bytes;
  return {all.substr(0, subject_bytes), all.substr(subject_bytes, reply_bytes),
          all.substr(size_t{subject_bytes} + reply_bytes, header_bytes), all.substr(body)};
}

void StreamIngest::take(const Incoming& message) {
  if (!core_.is_started || core_.is_stopped || core_.is_failed || core_.is_gone) return;
  if (is_overloaded(message)) return;
  if (!held_.empty() || core_.is_behind_barrier() || !offer(message)) hold(message);
}

// A stream that acknowledges nothing tells this all the same.
bool StreamIngest::is_overloaded(const Incoming& message) {
  const uint64_t bytes =
      message.subject.size() + message.reply.size() + message.header.size() + message.body.size();
  const bool is_full = core_.staged.messages() + held_.size() >= core_.limits.messages ||
                       core_.staged.bytes() + held_bytes_ + bytes > core_.limits.bytes;
  if (!is_full || message.reply.empty()) return is_full;
  std::string body;
  append_pub_ack_error(body, api_error(ApiErrc::kStreamTooManyRequests), core_.config.name);
  core_.answers.text(0, message.reply, kTooManyRequests, body);
  return true;
}

void StreamIngest::hold(const Incoming& message) {
  Held held{{},
            static_cast<uint32_t>(message.subject.size()),
            static_cast<uint32_t>(message.reply.size()),
            static_cast<uint32_t>(message.header.size())};
  held.bytes.reserve(message.subject.size() + message.reply.size() + message.header.size() +
                     message.body.size());
  held.bytes.append(message.subject).append(message.reply);
  held.bytes.append(message.header).append(message.body);
  held_bytes_ += held.bytes.size();
  held_.push_back(std::move(held));
}

bool StreamIngest::release() {
  bool is_some = false;
  while (!held_.empty() && !core_.is_behind_barrier() && !core_.is_failed) {
    if (!offer(held_.front().view())) break;
    held_bytes_ -= held_.front().bytes.size();
    held_.pop_front();
    is_some = true;
  }
  return is_some;
}

void StreamIngest::drop_held() {
  held_.clear();
  held_bytes_ = 0;
}

Candidate& StreamIngest::begin(const Incoming& message) {
  Candidate& candidate = candidate_;
  candidate.subject = message.subject;
  candidate.header = message.header;
  candidate.body = message.body;
  candidate.flags = 0;
  candidate.ttl_seconds = 0;
  candidate.due = {};
  candidate.time = {};
  candidate.id = {};
  candidate.producer = {};
  candidate.ack_rest.clear();
  return candidate;
}

bool StreamIngest::offer(const Incoming& message) {
  const Slice reply = core_.config.no_ack ? Slice() : message.reply;
  if (message.reply.ends_with(kFastSuffix)) return core_.fast.take(message);
  Candidate& candidate = begin(message);
  if (!message.header.empty()) {
    const Slice batch = proto::HeaderView(message.header).find("Nats-Batch-Id").value_or(Slice());
    if (!batch.empty()) return core_.batches.take(batch, message);
  }
  Verdict verdict = check(candidate, nullptr);
  switch (verdict.kind) {
    case Verdict::Kind::kStore:
      return store(candidate, reply);
    case Verdict::Kind::kRefuse:
      refuse(reply, verdict.error);
      return true;
    case Verdict::Kind::kDuplicate:
      if (!reply.empty()) {
        core_.answers.ack(core_.staged_index(), reply, verdict.sequence, ",\"duplicate\": true");
      }
      return true;
    case Verdict::Kind::kHold:
      return false;
  }
  return true;
}

void StreamIngest::refuse(Slice reply, const ApiError& error) {
  if (reply.empty()) return;
  std::string body;
  append_pub_ack_error(body, error, core_.config.name);
  core_.answers.text(core_.staged_index(), reply, {}, body);
}

// --- staging ---

MessageHead StreamIngest::head_of(const Candidate& candidate, uint64_t ahead) const {
  MessageHead head;
  head.flags = candidate.flags;
  head.subject_bytes = static_cast<uint16_t>(candidate.subject.size());
  head.header_bytes = static_cast<uint32_t>(candidate.header.size());
  head.sequence = core_.staged.last_sequence + 1 + ahead;
  head.time = candidate.time.ns != 0 ? candidate.time.ns : core_.next_time().ns;
  head.ttl_seconds = candidate.ttl_seconds;
  head.due = candidate.due.ns;
  if (!candidate.id.empty()) {
    head.flags |= message_flag::kHasId;
    head.id_offset = static_cast<uint32_t>(candidate.id.data() - candidate.header.data());
    head.id_bytes = static_cast<uint32_t>(candidate.id.size());
  }
  return head;
}

void StreamIngest::note_staged(const Candidate& candidate, const MessageHead& head) {
  const bool is_skipped = (head.flags & message_flag::kSkipped) != 0;
  const uint64_t bytes = core_.store->counted_bytes(candidate.subject.size(),
                                                    candidate.header.size(), candidate.body.size());
  core_.staged.add(head.sequence, is_skipped ? 0 : Staged::hash_of(candidate.subject), bytes);
  core_.staged.last_time = WallTime{head.time};
  core_.staged.last_id.assign(candidate.id);
  if (!candidate.id.empty() && core_.config.duplicate_window.ns > 0) {
    core_.staged.ids.add(candidate.id, head.sequence, WallTime{head.time});
  }
  if (!candidate.producer.empty()) {
    if (producers_.size() >= 1024) {
      const uint64_t applied = core_.store->state().last_sequence;
      std::erase_if(producers_,
                    [&](const auto& entry) { return entry.second.sequence <= applied; });
    }
    producers_[std::string(candidate.producer)] = {candidate.producer_sequence, head.sequence};
  }
}

// It has no sequence yet, the answer says 0.
bool StreamIngest::store_delayed(const Candidate& candidate, Slice reply) {
  MessageHead head = head_of(candidate, 0);
  head.sequence = 0;
  const Slice parts[] = {head.bytes(), candidate.subject, candidate.header, candidate.body};
  const uint64_t index = core_.propose(parts);
  if (index == 0) return core_.is_failed;
  // Staged ids go by sequence: the next message waits until this one's id is known.
  if (!candidate.id.empty() || !candidate.producer.empty()) core_.set_barrier();
  if (!reply.empty()) core_.answers.ack(index, reply, 0);
  return true;
}

bool StreamIngest::store(Candidate& candidate, Slice reply) {
  if ((candidate.flags & message_flag::kDelayed) != 0) return store_delayed(candidate, reply);
  const MessageHead head = head_of(candidate, 0);
  const Slice parts[] = {head.bytes(), candidate.subject, candidate.header, candidate.body};
  const uint64_t index = core_.propose(parts);
  if (index == 0) return core_.is_failed;
  note_staged(candidate, head);
  if (!reply.empty()) core_.answers.ack(index, reply, head.sequence, candidate.ack_rest);
  return true;
}

// Sequences are taken only when the entry was.
uint64_t StreamIngest::propose_all(EntryWriter& together,
                                   const std::vector<Candidate>& candidates) {
  std::vector<MessageHead> heads;
  heads.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    heads.push_back(head_of(candidate, heads.size()));
    together.u32(static_cast<uint32_t>(sizeof(MessageHead) + candidate.subject.size() +
                                       candidate.header.size() + candidate.body.size()));
    together.text(heads.back().bytes());
    together.text(candidate.subject);
    together.text(candidate.header);
    together.text(candidate.body);
  }
  const Slice parts[] = {together.bytes()};
  const uint64_t index = core_.propose(parts);
  if (index == 0) return 0;
  for (size_t i = 0; i < candidates.size(); ++i) note_staged(candidates[i], heads[i]);
  return index;
}

uint64_t StreamIngest::propose_together(const std::vector<Candidate>& candidates) {
  EntryWriter together(EntryKind::kTogether);
  return propose_all(together, candidates);
}

uint64_t StreamIngest::propose_internal(Candidate& candidate) {
  const MessageHead head = head_of(candidate, 0);
  const Slice parts[] = {head.bytes(), candidate.subject, candidate.header, candidate.body};
  const uint64_t index = core_.propose(parts);
  if (index != 0) note_staged(candidate, head);
  return index;
}

bool StreamIngest::propose_skip(uint64_t first, uint64_t last) {
  EntryWriter entry(EntryKind::kSkip);
  entry.u64(first);
  entry.u64(last);
  entry.i64(core_.next_time().ns);
  const Slice parts[] = {entry.bytes()};
  if (core_.propose(parts) == 0) return false;
  core_.staged.last_sequence = last;
  return true;
}

uint64_t StreamIngest::propose_released(const std::vector<uint64_t>& numbers,
                                        const std::vector<Candidate>& candidates) {
  EntryWriter released(EntryKind::kReleased);
  for (const uint64_t number : numbers) released.u64(number);
  EntryWriter together(EntryKind::kTogether);
  together.sized(released.bytes());
  return propose_all(together, candidates);
}

uint64_t StreamIngest::propose_with_markers(Slice expire,
                                            const std::vector<std::string>& subjects) {
  if (subjects.empty()) {
    const Slice parts[] = {expire};
    return core_.propose(parts);
  }
  EntryWriter together(EntryKind::kTogether);
  together.sized(expire);
  const Duration ttl = core_.config.subject_delete_marker_ttl;
  const std::string header =
      "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: " + go_duration(ttl) +
      "\r\nNats-Rollup: sub\r\n\r\n";
  std::vector<Candidate> candidates(subjects.size());
  for (size_t i = 0; i < subjects.size(); ++i) {
    candidates[i].subject = subjects[i];
    candidates[i].header = header;
    candidates[i].flags = message_flag::kRollupSubject | message_flag::kHasTtl;
    candidates[i].ttl_seconds = ttl.ns / 1'000'000'000;
  }
  return propose_all(together, candidates);
}

}  // namespace petrel::jetstream
