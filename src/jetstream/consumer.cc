// Life of a consumer: where it starts, start and stop, configuration, inactivity.
#include "jetstream/consumer_core.h"
#include "jetstream/consumer_varint.h"

#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/archive.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr uint8_t kSnapshotVersion = 1;
constexpr size_t kSubjectsPerStep = 4096;
constexpr Duration kEphemeralThreshold = Duration::seconds(5);
constexpr Instant kNever{INT64_MAX};

}  // namespace

std::unique_ptr<Consumer> make_consumer(ConsumerSetup setup, ConsumerHost& host) {
  return std::make_unique<ConsumerCore>(std::move(setup), host);
}

ConsumerCore::ConsumerCore(ConsumerSetup setup, ConsumerHost& host)
    : config_(std::move(setup.config)), host_(host), created_(setup.created) {
  if (config_.name.empty()) config_.name = config_.durable_name;
  wall_offset_ns_ = host_.outside().wall_now().ns - now().ns;
  ack_subject_ = "$JS.ACK." + reply_place();
  ack_prefix_ = ack_subject_.size();
  adopt(config_);
  is_new_ = setup.is_new;
  if (is_new_) select_start();
}

// "<stream>.<consumer>.", in the long form behind domain and account.
std::string ConsumerCore::reply_place() const {
  StreamHost& outside = host_.outside();
  std::string place;
  if (outside.has_long_ack_subjects()) place = reply_scope(outside, host_.account_name());
  return place.append(host_.stream_config().name).append(".").append(config_.name).append(".");
}

// What follows from the configuration.
void ConsumerCore::adopt(const ConsumerConfig& config) {
  filters_ = config.filters();
  matches_.clear();
  match_head_ = 0;
  dead_letter_subject_ = dead_letter_subject(config);
  for (const std::string& filter : filters_) {
    if (filter == ">") {
      filters_.clear();
      break;
    }
  }
  Duration threshold = config.inactive_threshold;
  if (threshold.ns <= 0 && !config.is_durable()) {
    threshold = kEphemeralThreshold;
    config_.inactive_threshold = threshold;
  }
  inactive_after_ = threshold;
  // Pulls come at the client's pace: a little grace keeps it from racing the threshold.
  if (threshold.ns > 0 && !config.is_push()) {
    inactive_after_ =
        threshold + Duration::millis(100 + static_cast<int64_t>(host_.outside().prng().below(900)));
  }
}

bool ConsumerCore::matches(Slice subject) const {
  if (filters_.empty()) return true;
  return std::any_of(filters_.begin(), filters_.end(), [subject](const std::string& filter) {
    return subject::subject_matches(subject, filter);
  });
}

// --- where delivery begins ---

void ConsumerCore::select_start() {
  const store::StoreState& stream = host_.messages().state();
  uint64_t start = config_.opt_start_seq != 0 ? config_.opt_start_seq : start_by_policy();
  if (stream.first_sequence == 0 && config_.opt_start_seq == 0) {
    start = 1;
  } else if (start > stream.last_sequence && config_.opt_start_seq == 0) {
    start = stream.last_sequence + 1;
  } else if (start < stream.first_sequence) {
    start = stream.first_sequence;
  }
  state_.begin(start);
}

uint64_t ConsumerCore::start_by_policy() {
  store::MessageStore& messages = host_.messages();
  const store::StoreState& stream = messages.state();
  switch (config_.deliver_policy) {
    case DeliverPolicy::kAll:
      return stream.first_sequence;
    case DeliverPolicy::kLast:
      return filters_.empty() ? stream.last_sequence
                              : messages.last_match(filters_, stream.last_sequence);
    case DeliverPolicy::kLastPerSubject:
      // With one message for each subject all of them are the last ones.
      if (host_.stream_config().max_msgs_per_subject == 1) return stream.first_sequence;
      load_last_per_subject(0, stream.last_sequence);
      return list_.empty() ? stream.last_sequence : list_.front();
    case DeliverPolicy::kByStartTime:
      if (config_.opt_start_time) return start_by_time(*config_.opt_start_time);
      break;
    case DeliverPolicy::kNew:
    case DeliverPolicy::kByStartSequence:
      break;
  }
  return stream.last_sequence + 1;
}

