#include "petrel/shard/jetstream_service.h"

#include "shard/hosted_stream.h"
#include "shard/jetstream_backup.h"
#include "shard/jetstream_restore.h"

#include "petrel/base/copy_bytes.h"
#include "petrel/shard/stream_description.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace petrel::shard {

namespace {

constexpr Duration kSleepMax = Duration::seconds(60);
constexpr Duration kGatherStep = Duration::micros(50);
constexpr Duration kBackupStep = Duration::millis(1);
constexpr Duration kMaintainEvery = Duration::millis(100);
constexpr size_t kMaintainAtOnce = 16;
constexpr Duration kCommitDelay = Duration::millis(20);  // of what nobody waits for
constexpr size_t kSeedBytes = 16;                        // of nonces
constexpr size_t kStreamBudget = 4096;  // entries and messages of one stream in one turn

jetstream::Durability durability_of(const jetstream::StreamConfig& config,
                                    const conf::JetStreamOptions& options) {
  if (config.storage == jetstream::StorageType::kMemory) return jetstream::Durability::kVolatile;
  const bool is_relaxed =
      config.persist_mode == jetstream::PersistMode::kAsync || options.sync_relaxed;
  return is_relaxed ? jetstream::Durability::kRelaxed : jetstream::Durability::kSynced;
}

}  // namespace

JetStreamService::JetStreamService(JetStreamNode& node, uint16_t loop, router::Router& router,
                                   std::unique_ptr<store::Disk> disk)
    : node_(node), loop_(loop), router_(router), prng_(node.random()), disk_(std::move(disk)) {}

JetStreamService::~JetStreamService() = default;

// --- a turn ---

void JetStreamService::set_time(Instant now, WallTime wall_now) {
  now_ = now;
  wall_now_ = wall_now;
}

Instant JetStreamService::run(router::Router& /*router*/, Instant now, WallTime wall_now) {
  set_time(now, wall_now);
  disk_->poll();
  fire_timers();
  running_.swap(runnable_);
  for (HostedStream* hosted : running_) run_stream(*hosted);
  running_.clear();
  run_backups();
  send_advisories();
  drop_removed();
  watch_first_checkpoints();
  maintain_stores();
  const Instant commit_at = commit_journal();
  if (!runnable_.empty()) return now;
  const bool is_moving = !backups_.empty() || !restores_.empty();
  Instant latest = std::min(now + (is_moving ? kBackupStep : kSleepMax), commit_at);
  if (!used_.empty()) latest = std::min(latest, std::max(maintain_at_, now));
  return timers_.empty() ? latest : std::min(latest, timers_.begin()->first);
}

// Writes what somebody waits for, and with it all the rest. What nobody waits for goes with that or
// when it is old enough: returns when that is.
Instant JetStreamService::commit_journal() {
  const Instant never{INT64_MAX};
  if (journal_ == nullptr) return never;
  const uint64_t synced = journal_->synced_position();
  const bool may_wait = demand_.now <= synced && demand_.soon > synced;
  if (!may_wait) {
    soon_at_ = {};
    return journal_->turn(now_) ? now_ + kGatherStep : never;
  }
  if (soon_at_.ns == 0) soon_at_ = now_ + kCommitDelay;
  if (soon_at_ <= now_) {
    soon_at_ = now_ + (journal_->turn(now_) ? kGatherStep : kCommitDelay);
  }
  return soon_at_;
}

void JetStreamService::begin_backup(std::unique_ptr<JetStreamBackup> backup) {
  backups_.push_back(std::move(backup));
}

void JetStreamService::begin_restore(std::unique_ptr<JetStreamRestore> restore) {
  if (restore->begin()) restores_.push_back(std::move(restore));
}

void JetStreamService::run_backups() {
  std::erase_if(backups_, [](const auto& backup) { return !backup->run(); });
  std::erase_if(restores_, [](const auto& restore) { return !restore->run(); });
}

void JetStreamService::run_stream(HostedStream& hosted) {
  hosted.is_runnable = false;
  if (hosted.is_removed) return;
  hosted.is_untouched = false;
  if (!hosted.is_used && !hosted.place().is_memory) {
    hosted.is_used = true;
    used_.push_back(&hosted);
  }
  if (hosted.stream().run(kStreamBudget)) wake(hosted);
  if (hosted.is_waiting || !hosted.group()->waits()) return;
  hosted.is_waiting = true;
  waiting_.push_back(&hosted);
}

