// StreamCore's side of a turn: what comes in, operations, timers.

#include "jetstream/stream_core.h"

#include "petrel/jetstream/api_json.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

const ApiError& unavailable() {
  static const ApiError error = api_error(ApiErrc::kClusterNotAvail);
  return error;
}

}  // namespace

// --- interest ---

void StreamCore::subscribe() {
  unsubscribe();
  const auto add = [&](Inlet inlet, const std::string& subject, Slice queue) {
    subscriptions_.push_back(host.subscribe(stream, inlet, subject, queue));
  };
  for (const std::string& subject : config.subjects) add(Inlet::kPublish, subject, {});
  if (config.allow_direct) {
    add(Inlet::kDirectGet, "$JS.API.DIRECT.GET." + config.name, "_sys_");
    add(Inlet::kDirectGet, "$JS.API.DIRECT.GET." + config.name + ".>", "_sys_");
  }
  subscribed_ = config;
}

void StreamCore::unsubscribe() {
  for (const uint32_t subscription : subscriptions_) host.unsubscribe(stream, subscription);
  subscriptions_.clear();
}

void StreamCore::take(Inlet inlet, const Incoming& message) {
  if (!is_started || is_stopped || is_gone) return;
  switch (inlet) {
    case Inlet::kPublish:
    case Inlet::kFastPublish:
      ingest.take(message);
      break;
    case Inlet::kDirectGet:
      reads.take(message);
      break;
    case Inlet::kPull:
      take_pull(message);
      break;
    case Inlet::kAck:
    case Inlet::kFlow:
      consumers.take(inlet, message.subject, message.reply, message.header, message.body);
      break;
    case Inlet::kReply:
      sourcing.take(message);
      break;
  }
}

// A pull sees what its client published before.
void StreamCore::take_pull(const Incoming& message) {
  if (answers.empty() && group->applied_index() >= staged_index()) {
    consumers.take(Inlet::kPull, message.subject, message.reply, message.header, message.body);
    return;
  }
  answers.call(staged_index(),
               [this, subject = std::string(message.subject), reply = std::string(message.reply),
                header = std::string(message.header), body = std::string(message.body)](bool) {
                 consumers.take(Inlet::kPull, subject, reply, header, body);
               });
}

// --- operations ---

uint64_t StreamCore::propose_operation(Slice entry) {
  const Slice parts[] = {entry};
  const uint64_t index = propose(parts);
  if (index != 0) set_barrier();
  return index;
}

void StreamCore::operate(Slice entry, Stream::Done done) {
  const uint64_t index = propose_operation(entry);
  host.wake(stream);
  answers.call(staged_index(), [index, done = std::move(done)](bool is_lost) {
    done(index == 0 || is_lost ? &unavailable() : nullptr);
  });
}

void StreamCore::operate_counted(Slice entry, Stream::PurgeDone done) {
  const uint64_t index = propose_operation(entry);
  host.wake(stream);
  answers.call(staged_index(), [this, index, done = std::move(done)](bool is_lost) {
    if (index == 0 || is_lost) return done(&unavailable(), 0);
    const auto found = results.find(index);
    const uint64_t count = found == results.end() ? 0 : found->second;
    if (found != results.end()) results.erase(found);
    done(nullptr, count);
  });
}

void StreamCore::operate_consumer(Slice entry, const std::string& name, Stream::ConsumerDone done) {
  const uint64_t index = propose_operation(entry);
  host.wake(stream);
  answers.call(staged_index(), [this, index, name, done = std::move(done)](bool is_lost) {
    if (index == 0 || is_lost) return done(&unavailable(), nullptr);
    Consumer* consumer = consumers.find(name);
    const ApiError gone = api_error(ApiErrc::kConsumerNotFound);
    done(consumer == nullptr ? &gone : nullptr, consumer);
  });
}

std::optional<ApiError> StreamCore::check_delete(uint64_t sequence) const {
  const auto failed = [](Slice why) { return api_error(ApiErrc::kStreamMsgDeleteFailed, why); };
  if (config.sealed) return api_error(ApiErrc::kStreamSealed);
  if (config.deny_delete) return failed("message delete not permitted");
  if (store->contains(sequence)) return std::nullopt;
  const store::StoreState& state = store->state();
  if (!is_memory()) {
    if (sequence > state.last_sequence) return failed("stream store EOF");
    if (state.messages == 0 || sequence < state.first_sequence) return failed("no message found");
  }
  return api_error(ApiErrc::kSequenceNotFound, {{"{seq}", std::to_string(sequence)}});
}

std::optional<ApiError> StreamCore::check_new_consumer(const ConsumerConfig& wanted) const {
  if (wanted.direct || wanted.sourcing) return std::nullopt;
  if (config.max_consumers > 0 &&
      consumers.limited_count() >= static_cast<size_t>(config.max_consumers)) {
    return api_error(ApiErrc::kMaximumConsumersLimit);
  }
  return check_workqueue(wanted, config, consumers.configs());
}

// --- timers ---

bool StreamCore::run_timers() {
  const WallTime wall = host.wall_now();
  const Instant now = host.now();
  const bool is_more = expiry.run(wall);
  schedules.run(wall);
  delayed.run(wall);
  batches.run(now);
  fast.run(now);
  return sourcing.run(now) || is_more;
}

void StreamCore::report_usage(int64_t bytes, int64_t consumer_count) {
  if (bytes != reported_bytes) host.on_usage(stream, bytes - reported_bytes);
  reported_bytes = bytes;
  if (consumer_count != reported_consumers) {
    host.on_consumers(stream, consumer_count - reported_consumers);
  }
  reported_consumers = consumer_count;
}

void StreamCore::arrange_wake() {
  const Instant now = host.now();
  const WallTime wall = host.wall_now();
  Instant due{};
  const auto consider = [&](Instant when) {
    if (when.ns != 0 && (due.ns == 0 || when < due)) due = when;
  };
  const auto consider_wall = [&](WallTime when) {
    // At least a millisecond: what is due and waits for a commit is not asked for again and again.
    if (when.ns != 0) consider(now + std::max(when - wall, Duration::millis(1)));
  };
  // The group could not take them; nothing else may come to wake the stream.
  if (ingest.has_held()) consider(now + Duration::millis(5));
  consider(consumers.next_due());
  consider(batches.next_due());
  consider(fast.next_due());
  consider(sourcing.next_due());
  consider_wall(expiry.next_due());
  consider_wall(schedules.next_due());
  consider_wall(delayed.next_due());
  if (due.ns != 0) host.wake_at(stream, due);
}

void StreamCore::on_updated() {
  if (!is_started || is_stopped || subscribed_ == config) return;
  subscribe();
  sourcing.configure();
}

}  // namespace petrel::jetstream