uint64_t ConsumerCore::start_by_time(WallTime time) const {
  return host_.messages().first_at_or_after(time);
}

// The last message of each subject, between the two sequences.
void ConsumerCore::load_last_per_subject(uint64_t from, uint64_t up_to) {
  list_.clear();
  list_head_ = 0;
  list_end_ = up_to;
  std::string after;
  for (;;) {
    const auto page = host_.messages().subjects(filters_, after, kSubjectsPerStep);
    for (const auto& subject : page) {
      const uint64_t last = subject.totals.last_sequence;
      if (last >= from && last <= up_to) list_.push_back(last);
    }
    if (page.size() < kSubjectsPerStep) break;
    after = page.back().subject;
  }
  std::sort(list_.begin(), list_.end());
  if (list_.empty()) list_end_ = 0;
}

void ConsumerCore::count_pending() {
  uint64_t from = state_.next();
  uint64_t listed = 0;
  if (list_head_ < list_.size()) {
    listed = list_.size() - list_head_;
    from = list_end_ + 1;
  }
  num_pending_ = static_cast<int64_t>(listed + state_.held().size() +
                                      host_.messages().count_matches(filters_, from));
}

// --- checkpoints ---

namespace {

std::string snapshot_of(uint64_t list_end, const ConsumerState& state) {
  std::string out;
  out.push_back(static_cast<char>(kSnapshotVersion));
  append_varint(out, list_end);
  state.encode(out);
  return out;
}

}  // namespace

std::string ConsumerCore::snapshot() const {
  // What is noted later must not share a number with what is in the snapshot.
  log_.seal();
  return snapshot_of(list_head_ < list_.size() ? list_end_ : 0, state_);
}

std::string consumer_snapshot(const ConsumerState& state) {
  return snapshot_of(0, state);
}

ArchivedConsumer ConsumerCore::archived() const {
  ArchivedConsumer archive;
  archive.name = config_.name;
  archive.config = config_;
  archive.created = created_;
  archive.ack_floor = {.consumer_seq = state_.floor().consumer,
                       .stream_seq = state_.floor().stream};
  archive.delivered = archive.ack_floor;
  if (!state_.held().empty()) return archive;
  archive.delivered = {.consumer_seq = state_.delivered().consumer,
                       .stream_seq = state_.delivered().stream};
  state_.pending().for_each([&](const PendingAck& entry) {
    archive.pending[entry.sequence] = {entry.consumer_sequence, WallTime{entry.sent_ns}};
    if (entry.deliveries > 1) archive.redelivered[entry.sequence] = entry.deliveries - 1;
  });
  for (const auto& [sequence, deliveries] : state_.exhausted()) {
    archive.redelivered[sequence] = deliveries - 1;
  }
  return archive;
}

Status ConsumerCore::restore(Slice snapshot) {
  VarintReader reader(snapshot);
  if (reader.byte() != kSnapshotVersion) {
    return Error{Errc::kCorrupt, "snapshot of a consumer"};
  }
  const uint64_t list_end = reader.varint();
  if (!reader.is_ok()) return Error{Errc::kCorrupt, "snapshot of a consumer"};
  PETREL_TRY_STATUS(state_.decode(reader.rest()));
  list_.clear();
  list_head_ = 0;
  list_end_ = list_end;
  return Status::ok();
}

// --- start and stop ---

