// Acknowledgements: the verbs that clients send to the ack subject.
#include "jetstream/consumer_core.h"
#include "jetstream/go_values.h"

#include "petrel/jetstream/stream_config.h"
#include "petrel/proto/header_view.h"
#include "petrel/proto/json_text.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr Slice kNext = "+NXT";
constexpr Slice kNak = "-NAK";
constexpr Slice kTerm = "+TERM";

bool has_prefix(Slice body, Slice prefix) {
  return body.substr(0, prefix.size()) == prefix;
}

Slice trimmed(Slice text) {
  constexpr Slice kSpace = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == Slice::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

void ConsumerCore::on_ack(Slice subject, Slice reply, Slice body) {
  if (!is_started_ || is_ack_none() || config_.ack_policy == AckPolicy::kFlowControl) return;
  const Ack ack{parse_ack_subject(subject), reply, body};
  // No delivery has the number 0: an answer to one of the consumer's own messages.
  if (ack.at.deliveries == 0 && has_prefix(body, "{")) {
    on_letter_answer(ack.at, body);
    return;
  }
  if (ack.at.stream_sequence == 0) return;
  note_activity(now());
  if (body.empty() || body == "+ACK" || body == "+OK") {
    if (ack_one(ack, true)) answer_when_applied(reply);
    return;
  }
  if (has_prefix(body, kNext)) {
    ack_one(ack, true);
    on_pull(reply, {}, body.substr(kNext.size()));
    return;
  }
  if (has_prefix(body, kNak)) {
    nak(ack);
  } else if (body == "+WPI") {
    progress(ack.at.stream_sequence);
  } else if (has_prefix(body, kTerm)) {
    const Slice reason = trimmed(body.substr(kTerm.size()));
    const PendingAck* entry = has_dead_letter() ? state_.find(ack.at.stream_sequence) : nullptr;
    bool is_known = true;
    if (entry != nullptr) {
      bury(entry->sequence, entry->deliveries,
           reason.empty() ? "terminated" : "terminated: " + std::string(reason));
    } else {
      is_known = ack_one(ack, false);
    }
    advise_sequences("terminated", ack.at, reason);
    if (!is_known) return;
  }
  answer_when_applied(reply);
}

void ConsumerCore::wake_if_room(bool was_full) {
  if (was_full) wake();
}

// False: nothing was delivered under that sequence yet, and nobody is answered.
bool ConsumerCore::ack_one(const Ack& ack, bool may_sample) {
  const uint64_t sequence = ack.at.stream_sequence;
  if (sequence >= state_.next()) {
    const uint64_t last = host_.messages().state().last_sequence;
    if (sequence > last) {
      host_.outside().log(LogLevel::kDebug, "JetStream consumer '" + config_.name +
                                                "' was sent an ack for sequence " +
                                                std::to_string(sequence) + " past the last one, " +
                                                std::to_string(last));
    }
    return false;
  }
  const bool was_full = is_at_max_pending();
  if (config_.ack_policy == AckPolicy::kExplicit) {
    last_acked_ = host_.outside().wall_now();
    ack_explicit(ack, may_sample);
  } else if (state_.settle_up_to(sequence)) {
    last_acked_ = host_.outside().wall_now();
    log_.settle_up_to(sequence);
    state_.set_operation(log_.operation());
  }
  wake();
  wake_if_room(was_full);
  return true;
}

bool ConsumerCore::ack_explicit(const Ack& ack, bool may_sample) {
  const uint64_t sequence = ack.at.stream_sequence;
  const PendingAck* entry = state_.find(sequence);
  if (entry != nullptr && may_sample) sample(ack, *entry);
  if (!state_.settle(sequence)) {
    // Delivered before a reset: nobody waits for the ack any more, but the stream keeps the
    // message.
    const bool is_kept = host_.stream_config().retention != Retention::kLimits;
    if (!is_kept || !host_.messages().contains(sequence)) return false;
  }
  log_.settle(sequence);
  state_.set_operation(log_.operation());
  return true;
}

void ConsumerCore::sample(const Ack& ack, const PendingAck& entry) {
  if (config_.sample_freq.empty()) return;
  const int percent = sample_percent(config_);
  if (percent <= 0) return;
  // As nats-server does it: 1 percent samples two of a hundred.
  if (percent < 100 && host_.outside().prng().below(100) > static_cast<uint64_t>(percent)) return;
  advise_sample(ack.at, steady_wall_ns() - entry.sent_ns);
}

void ConsumerCore::progress(uint64_t sequence) {
  const int64_t at_ns = steady_wall_ns();
  if (!state_.touch(sequence, at_ns)) return;
  log_.touch(sequence, at_ns);
  state_.set_operation(log_.operation());
  wake();
}

// Empty: no delay was asked for, or it cannot be read.
std::optional<Duration> ConsumerCore::nak_delay(Slice argument) {
  if (argument.empty()) return std::nullopt;
  if (argument.front() == '{' && proto::json::is_valid(argument)) {
    int64_t delay = 0;
    bool is_good = true;
    for (proto::json::Walker member(argument); member.next();) {
      if (proto::json::is_name(member.name(), "delay")) {
        is_good = proto::json::read_integer(member.value(), delay);
      }
    }
    if (is_good) return Duration::nanos(delay);
  } else if (const auto parsed = parse_go_duration(argument)) {
    return *parsed;
  }
  host_.outside().log(LogLevel::kWarn, "JetStream consumer '" + std::string(host_.account_name()) +
                                           " > " + host_.stream_config().name + " > " +
                                           config_.name + "' bad NAK delay value");
  return std::nullopt;
}

void ConsumerCore::nak(const Ack& ack) {
  if (ack.at.consumer_sequence > state_.delivered().consumer + 1) return;
  PendingAck* entry = state_.find(ack.at.stream_sequence);
  if (entry == nullptr) return;
  advise_sequences("nak", ack.at, {});
  const auto delay = nak_delay(trimmed(ack.body.substr(kNak.size())));
  if (delay) {
    state_.set_queued(*entry, false);
    // It counts as sent so long ago that its wait ends with the delay.
    const int64_t far = INT64_MAX / 4;
    const int64_t sent_ns =
        steady_wall_ns() + std::clamp<int64_t>(delay->ns, -far, far) - wait_ns(entry->deliveries);
    entry->sent_ns = sent_ns;
    log_.touch(entry->sequence, sent_ns);
    state_.set_operation(log_.operation());
    arm_redelivery(*entry);
  } else {
    redeliveries_.queue(*entry, state_);
  }
  wake();
}

void ConsumerCore::on_flow_reply(Slice subject, Slice header) {
  if (!is_started_ || subject != push_.flow.reply || push_.flow.reply.empty()) return;
  push_.flow.answered();
  wake();
  if (config_.ack_policy != AckPolicy::kFlowControl) return;
  const auto last = proto::HeaderView(header).find("Nats-Last-Stream");
  if (!last) return;
  const uint64_t sequence = parse_number(*last);
  if (sequence == 0 || !state_.settle_up_to(sequence)) return;
  last_acked_ = host_.outside().wall_now();
  log_.settle_up_to(sequence);
  state_.set_operation(log_.operation());
}

}  // namespace petrel::jetstream
