#include "petrel/jetstream/stream.h"

#include "jetstream/stream_core.h"

#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/consumer.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

// Passes of a run: what one pass stages may be committed at once and applied in the next.
constexpr int kPassesMax = 4;

}  // namespace

Stream::Stream(StreamSetup setup, const StreamConfig& config, StreamHost& host)
    : core_(std::make_unique<StreamCore>(*this, std::move(setup), config, host)) {}

Stream::~Stream() = default;

Status Stream::open(store::RecoveredStore recovered, std::unique_ptr<GroupDriver> group) {
  core_->store = std::move(recovered.store);
  core_->ids = &core_->store->ids();
  core_->group = std::move(group);
  if (!recovered.extra.empty()) {
    PETREL_TRY_STATUS(core_->apply.restore(recovered.extra));
  } else if (core_->config.first_seq > 1) {
    core_->store->advance(core_->config.first_seq);
  }
  core_->reported_bytes = 0;
  core_->reported_consumers = 0;
  return {};
}

void Stream::start() {
  const store::StoreState& state = core_->store->state();
  core_->staged.last_sequence = state.last_sequence;
  core_->staged.last_time = state.last_time;
  core_->staged.last_id = core_->last_id;
  core_->is_started = true;
  core_->results.clear();
  core_->subscribe();
  core_->consumers.start();
  core_->sourcing.start();
  core_->host.wake(*this);
}

void Stream::park() {
  core_->is_stopped = true;
}

void Stream::stop(Slice reason) {
  if (core_->is_stopped) return;
  core_->is_stopped = true;
  core_->unsubscribe();
  core_->sourcing.stop(reason != "Server Shutdown");
  core_->consumers.stop(reason);
  core_->ingest.drop_held();
  core_->batches.clear();
  core_->fast.clear();
  core_->reads.stop();
  core_->report_usage(0, 0);
}

// --- each turn ---

void Stream::take(Inlet inlet, const router::Message& message, Slice target) {
  const Slice whole = message.body();
  const Incoming incoming{message.subject, message.reply(), whole.substr(0, message.header_bytes),
                          whole.substr(message.header_bytes), target};
  core_->take(inlet, incoming);
  core_->host.wake(*this);
}

bool Stream::run(size_t budget) {
  StreamCore& core = *core_;
  if (core.group == nullptr) return false;
  bool is_more = false;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    is_more = core.group->advance(budget);
    core.answers.drain(core.group->applied_index(), core);
    if (core.is_stopped || core.is_gone) return is_more;
    is_more |= core.ingest.release();
    is_more |= core.reads.run();
    is_more |= core.run_timers();
    is_more |= core.consumers.run(budget, core.host.now());
    if (core.group->applied_index() == core.group->proposed_index()) break;
  }
  core.answers.drain(core.group->applied_index(), core);
  if (core.is_stopped) return is_more;
  core.report_usage(static_cast<int64_t>(core.store->state().bytes),
                    static_cast<int64_t>(core.consumers.size()));
  core.arrange_wake();
  return is_more;
}

void Stream::when_applied(std::function<void()> done) {
  core_->answers.call(core_->staged_index(), [done = std::move(done)](bool) { done(); });
  core_->host.wake(*this);
}

void Stream::checkpoint() {
  if (core_->is_failed || core_->store->is_checkpointing()) return;
  core_->store->checkpoint(core_->group->applied_index(), core_->apply.checkpoint());
}

void Stream::destroy(std::function<void(int error)> done) {
  core_->store->destroy(std::move(done));
}

// --- operations ---

namespace {

ApiError unavailable() {
  return api_error(ApiErrc::kClusterNotAvail);
}

}  // namespace

void Stream::update(const StreamConfig& config, Done done) {
  EntryWriter entry(EntryKind::kUpdate);
  entry.text(stream_config_json(config));
  core_->operate(entry.bytes(), std::move(done));
}