void ConsumerCore::start() {
  turn_.outside = &host_.outside();
  turn_.messages = &host_.messages();
  if (is_started_) return;
  is_started_ = true;
  log_.set_operation(state_.operation());
  applied_operation_ = state_.operation();
  drop_lost();
  load_subjects();
  // The list is not stored: what of it is left follows from the stream.
  if (list_end_ != 0 && state_.next() <= list_end_) {
    load_last_per_subject(state_.next(), list_end_);
    if (list_.empty() && list_end_ == 0) state_.skip_to(host_.messages().state().last_sequence + 1);
  }
  count_pending();
  rearm_all();
  last_activity_ = now();
  was_paused_ = is_paused();
  if (is_push()) {
    if (config_.flow_control) push_.flow.begin();
    if (config_.idle_heartbeat.ns > 0) push_.beat_at = now() + config_.idle_heartbeat;
    push_.inactive_since = now();
    if (config_.replay_policy == ReplayPolicy::kOriginal) {
      push_.replay_until = host_.messages().state().last_sequence;
    }
    set_rate_limit();
    push_.look_at = now();
    check_interest();
  } else if (config_.replay_policy == ReplayPolicy::kOriginal) {
    push_.replay_until = host_.messages().state().last_sequence;
  }
  if (is_new_) advise_action("create");
  is_new_ = false;
  if (was_paused_) advise_paused();
  wake();
}

// Messages that went while nobody looked are no longer waited for.
void ConsumerCore::drop_lost() {
  std::vector<uint64_t> lost;
  state_.pending().for_each([&](const PendingAck& entry) {
    if (!host_.messages().contains(entry.sequence)) lost.push_back(entry.sequence);
  });
  for (const auto& [sequence, deliveries] : state_.exhausted()) {
    if (!host_.messages().contains(sequence)) lost.push_back(sequence);
  }
  for (const uint64_t sequence : state_.held()) {
    if (!host_.messages().contains(sequence)) lost.push_back(sequence);
  }
  for (const uint64_t sequence : lost) state_.remove(sequence);
}

void ConsumerCore::rearm_all() {
  redeliveries_.clear();
  std::vector<uint64_t> sequences;
  state_.pending().for_each([&](const PendingAck& entry) { sequences.push_back(entry.sequence); });
  for (const uint64_t sequence : sequences) {
    PendingAck* entry = state_.find(sequence);
    if (entry->is_queued) {
      state_.set_queued(*entry, false);
      redeliveries_.queue(*entry, state_);
    } else {
      arm_redelivery(*entry);
    }
  }
}

void ConsumerCore::stop(Slice reason) {
  if (!is_started_) return;
  is_started_ = false;
  const bool has_counts = reason == "Server Shutdown";
  if (!has_counts) advise_action("delete");
  const std::string status = "409 " + std::string(reason);
  for (auto pull = pulls_.begin(); pull != pulls_.end(); pull = pulls_.erase(pull)) {
    if (has_counts) {
      send_pending_status(*pull, status);
    } else {
      send_status(pull->reply, status);
    }
  }
  clear_pin();
  // A deleted consumer is stopped while entries are applied: nothing is proposed then.
  if (reason != "Consumer Deleted") {
    note_cursor();
    flush_log();
  }
  redeliveries_.clear();
  answers_.clear();
}

// --- configuration ---

void ConsumerCore::update(const ConsumerConfig& config) {
  const ConsumerConfig old = config_;
  const std::string name = config_.name;
  config_ = config;
  if (config_.name.empty()) config_.name = name;
  config_.pause_until = old.pause_until;
  adopt(config_);
  // Whoever sources asks again: what it did not acknowledge is delivered anew.
  if (config_.sourcing) reset(0);
  if (!is_started_) return;
  if (config_.ack_wait != old.ack_wait || config_.backoff != old.backoff) rearm_all();
  if (config_.rate_limit_bps != old.rate_limit_bps) set_rate_limit();
  load_subjects();
  if (config_.deliver_subject != old.deliver_subject) {
    // What the old subject was sent may never have been seen.
    std::vector<uint64_t> sequences;
    state_.pending().for_each([&](const PendingAck& e) { sequences.push_back(e.sequence); });
    for (const uint64_t sequence : sequences) expire_one(sequence);
    push_.is_active = false;
    push_.look_at = now();
    check_interest();
  }
  if (config_.filters() != old.filters()) {
    is_dense_ = true;
    count_pending();
  }
  last_activity_ = now();
  wake();
}

