// Choosing the next message and sending it; redelivery.
#include "jetstream/consumer_core.h"

#include "petrel/jetstream/stream_config.h"
#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {
// How many deadlines one turn looks at.
constexpr size_t kExpiriesMax = 10'000;
constexpr size_t kMatchesAhead = 16;
constexpr Slice kDeletedReason = "Unacknowledged message was deleted";
}  // namespace

Halt ConsumerCore::deliver(size_t messages_max, size_t& delivered) {
  if (is_paused()) return Halt::kPaused;
  if (subject_limit_.is_on()) subject_limit_.follow(state_);
  is_prioritized_ = !subject_limit_.is_on() && config_.ack_policy == AckPolicy::kExplicit &&
                    has_priorities(host_.stream_config());
  Candidate candidate;
  while (delivered < messages_max) {
    if (!is_started_) return Halt::kStopped;
    const Halt before =
        is_push() ? push_halt() : (pulls_.is_empty() ? Halt::kNobody : Halt::kBudget);
    if (before != Halt::kBudget) return before;
    candidate.deliveries = 1;
    const Halt found = next_candidate(candidate);
    if (found != Halt::kBudget) return found;
    if (is_before_its_time(candidate)) return Halt::kRate;
    const Frame frame = make_frame(candidate);
    const Halt sent = is_push() ? send_to_push(candidate, frame) : send_to_pull(candidate, frame);
    if (sent != Halt::kBudget) return sent;
    ++delivered;
  }
  return Halt::kBudget;
}

// --- which message ---

bool ConsumerCore::is_at_max_pending() const {
  return config_.max_ack_pending > 0 && !is_ack_none() &&
         state_.pending().size() >= static_cast<size_t>(config_.max_ack_pending);
}

Halt ConsumerCore::next_candidate(Candidate& candidate) {
  const Halt again = next_redelivery(candidate);
  if (again != Halt::kEndOfStream) return again;
  if (is_at_max_pending()) return Halt::kMaxAckPending;
  if (list_head_ < list_.size()) {
    const Halt listed = next_of_list(candidate);
    if (listed != Halt::kEndOfStream) return listed;
  }
  if (is_prioritized_) return next_by_priority(candidate);
  if (!state_.held().empty()) {
    const Halt held = next_held(candidate);
    if (held != Halt::kEndOfStream) return held;
    if (state_.held().size() >= SubjectLimit::kHeldMax) return Halt::kMaxAckPending;
  }
  for (;;) {
    const Halt found = next_new(candidate);
    if (found == Halt::kBudget && hold(candidate)) {
      if (state_.held().size() < SubjectLimit::kHeldMax) continue;
      return Halt::kMaxAckPending;
    }
    return found == Halt::kEndOfStream && !state_.held().empty() ? Halt::kMaxAckPending : found;
  }
}

bool ConsumerCore::hold(const Candidate& candidate) {
  if (!subject_limit_.is_on() || subject_limit_.may_deliver(candidate.message.subject))
    return false;
  subject_limit_.on_held(candidate.message.sequence, candidate.message.subject);
  pass_over(candidate.message.sequence);
  return true;
}

void ConsumerCore::pass_over(uint64_t sequence) {
  log_.hold(sequence);
  state_.hold(sequence);
  state_.set_operation(log_.operation());
}

// What was passed over goes before anything new as soon as its subject has room.
Halt ConsumerCore::next_held(Candidate& candidate) {
  while (const uint64_t sequence =
             subject_limit_.is_on() ? subject_limit_.next_held(state_) : *state_.held().begin()) {
    const Halt found = read(sequence, candidate);
    if (found != Halt::kEndOfStream) return found;
    state_.remove(sequence);
    if (state_.held().empty()) break;
  }
  return Halt::kEndOfStream;
}

// Subjects of what is waited for or passed over, after a start.
void ConsumerCore::load_subjects() {
  subject_limit_.clear();
  priorities_.begin(state_);
  const bool is_possible = config_.ack_policy == AckPolicy::kExplicit;
  subject_limit_.set(is_possible ? max_ack_pending_per_subject(config_) : 0);
  if (!subject_limit_.is_on()) return;
  state_.pending().for_each([&](const PendingAck& entry) {
    if (const auto known = host_.messages().known(entry.sequence)) {
      subject_limit_.on_delivered(entry.sequence, known->subject);
    }
  });
  for (const uint64_t sequence : state_.held()) {
    if (const auto known = host_.messages().known(sequence)) {
      subject_limit_.on_held(sequence, known->subject);
    }
  }
}