void Stream::purge(const PurgeRequest& request, PurgeDone done) {
  const auto refuse = [&](ApiError error) {
    core_->answers.call(core_->staged_index(),
                        [done, error = std::move(error)](bool) { done(&error, 0); });
    core_->host.wake(*this);
  };
  if (core_->config.sealed) return refuse(api_error(ApiErrc::kStreamSealed));
  if (core_->config.deny_purge) {
    return refuse(api_error(ApiErrc::kStreamPurgeFailed, "stream purge not permitted"));
  }
  EntryWriter entry(EntryKind::kPurge);
  entry.u64(request.sequence);
  entry.u64(request.keep);
  entry.text(request.filter);
  core_->operate_counted(entry.bytes(), std::move(done));
}

void Stream::delete_message(uint64_t sequence, bool erase, Done done) {
  core_->answers.call(core_->staged_index(), [this, sequence, erase, done](bool is_lost) {
    std::optional<ApiError> error;
    if (is_lost) error = unavailable();
    if (!error) error = core_->check_delete(sequence);
    if (error) return done(&*error);
    EntryWriter entry(EntryKind::kRemove);
    entry.u8(erase ? 1 : 0);
    entry.u64(sequence);
    core_->operate(entry.bytes(), done);
  });
  core_->host.wake(*this);
}

void Stream::remove(Done done) {
  const EntryWriter entry(EntryKind::kGone);
  core_->operate(entry.bytes(), [this, done = std::move(done)](const ApiError* error) {
    if (error == nullptr) stop("Consumer Deleted");
    done(error);
  });
}

// --- consumers ---

void Stream::create_consumer(const ConsumerConfig& config, ConsumerDone done) {
  // Behind everything staged: other creations count.
  core_->answers.call(core_->staged_index(), [this, config, done](bool is_lost) {
    std::optional<ApiError> error;
    if (is_lost) error = unavailable();
    if (!error && find_consumer(config.name) == nullptr) error = core_->check_new_consumer(config);
    if (error) return done(&*error, nullptr);
    const std::string& consumer = config.name;
    EntryWriter entry(EntryKind::kConsumer);
    entry.i64(core_->host.wall_now().ns);
    entry.u16(static_cast<uint16_t>(consumer.size()));
    entry.text(consumer);
    entry.text(consumer_config_json(config));
    core_->operate_consumer(entry.bytes(), consumer, done);
  });
  core_->host.wake(*this);
}

void Stream::drop_memory_consumers() {
  std::vector<std::string> names;
  for (const Consumer* consumer : consumers()) {
    if (consumer->config().mem_storage) names.push_back(consumer->name());
  }
  for (const std::string& name : names) {
    delete_consumer(name, [](const ApiError* /*error*/) {});
  }
}

void Stream::delete_consumer(Slice consumer, Done done) {
  if (find_consumer(consumer) == nullptr) {
    const ApiError error = api_error(ApiErrc::kConsumerNotFound);
    core_->answers.call(core_->staged_index(), [done, error](bool) { done(&error); });
    core_->host.wake(*this);
    return;
  }
  EntryWriter entry(EntryKind::kConsumerGone);
  entry.text(consumer);
  core_->operate(entry.bytes(), std::move(done));
}

void Stream::pause_consumer(Slice consumer, WallTime until, ConsumerDone done) {
  EntryWriter entry(EntryKind::kConsumerPause);
  entry.u64(core_->consumers.id_of(consumer));
  entry.i64(until.ns);
  core_->operate_consumer(entry.bytes(), std::string(consumer), std::move(done));
}

void Stream::reset_consumer(Slice consumer, uint64_t sequence, ConsumerDone done) {
  EntryWriter entry(EntryKind::kConsumerReset);
  entry.u64(core_->consumers.id_of(consumer));
  entry.u64(sequence);
  core_->operate_consumer(entry.bytes(), std::string(consumer), std::move(done));
}

// Who is pinned is known to the leader alone: nothing to commit.
void Stream::unpin_consumer(Slice consumer, Slice group, ConsumerDone done) {
  core_->answers.call(core_->staged_index(),
                      [this, name = std::string(consumer), group = std::string(group), done](bool) {
                        Consumer* found = find_consumer(name);
                        if (found != nullptr) found->unpin(group);
                        const ApiError error = api_error(ApiErrc::kConsumerNotFound);
                        done(found == nullptr ? &error : nullptr, found);
                      });
  core_->host.wake(*this);
}