bool ConsumerCore::is_paused() const {
  return config_.pause_until && host_.outside().wall_now() < *config_.pause_until;
}

void ConsumerCore::pause(WallTime until) {
  config_.pause_until = until.ns == 0 ? std::nullopt : std::optional<WallTime>(until);
  set_consumer_level(config_);
  if (!is_started_) return;
  was_paused_ = is_paused();
  advise_paused();
  wake();
}

void ConsumerCore::check_pause() {
  const bool paused = is_paused();
  if (was_paused_ && !paused) advise_paused();
  was_paused_ = paused;
}

void ConsumerCore::reset(uint64_t sequence) {
  const uint64_t next = std::max<uint64_t>(sequence != 0 ? sequence : state_.floor().stream + 1, 1);
  state_.reset(next);
  list_.clear();
  list_head_ = 0;
  list_end_ = 0;
  if (!is_started_) return;
  // Behind what was noted and not yet applied, so that a replay ends in the same state.
  log_.reset(next);
  subject_limit_.clear();
  priorities_.begin(state_);
  state_.set_operation(log_.operation());
  redeliveries_.clear();
  last_delivered_ = last_acked_ = {};
  is_dense_ = true;
  count_pending();
  wake();
}

// --- inactivity ---

Instant ConsumerCore::inactive_deadline() const {
  if (inactive_after_.ns <= 0 || is_removing_) return kNever;
  if (is_push()) {
    if (push_.is_active) return kNever;
    return std::max(push_.inactive_since, last_activity_) + inactive_after_;
  }
  return last_activity_ + inactive_after_;
}

void ConsumerCore::check_inactive() {
  if (now() < inactive_deadline()) return;
  if (!is_push()) {
    sweep_pulls(true);
    if (!pulls_.is_empty()) {
      note_activity(now());
      return;
    }
    if (now() < inactive_deadline()) return;
    // A client may still be at work on what it got.
    int64_t latest = 0;
    state_.pending().for_each([&](const PendingAck& entry) {
      latest = std::max(latest, entry.sent_ns + wait_ns(entry.deliveries));
    });
    if (latest > steady_wall_ns() - inactive_after_.ns && !state_.pending().is_empty()) {
      note_activity(instant_of(latest));
      return;
    }
  }
  is_removing_ = true;
  host_.remove_inactive(*this);
}

// --- each turn ---

bool ConsumerCore::run(size_t messages_max) {
  if (!is_started_) return false;
  StreamHost& outside = host_.outside();
  turn_ = {.outside = &outside,
           .messages = &host_.messages(),
           .now = outside.now(),
           .wall_now = outside.wall_now(),
           .steady_ns = steady_wall_ns()};
  check_pause();
  check_pin();
  if (is_push()) check_interest();
  expire_pending();
  size_t delivered = 0;
  const Halt halt = deliver(messages_max, delivered);
  tend_pulls(halt);
  if (is_push()) beat_push();
  check_inactive();
  flush_log();
  run_dead_letters();
  flush_log();
  arm_timer(halt);
  return halt == Halt::kBudget;
}

void ConsumerCore::arm_timer(Halt halt) {
  Instant next = std::min({sweep_at_, inactive_deadline(), push_.beat_at, push_.look_at});
  const int64_t due_ns = redeliveries_.next_ns();
  if (due_ns != Redeliveries::kNever) next = std::min(next, instant_of(due_ns));
  if (is_paused()) {
    const int64_t left = config_.pause_until->ns - host_.outside().wall_now().ns;
    next = std::min(next, now() + Duration::nanos(left));
  }
  if (!pin_.id.empty()) next = std::min(next, pin_.until);
  if (halt == Halt::kRate) next = std::min(next, push_.ready_at);
  if (is_cursor_due_) next = std::min(next, cursor_at_);
  // What is not applied yet wakes the consumer by itself.
  if (!state_.dead().empty() && state_.dead().front().operation <= applied_operation_) {
    next = std::min(next, letters_.at);
  }
  const bool is_waited_for = (is_push() ? push_.is_active : !pulls_.is_empty()) &&
                             deliverable() > 0 && halt != Halt::kBudget;
  if (watchdog_.look(is_waited_for, state_.delivered().consumer, now())) report_stall(halt);
  next = std::min(next, watchdog_.next());
  if (next == kNever) return;
  // A timer that is set already and early enough will do.
  if (armed_ > now() && armed_ <= next) return;
  armed_ = next;
  host_.wake_at(*this, next);
}

