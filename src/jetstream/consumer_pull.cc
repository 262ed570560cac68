// Pull requests: which are taken, in what order they are served, how they end; priority groups.
#include "jetstream/consumer_core.h"

#include "petrel/base/go_duration.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr Duration kFullSweepPause = Duration::seconds(1);
// A sweep looks at every request: the more there are the rarer it is.
constexpr int64_t kSweepNsPerPull = 10'000;

bool is_expired(const WaitingPull& pull, Instant now) {
  return pull.expires.ns != 0 && now >= pull.expires;
}

std::string bad_request(Slice why) {
  return "400 Bad Request - " + std::string(why);
}

}  // namespace

// --- status messages ---

void ConsumerCore::send_status(Slice reply, Slice status) {
  std::string header = "NATS/1.0 ";
  header.append(status).append("\r\n\r\n");
  send(reply, {}, header);
}

void ConsumerCore::send_pending_status(const WaitingPull& pull, Slice status) {
  std::string header = "NATS/1.0 ";
  header.append(status).append("\r\nNats-Pending-Messages: ").append(std::to_string(pull.batch));
  header.append("\r\nNats-Pending-Bytes: ").append(std::to_string(pull.bytes)).append("\r\n\r\n");
  send(pull.reply, {}, header);
}

void ConsumerCore::send_beat(Slice target) {
  std::string header = "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ";
  append_number(header, state_.delivered().consumer);
  header += "\r\nNats-Last-Stream: ";
  append_number(header, state_.next() - 1);
  header += "\r\n";
  if (!push_.flow.reply.empty()) {
    header += "Nats-Consumer-Stalled: " + push_.flow.reply + "\r\n";
  }
  header += "\r\n";
  send(target, {}, header);
}

// --- a request arrives ---

void ConsumerCore::on_pull(Slice reply, Slice header, Slice body) {
  if (!is_started_ || reply.empty()) return;
  if (is_push()) {
    send_status(reply, "409 Consumer is push based");
    return;
  }
  if (const auto level = proto::HeaderView(header).find("Nats-Required-Api-Level")) {
    if (check_required_level(*level)) {
      send_status(reply, "412 Required Api Level");
      return;
    }
  }
  const Result<PullRequest> request = parse_pull(body);
  if (!request) {
    send_status(reply, bad_request(request.error().detail));
    return;
  }
  if (const auto status = refusal(*request)) {
    send_status(reply, *status);
    return;
  }
  const bool is_full =
      pulls_.size() >= static_cast<size_t>(std::max<int64_t>(config_.max_waiting, 1));
  if (is_full && now() - swept_ > kFullSweepPause) sweep_pulls(false);
  if (request->no_wait && answer_no_wait(reply, *request)) return;
  add_pull(reply, *request);
}

std::optional<std::string> ConsumerCore::refusal(const PullRequest& request) {
  if (config_.max_batch > 0 && request.batch > config_.max_batch) {
    return "409 Exceeded MaxRequestBatch of " + std::to_string(config_.max_batch);
  }
  if (config_.max_expires.ns > 0 && request.expires > config_.max_expires) {
    return "409 Exceeded MaxRequestExpires of " + go_duration(config_.max_expires);
  }
  if (config_.max_bytes > 0 && request.max_bytes > config_.max_bytes) {
    return "409 Exceeded MaxRequestMaxBytes of " + std::to_string(config_.max_bytes);
  }
  return request.is_json ? priority_refusal(request) : std::nullopt;
}

std::optional<std::string> ConsumerCore::priority_refusal(const PullRequest& request) {
  const PriorityPolicy policy = config_.priority_policy;
  if ((request.min_pending != 0 || request.min_ack_pending != 0) &&
      policy != PriorityPolicy::kOverflow) {
    return bad_request("Not a Overflow Priority consumer");
  }
  if (!request.id.empty() && policy != PriorityPolicy::kPinnedClient) {
    return bad_request("Not a Pinned Client Priority consumer");
  }
  if (request.priority < 0 || request.priority > 9) {
    return bad_request("Priority must be between 0 and 9");
  }
  if (policy == PriorityPolicy::kNone) return std::nullopt;
  if (request.group.empty()) return bad_request("Priority Group missing");
  const auto& groups = config_.priority_groups;
  if (std::find(groups.begin(), groups.end(), request.group) == groups.end()) {
    return bad_request("Invalid Priority Group");
  }
  if (pin_.id.empty() || request.id.empty()) return std::nullopt;
  if (request.id != pin_.id) return "423 Nats-Pin-Id mismatch";
  pin_.until = now() + config_.priority_timeout;
  return std::nullopt;
}