void JetStreamService::wake(HostedStream& hosted) {
  if (hosted.is_runnable || hosted.is_removed) return;
  hosted.is_runnable = true;
  runnable_.push_back(&hosted);
}

// One timer per stream: the earliest wish wins, a later one is asked for again by then.
void JetStreamService::wake_at(HostedStream& hosted, Instant when) {
  if (hosted.is_removed || (hosted.due.ns != 0 && hosted.due <= when)) return;
  if (hosted.due.ns != 0) timers_.erase({hosted.due, &hosted});
  hosted.due = when;
  timers_.emplace(when, &hosted);
}

void JetStreamService::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    HostedStream& hosted = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    hosted.due = Instant{};
    wake(hosted);
  }
}

void JetStreamService::maintain_stores() {
  if (used_.empty() || now_ < maintain_at_) return;
  maintain_at_ = now_ + kMaintainEvery;
  for (size_t left = std::min(used_.size(), kMaintainAtOnce); left != 0; --left) {
    HostedStream& hosted = *used_.front();
    used_.pop_front();
    hosted.is_used = hosted.stream().messages().maintain();
    if (hosted.is_used) used_.push_back(&hosted);
    // What was written without a key, or with the one before, does not wait for its time to go.
    const bool is_rotated = !hosted.is_used && !node_.encryption.key.empty() &&
                            hosted.stream().messages().has_files_to_remove();
    if (is_rotated) start_checkpoint(hosted);
  }
}

// --- sending ---

uint32_t JetStreamService::send(router::AccountInterest& account,
                                const jetstream::OutMessage& message) {
  constexpr Slice kLineEnd = "\r\n";
  constexpr size_t kNumbersMax = 48;  // two of them, and what stands between the parts
  const size_t content = message.header.size() + message.body.size();
  if (frame_.size() < message.reply.size() + content + kNumbersMax) {
    frame_.resize(message.reply.size() + content + kNumbersMax);
  }
  char* to = copy_bytes(frame_.data(), message.reply);
  if (!message.reply.empty()) *to++ = ' ';
  const char* const sizes = to;
  if (!message.header.empty()) {
    to = std::to_chars(to, to + kNumbersMax, message.header.size()).ptr;
    *to++ = ' ';
  }
  to = std::to_chars(to, to + kNumbersMax, content).ptr;
  const auto sizes_bytes = static_cast<uint32_t>(to - sizes);
  to = copy_bytes(to, kLineEnd);
  to = copy_bytes(to, message.header);
  to = copy_bytes(to, message.body);
  to = copy_bytes(to, kLineEnd);
  router::Message out;
  out.subject = message.subject;
  out.tail = Slice(frame_.data(), static_cast<size_t>(to - frame_.data()));
  out.reply_bytes = static_cast<uint32_t>(message.reply.size());
  out.sizes_bytes = sizes_bytes;
  out.header_bytes = static_cast<uint32_t>(message.header.size());
  if (message.target.empty() || message.target == message.subject) {
    return router_.route(account, out);
  }
  return router_.route_to(account, message.target, out);
}

bool JetStreamService::has_interest(router::AccountInterest& account, Slice subject) {
  subject::InterestStamp stamp;
  account.index.match(subject, match_, stamp);
  return !match_.empty();
}

void JetStreamService::advise(router::AccountInterest& account, Slice subject, std::string body) {
  if (!has_interest(account, subject)) return;
  advisories_.push_back({&account, std::string(subject), std::move(body)});
}

void JetStreamService::send_advisories() {
  for (const Advisory& advisory : advisories_) {
    jetstream::OutMessage message;
    message.target = advisory.subject;
    message.subject = advisory.subject;
    message.body = advisory.body;
    send(*advisory.account, message);
  }
  advisories_.clear();
}

std::string JetStreamService::next_id() {
  constexpr Slice kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kIdBytes = 22;
  std::string id(kIdBytes, '0');
  for (char& digit : id) digit = kDigits[prng_.below(kDigits.size())];
  return id;
}

// --- streams ---

jetstream::Stream* JetStreamService::find(Slice account, Slice stream) {
  const auto at = streams_.find(std::pair(std::string(account), std::string(stream)));
  return at == streams_.end() ? nullptr : &at->second->stream();
}

void JetStreamService::accounts_changed() {
  for (const auto& [key, hosted] : streams_) hosted->refresh_shadows();
}

void JetStreamService::visit(
    const std::function<void(const std::string& account, jetstream::Stream&)>& visit) {
  for (const auto& [key, hosted] : streams_) visit(key.first, hosted->stream());
}