void ConsumerCore::report_stall(Halt halt) {
  struct Reason {
    Halt halt;
    LogLevel level;
    const char* text;
  };
  static constexpr Reason kReasons[] = {
      {Halt::kEndOfStream, LogLevel::kWarn, "no message was found"},
      {Halt::kNobody, LogLevel::kWarn, "nobody takes them"},
      {Halt::kNoTaker, LogLevel::kDebug, "no waiting request takes the next one"},
      {Halt::kMaxAckPending, LogLevel::kInfo, "max_ack_pending is reached"},
      {Halt::kPaused, LogLevel::kDebug, "it is paused"},
      {Halt::kFlowControl, LogLevel::kInfo, "the client has not answered flow control"},
      {Halt::kRate, LogLevel::kDebug, "its rate is limited"},
      {Halt::kReading, LogLevel::kWarn, "the disk has not answered"},
  };
  for (const Reason& reason : kReasons) {
    if (reason.halt != halt) continue;
    host_.outside().log(reason.level, "JetStream consumer '" + std::string(host_.account_name()) +
                                          " > " + host_.stream_config().name + " > " +
                                          config_.name + "' has " + std::to_string(deliverable()) +
                                          " messages and " + std::to_string(pulls_.size()) +
                                          " requests and delivers nothing: " + reason.text);
  }
  // The count said there were some: look again.
  if (halt == Halt::kEndOfStream) count_pending();
}

// --- what others ask ---

bool ConsumerCore::needs(uint64_t sequence) const {
  if (!filters_.empty()) {
    const auto known = host_.messages().known(sequence);
    if (!known || !matches(known->subject)) return false;
  }
  if (state_.is_exhausted(sequence) || state_.held().count(sequence) != 0) return true;
  if (sequence <= state_.floor().stream) return false;
  if (config_.ack_policy != AckPolicy::kExplicit) return true;
  if (sequence >= state_.next()) return true;
  return state_.pending().find(sequence) != nullptr;
}

ConsumerInfoView ConsumerCore::info() const {
  ConsumerInfoView view;
  view.stream_name = host_.stream_config().name;
  view.name = config_.name;
  view.created = created_;
  view.config = config_;
  view.delivered = {.consumer_seq = state_.delivered().consumer,
                    .stream_seq = state_.delivered().stream,
                    .last_active = last_delivered_};
  view.ack_floor = {.consumer_seq = state_.shown_floor().consumer,
                    .stream_seq = state_.shown_floor().stream,
                    .last_active = last_acked_};
  view.num_ack_pending = state_.pending().size();
  view.num_redelivered = config_.max_deliver == 1 ? 0 : state_.redelivered();
  view.num_waiting = alive_pulls();
  const store::StoreState& stream = host_.messages().state();
  view.num_pending = state_.next() > stream.last_sequence ? state_.held().size() : num_pending();
  view.push_bound = is_push() && is_listened_to();
  view.ts = host_.outside().wall_now();
  if (is_paused()) {
    view.paused = true;
    view.pause_remaining = *config_.pause_until - view.ts;
  }
  if (!config_.priority_groups.empty()) {
    view.priority_groups.push_back({.group = config_.priority_groups.front(),
                                    .pinned_client_id = pin_.id,
                                    .pinned_ts = pin_.since});
  }
  return view;
}

}  // namespace petrel::jetstream