// True: it was answered at once.
bool ConsumerCore::answer_no_wait(Slice reply, const PullRequest& request) {
  const uint64_t there = deliverable();
  if (there == 0) {
    if (request.expires.ns != 0) return false;
    note_activity(now());
    send_status(reply, "404 No Messages");
    return true;
  }
  sweep_pulls(false);
  int64_t wanted = 0;
  for (const WaitingPull& pull : pulls_) {
    if (__builtin_add_overflow(wanted, pull.batch, &wanted)) wanted = INT64_MAX;
  }
  if (wanted < 0 || there >= static_cast<uint64_t>(wanted)) return false;
  note_activity(now());
  send_status(reply, "408 Requests Pending");
  return true;
}

void ConsumerCore::add_pull(Slice reply, const PullRequest& request) {
  if (pulls_.size() >= static_cast<size_t>(std::max<int64_t>(config_.max_waiting, 1))) {
    // A client with heartbeats notices by itself; an answer would make it ask again at once.
    if (request.idle_heartbeat.ns == 0) send_status(reply, "409 Exceeded MaxWaiting");
    return;
  }
  const Instant at = now();
  WaitingPull pull{.reply = std::string(reply),
                   .batch = request.batch,
                   .bytes = request.max_bytes,
                   .received = at,
                   .heartbeat = request.idle_heartbeat,
                   .no_wait = request.no_wait};
  if (request.expires.ns != 0) {
    const bool is_endless = request.expires.ns > INT64_MAX - at.ns;
    pull.expires = is_endless ? Instant{INT64_MAX} : at + request.expires;
    sweep_at_ = std::min(sweep_at_, pull.expires);
  }
  if (request.idle_heartbeat.ns > 0) {
    pull.beat_next = at + request.idle_heartbeat;
    sweep_at_ = std::min(sweep_at_, pull.beat_next);
  }
  if (request.is_json) {
    pull.priority =
        std::make_unique<PullPriority>(PullPriority{.group = request.group,
                                                    .id = request.id,
                                                    .min_pending = request.min_pending,
                                                    .min_ack_pending = request.min_ack_pending,
                                                    .priority = request.priority});
  }
  note_activity(at);
  if (config_.priority_policy == PriorityPolicy::kPrioritized) {
    pulls_.push_by_priority(std::move(pull));
  } else {
    pulls_.push(std::move(pull));
  }
  wake();
}

// --- serving ---

Halt ConsumerCore::send_to_pull(const Candidate& candidate, const Frame& frame) {
  size_t skipped = 0;
  while (!pulls_.is_empty()) {
    WaitingPull& pull = pulls_.front();
    const bool had_pin = !pin_.id.empty();
    const Fit fits = fit(pull, candidate, frame.bytes);
    if (fits == Fit::kDrop) {
      if (!had_pin) clear_pin();
      pulls_.pop();
      continue;
    }
    if (fits == Fit::kSkip) {
      pulls_.rotate();
      if (++skipped >= pulls_.size()) return Halt::kNoTaker;
      continue;
    }
    Slice header = frame.header;
    if (config_.priority_policy == PriorityPolicy::kPinnedClient) {
      if (header.data() != header_.data()) header_.assign(header);
      proto::append_header(header_, "Nats-Pin-Id", pin_.id);
      header = header_;
    }
    const OutMessage message{pull.reply, candidate.message.subject, frame.reply, header,
                             frame.body};
    if (turn_.outside->send(host_.stream(), message) == 0) {
      // Its inbox is gone. A pin that it was just given would hold up the others.
      if (!had_pin) clear_pin();
      pulls_.pop();
      continue;
    }
    note_delivered(candidate);
    after_pull();
    return Halt::kBudget;
  }
  return Halt::kNobody;
}

ConsumerCore::Fit ConsumerCore::fit(WaitingPull& pull, const Candidate& candidate, int64_t bytes) {
  if (is_expired(pull, turn_.now)) {
    send_pending_status(pull, "408 Request Timeout");
    note_activity(pull.expires);
    return Fit::kDrop;
  }
  if (config_.priority_policy == PriorityPolicy::kPinnedClient) {
    const Fit pinned = fit_pin(pull);
    if (pinned != Fit::kFits) return pinned;
  }
  if (config_.priority_policy == PriorityPolicy::kOverflow &&
      !fits_overflow(pull, candidate.is_new())) {
    return Fit::kSkip;
  }
  if (pull.bytes > 0) {
    if (bytes > pull.bytes) {
      send_pending_status(pull, "409 Message Size Exceeds MaxBytes");
      return Fit::kDrop;
    }
    pull.bytes -= bytes;
    // The budget is met exactly: this message is the last one.
    if (pull.bytes == 0) pull.batch = 1;
  }
  return Fit::kFits;
}