void JetStreamService::create(NewStream wanted, StreamDone done) {
  const store::GroupId group = node_.random();
  Result<HostedStream*> hosted = host(wanted, group, true);
  if (!hosted) {
    done(&hosted.error(), nullptr);
    return;
  }
  HostedStream& made = **hosted;
  if (made.place().is_memory) {
    made.stream().start();
    wake(made);
    made.stream().when_applied([&made, done] { done(nullptr, &made.stream()); });
    return;
  }
  const std::string record = describe_stream(wanted);
  const Result<uint64_t> position = journal_->append(
      {.group = group, .index = kCreateIndex, .term = 1, .kind = kCreateKind, .bytes = record});
  if (!position) {
    done(&position.error(), nullptr);
    by_group_.erase(group);
    streams_.erase({wanted.account, wanted.config.name});
    return;
  }
  demand_.now = *position;
  made.stream().start();
  wake(made);
  creating_.push_back({*position, &made, std::move(done)});
}

Result<HostedStream*> JetStreamService::host(const NewStream& wanted, store::GroupId group,
                                             bool is_new) {
  PETREL_TRY(std::unique_ptr<HostedStream> hosted, make_hosted(wanted, group, is_new));
  HostedStream* made = hosted.get();
  by_group_[group] = made;
  streams_[{wanted.account, wanted.config.name}] = std::move(hosted);
  return made;
}

// Makes the stream with its store and group; does not start it.
Result<std::unique_ptr<HostedStream>> JetStreamService::make_hosted(const NewStream& wanted,
                                                                    store::GroupId group,
                                                                    bool is_new) {
  StreamPlace place;
  place.account = &node_.accounts->get(wanted.account);
  place.account_usage = wanted.account_usage;
  place.group = group;
  place.is_memory = wanted.config.storage == jetstream::StorageType::kMemory;
  if (!place.is_memory) place.directory = stream_directory(node_.directory, group);
  auto hosted = std::make_unique<HostedStream>(*this, place);
  auto stream = std::make_unique<jetstream::Stream>(
      jetstream::StreamSetup{wanted.account, is_new, wanted.created}, wanted.config, *hosted);
  store::RecoveredStore recovered;
  if (place.is_memory) {
    recovered.store = store::make_memory_store(*stream);
  } else {
    PETREL_TRY(recovered, open_store(wanted.config, place.directory, *stream));
    if (recovered.is_rebuilt) {
      node_.log(jetstream::LogLevel::kError,
                "stream '" + wanted.account + " > " + wanted.config.name +
                    "': its checkpoint is damaged; the messages were found again, what was deleted "
                    "since may be back, its consumers begin anew");
    }
  }
  const uint64_t applied = std::max<uint64_t>(recovered.applied_index, kCreateIndex);
  auto driver = std::make_unique<jetstream::SoloGroup>(
      jetstream::SoloGroupOptions{group, durability_of(wanted.config, node_.options), applied,
                                  &demand_},
      place.is_memory ? nullptr : journal_.get(), *stream);
  jetstream::SoloGroup* group_driver = driver.get();
  PETREL_TRY_STATUS(stream->open(std::move(recovered), std::move(driver)));
  hosted->adopt(std::move(stream), group_driver);
  return hosted;
}

Result<store::RecoveredStore> JetStreamService::open_store(const jetstream::StreamConfig& config,
                                                           const std::string& directory,
                                                           jetstream::Stream& stream) {
  store::FileStoreOptions options;
  options.directory = directory;
  options.compression = config.compression == jetstream::Compression::kS2
                            ? store::Compression::kS2
                            : store::Compression::kNone;
  options.encryption = node_.encryption;
  options.id_memory = node_.id_memory;
  options.subject_memory = node_.subject_memory;
  if (!options.encryption.key.empty()) options.encryption.nonce_seed = random_bytes(kSeedBytes);
  return store::open_file_store(*disk_, options, stream);
}

void JetStreamService::forget(jetstream::Stream& stream, std::function<void()> then) {
  const auto at = streams_.find(std::pair(std::string(stream.account_name()), stream.name()));
  if (at == streams_.end() || &at->second->stream() != &stream) return;
  auto removal = std::make_unique<Removal>();
  removal->hosted = std::move(at->second);
  removal->then = std::move(then);
  streams_.erase(at);
  HostedStream& hosted = *removal->hosted;
  hosted.is_removed = true;
  if (hosted.due.ns != 0) timers_.erase({hosted.due, &hosted});
  by_group_.erase(hosted.place().group);
  std::erase(waiting_, &hosted);
  std::erase(used_, &hosted);
  if (!hosted.place().is_memory) {
    const Result<uint64_t> position =
        journal_->append({.group = hosted.place().group,
                          .index = hosted.group()->proposed_index() + 1,
                          .term = 1,
                          .kind = kRemoveKind,
                          .bytes = Slice()});
    // A journal that takes nothing more: the stream is there again after the next start.
    removal->position = position ? *position : 0;
    demand_.now = std::max(demand_.now, removal->position);
  }
  removals_.push_back(std::move(removal));
}