// --- reads ---

void Stream::get_message(const GetRequest& request, MessageDone done) {
  core_->answers.call(core_->staged_index(), [this, request, done](bool is_lost) {
    if (is_lost) {
      const ApiError error = unavailable();
      return done(&error, nullptr);
    }
    core_->reads.get(request, done);
  });
  core_->host.wake(*this);
}

const StreamConfig& Stream::config() const {
  return core_->config;
}
const std::string& Stream::name() const {
  return core_->config.name;
}
WallTime Stream::created() const {
  return core_->created;
}
const store::StoreState& Stream::state() const {
  return core_->store->state();
}
const store::MessageStore& Stream::store() const {
  return *core_->store;
}
Consumer* Stream::find_consumer(Slice consumer) const {
  return core_->consumers.find(consumer);
}
std::vector<Consumer*> Stream::consumers() const {
  return core_->consumers.all();
}
std::optional<SourceState> Stream::mirror_state() const {
  return core_->sourcing.mirror_state();
}
std::vector<SourceState> Stream::source_states() const {
  return core_->sourcing.source_states();
}
std::string Stream::snapshot() const {
  return core_->apply.snapshot();
}
uint64_t Stream::state_hash() const {
  return core_->apply.state_hash();
}
bool Stream::is_failed() const {
  return core_->is_failed;
}

// --- GroupMember ---

void Stream::apply(uint64_t index, Slice entry) {
  core_->apply.entry(index, entry);
}

void Stream::on_lost(uint64_t index, const Error& why) {
  if (core_->is_failed) return;
  core_->is_failed = true;
  core_->host.log(LogLevel::kError,
                  "stream " + core_->account + " > " + name() + " stopped: " + why.detail);
  core_->ingest.drop_held();
  core_->answers.lose(index);
}

// --- ConsumerHost ---

Slice Stream::account_name() const {
  return core_->account;
}
store::MessageStore& Stream::messages() {
  return *core_->store;
}
StreamHost& Stream::outside() {
  return core_->host;
}

uint64_t Stream::propose(Consumer& consumer, Slice entry, Urgency urgency) {
  EntryWriter head(EntryKind::kConsumerState);
  head.u64(core_->consumers.id_of(consumer));
  const Slice parts[] = {head.bytes(), entry};
  return core_->propose(parts, urgency);
}

void Stream::on_settled(Consumer& consumer, uint64_t sequence) {
  core_->consumers.settle(consumer, sequence);
}
void Stream::on_settled_up_to(Consumer& consumer, uint64_t sequence) {
  core_->consumers.settle_up_to(consumer, sequence);
}
void Stream::wake(Consumer& consumer) {
  core_->consumers.wake(consumer);
}
void Stream::wake_at(Consumer& consumer, Instant when) {
  core_->consumers.wake_at(consumer, when);
}

void Stream::remove_inactive(Consumer& consumer) {
  EntryWriter entry(EntryKind::kConsumerGone);
  entry.text(consumer.name());
  core_->operate(entry.bytes(), [](const ApiError* /*error*/) {});
}

// --- MessageStore::Listener ---

void Stream::on_readable() {
  core_->reads.on_readable();
  core_->consumers.wake_all();
  core_->host.wake(*this);
}

void Stream::on_checkpoint(uint64_t applied_index, int error) {
  if (error != 0) {
    if (error != core_->checkpoint_error) {  // said once, tried often
      core_->host.log(LogLevel::kError, "stream " + core_->account + " > " + name() +
                                            ": checkpoint failed, error " + std::to_string(error));
    }
    core_->checkpoint_error = error;
    return core_->group->checkpoint_failed();
  }
  core_->checkpoint_error = 0;
  core_->group->checkpointed(applied_index);
}

void Stream::on_damaged(uint64_t first, uint64_t last, const std::string& what) {
  core_->host.log(LogLevel::kError, "stream " + core_->account + " > " + name() + ": messages " +
                                        std::to_string(first) + " to " + std::to_string(last) +
                                        " lost: " + what);
}

}  // namespace petrel::jetstream