ConsumerCore::Fit ConsumerCore::fit_pin(WaitingPull& pull) {
  const bool has_id = pull.priority != nullptr && !pull.priority->id.empty();
  if (pin_.id.empty() && !has_id) {
    assign_pin(pull);
    return Fit::kFits;
  }
  if (has_id && pull.priority->id == pin_.id) return Fit::kFits;
  if (!has_id) return Fit::kSkip;
  send_pending_status(pull, "423 Nats-Wrong-Pin-Id");
  return Fit::kDrop;
}

bool ConsumerCore::fits_overflow(const WaitingPull& pull, bool is_new) const {
  if (pull.priority == nullptr) return true;
  const PullPriority& wants = *pull.priority;
  if (wants.min_pending <= 0 && wants.min_ack_pending <= 0) return true;
  // The message itself counts as pending.
  const auto there = static_cast<int64_t>(num_pending()) + (is_new ? 0 : 1);
  if (wants.min_pending > 0 && wants.min_pending <= there) return true;
  return wants.min_ack_pending > 0 &&
         wants.min_ack_pending <= static_cast<int64_t>(state_.pending().size());
}

void ConsumerCore::after_pull() {
  WaitingPull& pull = pulls_.front();
  ++pull.delivered;
  --pull.batch;
  if (inactive_after_.ns > 0) note_activity(turn_.now);
  if (pull.batch <= 0) {
    if (pull.bytes > 0) send_pending_status(pull, "409 Batch Completed");
    pulls_.pop();
    return;
  }
  if (pull.heartbeat.ns > 0) pull.beat_next = turn_.now + pull.heartbeat;
  if (pulls_.size() == 1) return;
  if (config_.priority_policy == PriorityPolicy::kPrioritized) {
    pulls_.rotate_in_priority();
  } else {
    pulls_.rotate();
  }
}

// --- ends and heartbeats ---

bool ConsumerCore::has_taker(const WaitingPull& pull) const {
  return host_.outside().has_interest(host_.stream(), pull.reply, {});
}

size_t ConsumerCore::alive_pulls() const {
  const Instant at = now();
  return static_cast<size_t>(std::count_if(
      pulls_.begin(), pulls_.end(),
      [&](const WaitingPull& pull) { return !is_expired(pull, at) && has_taker(pull); }));
}

// True: the request ended with a status.
bool ConsumerCore::end_pull(const WaitingPull& pull, bool is_end) {
  if (is_expired(pull, now())) {
    send_pending_status(pull, "408 Request Timeout");
    note_activity(pull.expires);
    return true;
  }
  if (!is_end || !pull.no_wait) return false;
  if (pull.expires.ns != 0 && pull.delivered == 0) return false;
  send_status(pull.reply, "404 No Messages");
  note_activity(now());
  return true;
}

void ConsumerCore::sweep_pulls(bool is_end) {
  const Instant at = now();
  swept_ = at;
  sweep_at_ = {INT64_MAX};
  for (auto pull = pulls_.begin(); pull != pulls_.end();) {
    if (end_pull(*pull, is_end) || !has_taker(*pull)) {
      pull = pulls_.erase(pull);
      continue;
    }
    if (pull->beat_next.ns != 0) {
      if (at >= pull->beat_next) {
        send_beat(pull->reply);
        pull->beat_next = at + pull->heartbeat;
      }
      sweep_at_ = std::min(sweep_at_, pull->beat_next);
    }
    if (pull->expires.ns != 0) sweep_at_ = std::min(sweep_at_, pull->expires);
    ++pull;
  }
  const Instant earliest =
      at + Duration::nanos(static_cast<int64_t>(pulls_.size()) * kSweepNsPerPull);
  if (sweep_at_ < earliest) sweep_at_ = earliest;
}

void ConsumerCore::tend_pulls(Halt halt) {
  if (is_push() || pulls_.is_empty()) return;
  const bool is_end =
      halt != Halt::kBudget && halt != Halt::kMaxAckPending && halt != Halt::kReading;
  if (now() >= sweep_at_ || (is_end && pulls_.no_wait_count() > 0)) sweep_pulls(is_end);
}

// --- pinned client ---

void ConsumerCore::assign_pin(WaitingPull& pull) {
  if (pull.priority == nullptr || pull.priority->group.empty()) return;
  pin_ = {.id = host_.outside().next_id(),
          .since = host_.outside().wall_now(),
          .until = now() + config_.priority_timeout};
  pull.priority->id = pin_.id;
  advise_pinned(pull.priority->group);
}

void ConsumerCore::clear_pin() {
  pin_ = {};
}

void ConsumerCore::check_pin() {
  if (pin_.id.empty() || now() < pin_.until) return;
  clear_pin();
  advise_unpinned(config_.priority_groups.empty() ? Slice() : config_.priority_groups.front(),
                  "timeout");
}

void ConsumerCore::unpin(Slice group) {
  clear_pin();
  if (!is_started_) return;
  advise_unpinned(group, "admin");
  wake();
}

}  // namespace petrel::jetstream