// Not inside the completion that ended a stream: it is still on the call stack then.
void JetStreamService::drop_removed() {
  for (const std::unique_ptr<Removal>& removal : removals_) {
    if (removal->is_destroying || removal->position > synced_) continue;
    removal->is_destroying = true;
    recovering_.erase(removal->hosted.get());
    if (removal->then) removal->then();
    Removal* of = removal.get();
    of->hosted->stream().destroy([this, of](int error) {
      if (error == 0 && !of->hosted->place().is_memory) {
        journal_->forget(of->hosted->place().group);
      }
      of->is_over = true;
    });
  }
  std::erase_if(removals_, [](const auto& removal) { return removal->is_over; });
}

// --- journal ---

void JetStreamService::on_synced(uint64_t position) {
  synced_ = position;
  std::erase_if(waiting_, [this, position](HostedStream* hosted) {
    if (hosted->group()->on_synced(position)) wake(*hosted);
    hosted->is_waiting = hosted->group()->waits();
    return !hosted->is_waiting;
  });
  while (!creating_.empty() && creating_.front().position <= position) {
    PendingCreate made = std::move(creating_.front());
    creating_.erase(creating_.begin());
    made.done(nullptr, &made.hosted->stream());
  }
}

void JetStreamService::on_failed(int error, uint64_t last_synced) {
  const Error why{Errc::kIo, "journal of loop " + std::to_string(loop_) + ": " +
                                 std::generic_category().message(error)};
  node_.log(jetstream::LogLevel::kError, "JetStream stopped accepting: " + why.detail);
  for (const auto& [group, hosted] : by_group_) {
    if (hosted->place().is_memory) continue;
    hosted->group()->on_failed(last_synced, why);
    wake(*hosted);
  }
  for (PendingCreate& made : creating_) made.done(&why, nullptr);
  creating_.clear();
}

void JetStreamService::on_checkpoint_wanted(store::GroupId group) {
  const auto at = by_group_.find(group);
  if (at != by_group_.end()) start_checkpoint(*at->second);
}

// The file that says what a directory holds comes first: once the journal has let go of the record
// that made the stream, it is all there is.
void JetStreamService::start_checkpoint(HostedStream& hosted) {
  if (hosted.place().is_memory || hosted.is_removed || hosted.is_describing) return;
  if (hosted.is_described) {
    if (!hosted.stream().store().is_checkpointing()) hosted.stream().checkpoint();
    return;
  }
  hosted.is_describing = true;
  describe(hosted, [this, group = hosted.place().group](int error) {
    const auto at = by_group_.find(group);
    if (at == by_group_.end()) return;
    at->second->is_describing = false;
    at->second->is_described = error == 0;
    if (error != 0) return at->second->group()->checkpoint_failed();
    at->second->stream().checkpoint();
  });
}

void JetStreamService::describe(HostedStream& hosted, std::function<void(int error)> done) {
  const std::string& directory = hosted.place().directory;
  if (const Status made = disk_->make_directories(directory); !made) {
    node_.log(jetstream::LogLevel::kError, made.error().detail);
    return done(EIO);
  }
  const NewStream described{std::string(hosted.stream().account_name()), nullptr,
                            hosted.stream().config(), hosted.stream().created()};
  disk_->replace_file(description_file(directory), node_.seal(describe_stream(described)),
                      std::move(done));
}

void JetStreamService::watch_first_checkpoints() {
  if (!all_checkpointed_) return;
  // One whose removal is not on disk yet still needs what the old journals say of it.
  std::erase_if(recovering_,
                [](HostedStream* hosted) { return hosted->group()->checkpoints() > 0; });
  if (!recovering_.empty()) return;
  const std::function<void()> then = std::move(all_checkpointed_);
  all_checkpointed_ = nullptr;
  then();
}

uint64_t JetStreamService::journal_bytes() const {
  return journal_ == nullptr ? 0 : journal_->bytes_on_disk();
}

}  // namespace petrel::shard