Halt ConsumerCore::next_redelivery(Candidate& candidate) {
  while (const uint64_t sequence = redeliveries_.front(state_)) {
    const PendingAck entry = *state_.find(sequence);
    if (config_.max_deliver > 0 && entry.deliveries >= config_.max_deliver) {
      redeliveries_.pop(state_);
      exhaust(entry);
      continue;
    }
    const Halt found = read(sequence, candidate);
    if (found == Halt::kEndOfStream) {
      redeliveries_.pop(state_);
      advise_sequences("terminated",
                       {.deliveries = entry.deliveries,
                        .stream_sequence = sequence,
                        .consumer_sequence = entry.consumer_sequence},
                       kDeletedReason);
      log_.settle(sequence);
      state_.settle(sequence);
      state_.set_operation(log_.operation());
      continue;
    }
    candidate.deliveries = entry.deliveries + 1;
    return found;
  }
  return Halt::kEndOfStream;
}

Halt ConsumerCore::next_of_list(Candidate& candidate) {
  while (list_head_ < list_.size()) {
    const Halt found = read(list_[list_head_], candidate);
    if (found != Halt::kEndOfStream) return found;
    ++list_head_;
  }
  state_.skip_to(list_end_ + 1);
  list_ = {};
  list_head_ = 0;
  return Halt::kEndOfStream;
}

Halt ConsumerCore::next_new(Candidate& candidate) {
  store::MessageStore& messages = *turn_.messages;
  for (;;) {
    const uint64_t last = messages.state().last_sequence;
    if (state_.next() > last) break;
    if (filters_.empty() || is_dense_) {
      const Halt found = read(state_.next(), candidate);
      if (found == Halt::kReading) return found;
      if (found == Halt::kBudget && matches(candidate.message.subject)) return found;
    }
    const uint64_t sequence = next_match();
    if (sequence == 0) {
      state_.skip_to(last + 1);
      break;
    }
    is_dense_ = sequence == state_.next() + 1 || sequence == state_.next();
    state_.skip_to(sequence);
    const Halt found = read(sequence, candidate);
    if (found != Halt::kEndOfStream) return found;
    state_.skip_to(sequence + 1);
  }
  num_pending_ = static_cast<int64_t>(state_.held().size());
  return Halt::kEndOfStream;
}

// The first one that matches from state_.next() on; 0: none. Several are asked for at a time, so
// that they are on their way while the ones before are sent.
uint64_t ConsumerCore::next_match() {
  const uint64_t from = state_.next();
  // It was set back.
  if (from < matches_from_) match_head_ = matches_.size();
  matches_from_ = from;
  while (match_head_ < matches_.size() && matches_[match_head_] < from) ++match_head_;
  if (match_head_ == matches_.size()) {
    matches_.resize(kMatchesAhead);
    matches_.resize(turn_.messages->next_matches(filters_, from, matches_));
    match_head_ = 0;
  }
  return matches_.empty() ? 0 : matches_[match_head_];
}

// kBudget: here it is; kEndOfStream: it is not there.
Halt ConsumerCore::read(uint64_t sequence, Candidate& candidate) {
  switch (turn_.messages->read(sequence, candidate.message)) {
    case store::ReadStatus::kFound:
      return Halt::kBudget;
    case store::ReadStatus::kPending:
      return Halt::kReading;
    case store::ReadStatus::kMissing:
      return Halt::kEndOfStream;
    case store::ReadStatus::kCorrupt:
      break;
  }
  host_.outside().log(LogLevel::kError, "JetStream consumer '" + std::string(host_.account_name()) +
                                            " > " + host_.stream_config().name + " > " +
                                            config_.name + "' cannot deliver message " +
                                            std::to_string(sequence) + ": it is damaged on disk");
  return Halt::kEndOfStream;
}

// --- how it looks ---

ConsumerCore::Frame ConsumerCore::make_frame(const Candidate& candidate) {
  const uint64_t pending = num_pending();
  ack_subject_.resize(ack_prefix_);
  append_ack_numbers(ack_subject_,
                     {.deliveries = candidate.deliveries,
                      .stream_sequence = candidate.message.sequence,
                      .consumer_sequence = state_.delivered().consumer + 1,
                      .time_ns = candidate.message.time.ns,
                      .pending = candidate.is_new() && pending > 0 ? pending - 1 : pending});
  Frame frame{
      .reply = ack_subject_, .header = candidate.message.header, .body = candidate.message.body};
  if (config_.headers_only) {
    frame.header = without_body(candidate.message);
    frame.body = {};
  }
  frame.bytes = static_cast<int64_t>(candidate.message.subject.size() + frame.reply.size() +
                                     frame.header.size() + frame.body.size());
  return frame;
}

