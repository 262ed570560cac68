#include "server/jetstream.h"

#include "server/identity.h"
#include "server/time_zone_file.h"

#include "petrel/auth/account.h"
#include "petrel/base/go_duration.h"
#include "petrel/disk/open_disk.h"
#include "petrel/shard/batch_usage.h"
#include "petrel/shard/jetstream_usage.h"
#include "petrel/shard/offline.h"
#include "petrel/shard/stream_description.h"
#include "petrel/store/journal.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <chrono>
#include <latch>
#include <set>
#include <system_error>

namespace petrel::server {

namespace {

// The part of the memory that the server is to use that message ids may take.
constexpr int64_t kIdMemoryPart = 8;
// The part of the memory that the server is to use that subjects of streams may take.
constexpr int64_t kSubjectMemoryPart = 4;

// Whether requests for account information go to another account.
bool has_api_import(const std::vector<conf::ImportOptions>& imports) {
  return std::any_of(imports.begin(), imports.end(), [](const conf::ImportOptions& import) {
    const std::string& subject = import.to.empty() ? import.subject : import.to;
    return import.is_service && subject::is_subset_match("$JS.API.INFO", subject);
  });
}

void take_account_limits(const conf::AccountJetStreamLimits& given,
                         jetstream::ConfigLimits& limits) {
  limits.max_memory = given.max_memory;
  limits.max_storage = given.max_store;
  limits.max_streams = given.max_streams;
  limits.max_consumers = given.max_consumers;
  limits.max_ack_pending = given.max_ack_pending;
  limits.memory_max_stream_bytes = given.memory_max_stream_bytes;
  limits.storage_max_stream_bytes = given.store_max_stream_bytes;
  limits.max_bytes_required = given.max_bytes_required;
}

void set_batch_limits(const conf::JetStreamLimits& limits, shard::BatchUsage& server) {
  server.stream_open_max = limits.max_batch_inflight_per_stream;
  server.open_max = limits.max_batch_inflight_total;
  server.messages_max = limits.max_batch_msgs;
  server.silence_ns = limits.max_batch_timeout.ns;
}

LogLevel level_of(jetstream::LogLevel level) {
  switch (level) {
    case jetstream::LogLevel::kDebug:
      return LogLevel::kDebug;
    case jetstream::LogLevel::kInfo:
      return LogLevel::kInfo;
    case jetstream::LogLevel::kWarn:
      return LogLevel::kWarn;
    case jetstream::LogLevel::kError:
      return LogLevel::kError;
  }
  return LogLevel::kInfo;
}

disk::Backend backend_of(conf::DiskBackend configured) {
  switch (configured) {
    case conf::DiskBackend::kIoUring:
      return disk::Backend::kUring;
    case conf::DiskBackend::kThreads:
      return disk::Backend::kThreads;
    case conf::DiskBackend::kAuto:
      break;
  }
  return disk::Backend::kAutomatic;
}

Instant monotonic_now() {
  return {std::chrono::steady_clock::now().time_since_epoch().count()};
}

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

}  // namespace

JetStream::JetStream(JetStreamSetup setup) : setup_(std::move(setup)) {
  node_.server_name = setup_.server_name;
  node_.server_id = setup_.server_id;
  node_.cluster = setup_.options.cluster.name;
  node_.options = setup_.options.jetstream;
  node_.accounts = &setup_.accounts;
  node_.post = [this](uint16_t loop, std::function<void()> task) {
    setup_.loops[loop]->run_task([task = std::move(task)](shard::Shard& /*shard*/) { task(); });
  };
  node_.describe_client = [this](router::ConnectionHandle client,
                                 std::function<void(const std::string&)> done) {
    setup_.loops[client.loop]->run_task(
        [client, done = std::move(done)](shard::Shard& shard) { done(shard.client_json(client)); });
  };
  keys_ = StoreKeys(node_.options);
  node_.encryption.key = keys_.store();
  node_.encryption.previous_key = keys_.previous_store();
  node_.journal_key = keys_.journal();
  node_.seal = [this](Slice bytes) { return keys_.seal(bytes); };
  node_.is_sealed = [this](Slice bytes) { return keys_.is_current(bytes); };
  node_.id_memory = std::make_shared<MemoryBudget>(
      static_cast<size_t>(memory_to_use(setup_.options.petrel.max_memory) / kIdMemoryPart));
  node_.subject_memory = std::make_shared<MemoryBudget>(
      static_cast<size_t>(memory_to_use(setup_.options.petrel.max_memory) / kSubjectMemoryPart));
  node_.payload_max = setup_.options.max_payload;
  node_.system_account = setup_.options.system_account;
  if (node_.system_account.empty()) node_.system_account = auth::kSystemAccount;
  node_.log = [this](jetstream::LogLevel level, std::string text) { say(level_of(level), text); };
  node_.random = [] { return random_seed(); };
  node_.time_zone = read_time_zone;
  node_.short_hash = short_hash;
  const auto long_acks = setup_.options.feature_flags.find("js_ack_fc_v2");
  node_.has_long_ack_subjects =
      long_acks != setup_.options.feature_flags.end() && long_acks->second;
}

JetStream::~JetStream() = default;

Result<std::unique_ptr<JetStream>> JetStream::open(JetStreamSetup setup,
                                                   const auth::AccountSnapshot& accounts) {
  const Instant began = monotonic_now();
  std::unique_ptr<JetStream> made(new JetStream(std::move(setup)));
  made->say(LogLevel::kInfo, "Starting JetStream");
  PETREL_TRY_STATUS(made->prepare_directory());
  made->announce();
  PETREL_TRY_STATUS(made->make_services());
  for (const auto& [name, account] : accounts.all()) {
    made->set_account(*account);
    made->known_accounts_.push_back(name);
  }
  made->set_described_accounts(accounts);
  PETREL_TRY_STATUS(made->recover());
  PETREL_TRY_STATUS(made->import_streams());
  const Duration took = monotonic_now() - began;
  made->say(LogLevel::kInfo, "Took " + go_duration(took) + " to start JetStream");
  return made;
}

Status JetStream::prepare_directory() {
  PETREL_TRY(place_, StorePlace::open(node_.options));
  if (place_.is_temporary()) {
    say(LogLevel::kWarn, "Temporary storage directory used, data could be lost on system reboot");
  }
  node_.directory = place_.directory();
  node_.usage = std::make_shared<shard::JetStreamUsage>();
  node_.usage->memory_max = place_.max_memory();
  node_.usage->storage_max = place_.max_storage();
  set_batch_limits(node_.options.limits, *node_.batches);
  return Status::ok();
}

void JetStream::announce() const {
  const auto line = [this](const std::string& text) { say(LogLevel::kInfo, text); };
  line("---------------- JETSTREAM ----------------");
  line(std::string("  Strict:          ") + (node_.options.strict ? "true" : "false"));
  line("  Max Memory:      " + friendly_bytes(place_.max_memory()));
  line("  Max Storage:     " + friendly_bytes(place_.max_storage()));
  line("  Store Directory: \"" + node_.directory + "\"");
  if (keys_.is_encrypted()) line("  Encryption:      XChaCha20-Poly1305");
  if (!node_.options.domain.empty()) line("  Domain:          " + node_.options.domain);
  line("  API Level:       5");
  line("-------------------------------------------");
  if (node_.options.sync_relaxed) {
    say(LogLevel::kWarn,
        "sync_interval is set: messages are acknowledged before they are on disk; remove it (or "
        "set it to always) to have every acknowledged message survive a power failure");
  }
}

// The services live as long as their loops; what posts to them does too.
Status JetStream::make_services() {
  const bool is_automatic = setup_.options.petrel.disk_backend == conf::DiskBackend::kAuto;
  if (is_automatic && !disk::is_uring_usable()) {
    say(LogLevel::kInfo, "io_uring is not available here, worker threads read and write files");
  }
  for (uint16_t i = 0; i < setup_.loops.size(); ++i) {
    LoopThread& loop = *setup_.loops[i];
    disk::DiskOptions options;
    options.backend = backend_of(setup_.options.petrel.disk_backend);
    options.wake_fd = loop.loop().wake_fd();
    PETREL_TRY(std::unique_ptr<store::Disk> disk, disk::open_disk(options));
    auto service =
        std::make_unique<shard::JetStreamService>(node_, i, loop.router(), std::move(disk));
    node_.services.push_back(service.get());
    loop.add_service(std::move(service));
  }
  auto api = std::make_unique<shard::JetStreamApi>(node_, setup_.loops.front()->router());
  api_ = api.get();
  setup_.loops.front()->add_service(std::move(api));
  return Status::ok();
}

Status JetStream::recover() {
  const std::string journals = node_.directory + "/journal";
  store::Disk& disk = node_.services.front()->disk();
  PETREL_TRY_STATUS(disk.make_directories(journals));
  PETREL_TRY_STATUS(disk.make_directories(shard::streams_directory(node_.directory)));
  PETREL_TRY(const std::vector<store::FileEntry> directories,
             disk.list(shard::streams_directory(node_.directory)));
  std::set<store::GroupId> groups;
  for (const store::FileEntry& entry : directories) {
    if (const Result<store::GroupId> group = shard::group_of_directory(entry.name)) {
      groups.insert(*group);
    }
  }
  setup_.recovery.streams = groups.size();
  PETREL_TRY(const std::unique_ptr<store::JournalTail> tail,
             store::read_journals(disk, journals, keys_.journals()));
  for (shard::JetStreamService* service : node_.services) PETREL_TRY_STATUS(service->open());
  for (const store::GroupId group : tail->groups()) groups.insert(group);
  setup_.recovery.streams = groups.size();
  if (!groups.empty()) {
    say(LogLevel::kInfo, "Recovering streams: " + std::to_string(groups.size()));
  }
  told_progress_ = monotonic_now();
  for (const store::GroupId group : groups) {
    PETREL_TRY_STATUS(recover_group(group, *tail));
    count_recovered();
  }
  for (shard::JetStreamService* service : node_.services)
    PETREL_TRY_STATUS(service->await_journal());
  loops_to_checkpoint_ = node_.services.size();
  for (shard::JetStreamService* service : node_.services) {
    service->begin(monotonic_now(), wall_now(), [this, files = tail->files()] {
      if (loops_to_checkpoint_.fetch_sub(1) != 1) return;
      node_.post(0, [this, files] {
        store::remove_journals(node_.services.front()->disk(), files,
                               [this](int error) { old_journals_removed(error); });
      });
    });
  }
  return Status::ok();
}

void JetStream::count_recovered() {
  constexpr size_t kTellEvery = 1000;
  constexpr Duration kTellAfter = Duration::seconds(5);
  const size_t recovered = ++setup_.recovery.streams_recovered;
  const Instant now = monotonic_now();
  if (recovered % kTellEvery != 0 && now - told_progress_ < kTellAfter) return;
  told_progress_ = now;
  say(LogLevel::kInfo, "Recovering streams: " + std::to_string(recovered) + " of " +
                           std::to_string(setup_.recovery.streams.load()));
}

Status JetStream::import_streams() {
  if (!is_import_wanted(node_.directory)) return Status::ok();
  const std::vector<ForeignStream> found = foreign_streams(node_.options.store_dir);
  setup_.recovery.streams += found.size();
  for (const ForeignStream& foreign : found) {
    if (const Status done = import_stream(foreign); !done) {
      return Error{done.error().code, "import of stream '" + foreign.account + " > " +
                                          foreign.name + "': " + done.error().detail};
    }
    count_recovered();
  }
  return import_is_done(node_.directory);
}

Status JetStream::import_stream(const ForeignStream& foreign) {
  const jetstream::StreamFiles files = foreign.files();
  PETREL_TRY(const jetstream::FoundStream found, files.describe());
  const std::shared_ptr<shard::JetStreamUsage> usage = usage_of(foreign.account);
  const uint16_t home =
      shard::JetStreamApi::home_of(foreign.account, found.config.name, node_.services.size());
  shard::JetStreamService& service = *node_.services[home];
  // From an import that was cut short.
  if (service.find(foreign.account, found.config.name) != nullptr) return Status::ok();
  service.set_time(monotonic_now(), wall_now());
  PETREL_TRY(
      jetstream::Stream * stream,
      service.import_stream({foreign.account, usage, found.config, found.created}, found, files));
  api_->add_stream(foreign.account, *stream, home);
  tell_offline(foreign.account, *stream);
  say(LogLevel::kInfo, "  Imported " + std::to_string(stream->state().messages) +
                           " messages for stream '" + foreign.account + " > " + stream->name() +
                           "'");
  return Status::ok();
}

void JetStream::old_journals_removed(int error) {
  if (error != 0) {
    return say(LogLevel::kError, "could not remove old journals in " + node_.directory +
                                     "/journal: " + std::generic_category().message(error));
  }
  for (uint16_t loop = 0; loop < node_.services.size(); ++loop) {
    node_.post(loop, [service = node_.services[loop]] { service->old_journals_removed(); });
  }
}

// What a restore left that did not end, or what is left of its removal.
bool JetStream::is_unfinished(const std::string& directory) const {
  store::Disk& disk = node_.services.front()->disk();
  const auto files = disk.list(directory);
  if (files && files->empty()) return true;
  const std::string mark = shard::unfinished_file(directory);
  const bool is_marked =
      disk.load(mark).is_ok() || disk.load(mark + ".tmp").is_ok();  // a write cut short
  return is_marked && !disk.load(shard::description_file(directory)).is_ok();
}

std::shared_ptr<shard::JetStreamUsage> JetStream::usage_of(const std::string& account) {
  if (std::shared_ptr<shard::JetStreamUsage> known = api_->usage_of(account)) return known;
  api_->set_account({account, false, {}});
  unknown_accounts_.push_back(account);
  return api_->usage_of(account);
}

Status JetStream::recover_group(store::GroupId group, store::JournalTail& tail) {
  std::string description;
  bool is_removed = false;
  PETREL_TRY_STATUS(tail.visit(group, [&](const store::JournalRecord& record) {
    if (record.kind == shard::kCreateKind) description = std::string(record.bytes);
    if (record.kind == shard::kRemoveKind) is_removed = true;
  }));
  store::Disk& disk = node_.services.front()->disk();
  const std::string directory = shard::stream_directory(node_.directory, group);
  if (is_removed) {
    disk.remove_tree(directory, [](int /*error*/) {});
    disk.drain();
    return Status::ok();
  }
  if (description.empty() && is_unfinished(directory)) {
    say(LogLevel::kWarn, "A restore into " + directory + " did not end; its files are removed");
    disk.remove_tree(directory, [](int /*error*/) {});
    disk.drain();
    return Status::ok();
  }
  if (description.empty()) {
    Result<std::string> file = disk.load(shard::description_file(directory));
    if (!file) {
      say(LogLevel::kError,
          "JetStream directory " + directory +
              " does not say which stream it holds and is left alone: " + file.error().detail);
      return Status::ok();
    }
    PETREL_TRY(description, keys_.open(*file));
  }
  Result<shard::NewStream> described = shard::read_description(description);
  if (!described) {
    say(LogLevel::kError, "JetStream directory " + directory + ": " + described.error().detail);
    return Status::ok();
  }
  described->account_usage = usage_of(described->account);
  const uint16_t home = shard::JetStreamApi::home_of(described->account, described->config.name,
                                                     node_.services.size());
  Result<jetstream::Stream*> found = node_.services[home]->recover_stream(group, tail, *described);
  if (!found) {
    return Error{found.error().code, "stream '" + described->account + " > " +
                                         described->config.name + "': " + found.error().detail};
  }
  jetstream::Stream* stream = *found;
  api_->add_stream(described->account, *stream, home);
  tell_offline(described->account, *stream);
  say(LogLevel::kInfo, "  Restored " + std::to_string(stream->state().messages) +
                           " messages for stream '" + described->account + " > " + stream->name() +
                           "'");
  return Status::ok();
}

void JetStream::tell_offline(const std::string& account, const jetstream::Stream& stream) const {
  const shard::Offline offline = shard::offline_of(stream);
  if (offline.reason.empty()) return;
  const std::string name = account + " > " + stream.name();
  const bool is_stream = !jetstream::unsupported_level(stream.config().metadata).empty();
  if (is_stream) {
    say(LogLevel::kWarn, "  Detected unsupported stream '" + name + "': " + offline.reason);
  }
  for (const auto& [consumer, reason] : offline.consumers) {
    say(LogLevel::kWarn,
        "  Detected unsupported consumer '" + name + " > " + consumer + "': " + reason);
  }
  if (!is_stream) say(LogLevel::kWarn, "  Stopping unsupported stream '" + name + "'");
}

shard::JetStreamAccount JetStream::described(const auth::Account& account) const {
  shard::JetStreamAccount one{
      account.name, account.jetstream.has_value() && !account.is_system, {}};
  one.imports_api = !one.enabled && has_api_import(account.imports);
  jetstream::ConfigLimits& limits = one.limits;
  limits.duplicate_window = setup_.options.jetstream.limits.duplicate_window;
  limits.server_max_ack_pending = setup_.options.jetstream.limits.max_ack_pending;
  limits.server_max_request_batch = setup_.options.jetstream.limits.max_request_batch;
  limits.default_max_consumers = setup_.options.jetstream.limits.default_max_consumers;
  const auto with = [base = limits](const conf::AccountJetStreamLimits& given) {
    jetstream::ConfigLimits own = base;
    take_account_limits(given, own);
    return own;
  };
  for (const auto& [tier, given] : account.jetstream_tiers) one.tiers[tier] = with(given);
  if (const auto single = one.tiers.find("R1"); single != one.tiers.end()) {
    limits = single->second;
  } else if (account.jetstream.has_value()) {
    limits = with(*account.jetstream);
    limits.covers_one_replica = one.tiers.empty();
  }
  return one;
}

void JetStream::set_account(const auth::Account& account) {
  api_->set_account(described(account));
}

// What operator mode knew before JetStream was there: accounts that are preloaded.
void JetStream::set_described_accounts(const auth::AccountSnapshot& configured) {
  std::vector<std::string> names;
  setup_.accounts.for_each(
      [&names](const router::AccountInterest& account) { names.push_back(account.name); });
  for (const std::string& name : names) {
    if (configured.find(name) != nullptr) continue;
    if (const auth::AccountPtr account = setup_.accounts.description(name)) set_account(*account);
  }
}

void JetStream::describe(const std::vector<auth::AccountPtr>& accounts) {
  std::latch done(1);
  node_.post(0, [&] {
    for (const auth::AccountPtr& account : accounts) set_account(*account);
    done.count_down();
  });
  done.wait();
  refresh_imports();
}

void JetStream::refresh_imports() const {
  std::latch done(static_cast<std::ptrdiff_t>(node_.services.size()));
  for (uint16_t loop = 0; loop < node_.services.size(); ++loop) {
    node_.post(loop, [service = node_.services[loop], &done] {
      service->accounts_changed();
      done.count_down();
    });
  }
  done.wait();
}

void JetStream::change(const conf::JetStreamOptions& options,
                       std::shared_ptr<const auth::AccountSnapshot> accounts) {
  set_batch_limits(options.limits, *node_.batches);
  if (options.max_memory_store >= 0) node_.usage->memory_max = options.max_memory_store;
  if (options.max_file_store >= 0) node_.usage->storage_max = options.max_file_store;
  node_.post(0, [this, limits = options.limits, accounts = std::move(accounts)] {
    setup_.options.jetstream.limits = limits;
    for (const std::string& name : known_accounts_) {
      if (accounts->find(name) == nullptr) api_->set_account({name, false, {}});
    }
    known_accounts_.clear();
    for (const auto& [name, account] : accounts->all()) {
      set_account(*account);
      known_accounts_.push_back(name);
    }
  });
  refresh_imports();
}

void JetStream::stop_streams(uint16_t loop) {
  node_.services[loop]->stop_streams();
}

void JetStream::shut_down() {
  say(LogLevel::kInfo, "Initiating JetStream Shutdown...");
  for (shard::JetStreamService* service : node_.services) service->shut_down();
  say(LogLevel::kInfo, "JetStream Shutdown");
}

}  // namespace petrel::server
