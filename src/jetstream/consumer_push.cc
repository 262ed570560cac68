// Push delivery: interest, flow control, heartbeats, pace.
#include "jetstream/consumer_core.h"

#include "petrel/jetstream/stream_config.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr Instant kNever{INT64_MAX};
// Interest is looked for this often while there is none, at first and at last.
constexpr Duration kLookMin = Duration::millis(20);
constexpr Duration kLookMax = Duration::seconds(1);
constexpr Duration kPaceMin = Duration::millis(1);
constexpr int64_t kBurstDefault = 1 << 20;

}  // namespace

// --- windows and rates ---

bool FlowWindow::add(int64_t bytes) {
  if (window == 0) return false;
  pending += bytes;
  if (reply.empty()) return pending > window / 2;
  // What goes out behind the request is answered with it once the window is full.
  if (pending - asked >= window) asked += bytes;
  return false;
}

void FlowWindow::answered() {
  window = std::min(window * 2, kLimit);
  pending = std::max<int64_t>(pending - asked, 0);
  asked = 0;
  reply.clear();
}

void RateLimit::begin(uint64_t bits_per_second, int64_t burst_bytes, Instant now) {
  bytes_per_second = bits_per_second / 8;
  burst = burst_bytes;
  tokens = static_cast<double>(burst);
  updated = now;
}

Duration RateLimit::take(int64_t bytes, Instant now) {
  if (bytes_per_second == 0) return {};
  const auto rate = static_cast<double>(bytes_per_second);
  tokens = std::min(tokens + rate * static_cast<double>((now - updated).ns) / 1e9,
                    static_cast<double>(burst));
  updated = now;
  tokens -= static_cast<double>(bytes);
  if (tokens >= 0) return {};
  return Duration::nanos(static_cast<int64_t>(-tokens / rate * 1e9));
}

void ConsumerCore::set_rate_limit() {
  const int64_t largest = host_.stream_config().max_msg_size;
  push_.rate.begin(config_.rate_limit_bps, largest > 0 ? largest : kBurstDefault, now());
}

// --- interest ---

void ConsumerCore::set_active(bool is_active) {
  if (push_.is_active == is_active) return;
  push_.is_active = is_active;
  if (is_active) {
    push_.look_at = kNever;
  } else {
    push_.inactive_since = now();
    push_.look_pause = kLookMin;
    push_.look_at = now() + kLookMin;
  }
}

bool ConsumerCore::is_listened_to() const {
  return host_.outside().has_interest(host_.stream(), config_.deliver_subject,
                                      config_.deliver_group);
}

void ConsumerCore::check_interest() {
  if (now() < push_.look_at) return;
  const bool is_there = is_listened_to();
  if (is_there != push_.is_active) {
    set_active(is_there);
  } else if (!is_there) {
    push_.look_pause = std::clamp(push_.look_pause * 2, kLookMin, kLookMax);
    push_.look_at = now() + push_.look_pause;
  }
  // Somebody who listened may leave without a delivery that would show it; a consumer that is to go
  // soon after looks more often.
  if (is_there) {
    const Duration half = Duration::nanos(inactive_after_.ns / 2);
    push_.look_at = now() + (half.ns > 0 ? std::clamp(half, kLookMin, kLookMax) : kLookMax);
  }
}

Halt ConsumerCore::push_halt() {
  if (!push_.is_active) return Halt::kNobody;
  if (push_.flow.is_full()) return Halt::kFlowControl;
  if (push_.ready_at > turn_.now) return Halt::kRate;
  return Halt::kBudget;
}

// --- pace ---

// Replay at the original pace: the message waits as long as it did when it was stored.
bool ConsumerCore::is_before_its_time(const Candidate& candidate) {
  if (push_.replay_until == 0) return false;
  const uint64_t sequence = candidate.message.sequence;
  if (sequence > push_.replay_until) {
    push_.replay_until = 0;
    return false;
  }
  if (push_.paced != sequence) {
    const Duration gap = Duration::nanos(candidate.message.time.ns - push_.replay_last_ns);
    const bool has_gap = push_.replay_last_ns != 0 && gap > kPaceMin;
    push_.paced = sequence;
    push_.replay_last_ns = candidate.message.time.ns;
    push_.ready_at = has_gap ? now() + gap : now();
  }
  return now() < push_.ready_at;
}

// --- sending ---

Halt ConsumerCore::send_to_push(const Candidate& candidate, const Frame& frame) {
  const OutMessage message{config_.deliver_subject, candidate.message.subject, frame.reply,
                           frame.header, frame.body};
  if (turn_.outside->send(host_.stream(), message) == 0) {
    set_active(false);
    return Halt::kNobody;
  }
  note_delivered(candidate);
  if (config_.idle_heartbeat.ns > 0) push_.beat_at = turn_.now + config_.idle_heartbeat;
  const Duration wait = push_.rate.take(frame.bytes, turn_.now);
  if (wait.ns > 0) push_.ready_at = turn_.now + wait;
  const auto bytes = static_cast<int64_t>(config_.deliver_subject.size() + frame.reply.size() +
                                          frame.header.size() + frame.body.size());
  const bool asks = push_.flow.add(bytes);
  const bool is_acked_by_flow =
      config_.ack_policy == AckPolicy::kFlowControl && is_at_max_pending();
  if (push_.flow.window > 0 && push_.flow.reply.empty() && (asks || is_acked_by_flow)) {
    send_flow_request();
  }
  return Halt::kBudget;
}

void ConsumerCore::send_flow_request() {
  constexpr Slice kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string reply = "$JS.FC." + reply_place();
  for (int i = 0; i < 4; ++i) reply += kDigits[host_.outside().prng().below(kDigits.size())];
  push_.flow.asked = push_.flow.pending;
  push_.flow.reply = std::move(reply);
  send(config_.deliver_subject, push_.flow.reply, "NATS/1.0 100 FlowControl Request\r\n\r\n");
}

void ConsumerCore::beat_push() {
  if (now() < push_.beat_at) return;
  push_.beat_at = now() + config_.idle_heartbeat;
  if (!push_.is_active) return;
  send_beat(config_.deliver_subject);
  if (config_.ack_policy == AckPolicy::kFlowControl && !state_.pending().is_empty() &&
      push_.flow.reply.empty()) {
    send_flow_request();
  }
}

}  // namespace petrel::jetstream