Slice ConsumerCore::without_body(const store::StoredMessage& message) {
  header_.assign(message.header.empty() ? proto::kHeaderLine : message.header);
  if (!message.header.empty()) header_.resize(header_.size() - 2);
  header_ += "Nats-Msg-Size: ";
  append_number(header_, message.body.size());
  header_ += "\r\n\r\n";
  return header_;
}

// --- what is noted of it ---

void ConsumerCore::note_delivered(const Candidate& candidate) {
  const SequencePair at{.consumer = state_.delivered().consumer + 1,
                        .stream = candidate.message.sequence};
  const int64_t sent_ns = turn_.steady_ns;
  last_delivered_ = turn_.wall_now;
  if (candidate.is_new()) {
    if (num_pending_ > 0) --num_pending_;
    if (list_head_ < list_.size()) {
      ++list_head_;
      if (list_head_ == list_.size()) {
        state_.skip_to(list_end_ + 1);
        list_ = {};
        list_head_ = 0;
      }
    }
  }
  if (is_ack_none()) {
    state_.deliver_acked(at);
    if (!is_cursor_due_) {
      is_cursor_due_ = true;
      const bool is_kept = host_.stream_config().retention != Retention::kLimits;
      cursor_at_ = is_kept ? turn_.now : turn_.now + Duration::seconds(1);
    }
    return;
  }
  if (candidate.is_new()) {
    if (subject_limit_.is_on()) {
      subject_limit_.on_delivered(at.stream, candidate.message.subject);
    }
    state_.deliver(at, sent_ns);
    log_.deliver(at, sent_ns);
  } else {
    redeliveries_.pop(state_);
    state_.redeliver(at, candidate.deliveries, sent_ns);
    log_.redeliver(at, candidate.deliveries, sent_ns);
  }
  state_.set_operation(log_.operation());
  if (const PendingAck* entry = state_.find(at.stream)) arm_redelivery(*entry);
}

// --- redelivery ---

int64_t ConsumerCore::wait_ns(uint32_t deliveries) const {
  if (config_.backoff.empty()) return config_.ack_wait.ns;
  const size_t step = std::min<size_t>(deliveries, config_.backoff.size());
  return config_.backoff[step == 0 ? 0 : step - 1].ns;
}

void ConsumerCore::arm_redelivery(const PendingAck& entry) {
  if (config_.ack_wait.ns <= 0) return;
  redeliveries_.arm(entry.sequence, entry.sent_ns + wait_ns(entry.deliveries), state_);
}

void ConsumerCore::expire_pending() {
  const int64_t now_ns = steady_wall_ns();
  std::vector<uint64_t> due;
  while (due.size() < kExpiriesMax) {
    const uint64_t sequence = redeliveries_.take_due(now_ns);
    if (sequence == 0) break;
    const PendingAck* entry = state_.find(sequence);
    if (entry == nullptr || entry->is_queued) continue;
    // Its wait may have begun anew since.
    if (entry->sent_ns + wait_ns(entry->deliveries) > now_ns) {
      arm_redelivery(*entry);
      continue;
    }
    due.push_back(sequence);
  }
  std::sort(due.begin(), due.end());
  for (const uint64_t sequence : due) expire_one(sequence);
}

void ConsumerCore::expire_one(uint64_t sequence) {
  PendingAck* entry = state_.find(sequence);
  if (entry == nullptr || entry->is_queued) return;
  if (config_.max_deliver > 0 && entry->deliveries >= config_.max_deliver) {
    exhaust(*entry);
    return;
  }
  redeliveries_.queue(*entry, state_);
}

void ConsumerCore::exhaust(const PendingAck& entry) {
  const uint64_t sequence = entry.sequence;
  advise_exhausted(sequence, entry.deliveries);
  if (has_dead_letter()) {
    bury(sequence, entry.deliveries, "max_deliver");
    return;
  }
  log_.exhaust(sequence);
  state_.exhaust(sequence);
  state_.set_operation(log_.operation());
}

}  // namespace petrel::jetstream
