// JetStreamService: the streams whose home is one loop, with the loop's journal and disk.
//
// Owner: Shard (as a LoopService), one per loop. Thread: the loop's; open, recover_stream and
// begin before it runs.
// A turn: completions of the disk, streams that were woken or are due, then one commit of the
// journal for all of them.
// Source: architecture D5, section 4 and 5.
#pragma once

#include "petrel/conf/options_jetstream.h"
#include "petrel/jetstream/solo_group.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/jetstream/stream_files.h"
#include "petrel/router/account_registry.h"
#include "petrel/router/receiver.h"
#include "petrel/shard/batch_usage.h"
#include "petrel/shard/loop_service.h"
#include "petrel/store/disk.h"
#include "petrel/store/journal.h"
#include "petrel/store/message_store.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace petrel::shard {

class HostedStream;
class JetStreamBackup;
class JetStreamRestore;
class JetStreamService;
struct JetStreamUsage;

// What the services of all loops of one server share. Filled before the loops run.
struct JetStreamNode {
  std::string server_name;
  std::string server_id;
  std::string cluster;
  std::string system_account;
  std::string directory;  // <store_dir>/petrel
  conf::JetStreamOptions options;
  int64_t payload_max = 0;  // max_payload
  router::AccountRegistry* accounts = nullptr;
  // Any thread.
  std::function<void(uint16_t loop, std::function<void()> task)> post;
  // Encryption at rest: keys of 32 bytes or empty, and how the files that describe streams are
  // sealed (any thread).
  store::Encryption encryption;  // without its seed
  std::string journal_key;
  std::function<std::string(Slice bytes)> seal;
  std::function<bool(Slice bytes)> is_sealed;  // with the key of today
  std::function<void(jetstream::LogLevel, std::string)> log;
  // An unguessable number.
  std::function<uint64_t()> random;
  // What a connection is, as JSON, on the loop of the connection; empty: it is gone. Any thread.
  std::function<void(router::ConnectionHandle client, std::function<void(const std::string&)> done)>
      describe_client;
  std::function<std::string(const std::string& text)> short_hash;  // of eight characters
  bool has_long_ack_subjects = false;                              // js_ack_fc_v2
  // The bytes of the file of a time zone; empty: there is none.
  std::function<std::string(std::string_view name)> time_zone;
  std::vector<JetStreamService*> services;  // by loop
  std::shared_ptr<JetStreamUsage> usage;    // of the server
  std::shared_ptr<BatchUsage> batches = std::make_shared<BatchUsage>();
  std::shared_ptr<MemoryBudget> id_memory;       // for message ids of streams with file storage
  std::shared_ptr<MemoryBudget> subject_memory;  // for subjects of streams with file storage
};

struct NewStream {
  std::string account;
  std::shared_ptr<JetStreamUsage> account_usage;
  jetstream::StreamConfig config;  // checked, with its defaults
  WallTime created = {};
};

class JetStreamService final : public LoopService, private store::Journal::Listener {
 public:
  using StreamDone = std::function<void(const Error* error, jetstream::Stream* stream)>;

  JetStreamService(JetStreamNode& node, uint16_t loop, router::Router& router,
                   std::unique_ptr<store::Disk> disk);
  ~JetStreamService() override;

  // --- before the loop runs ---
  store::Disk& disk() { return *disk_; }
  Status open();
  // Waits for what open() began. Once the streams are there.
  Status await_journal();
  // A stream that the store directory holds, with what the journals add to it.
  // Finds again what the store directory and the journals hold of a stream.
  Result<jetstream::Stream*> recover_stream(store::GroupId group, store::JournalTail& tail,
                                            const NewStream& described);
  // A stream of a nats-server's store directory: it is on disk when this returns.
  Result<jetstream::Stream*> import_stream(const NewStream& described,
                                           const jetstream::FoundStream& found,
                                           const jetstream::StreamFiles& files);
  // Every recovered stream serves from now on. `all_checkpointed` once what the old journals hold
  // is in checkpoints.
  void begin(Instant now, WallTime wall_now, std::function<void()> all_checkpointed);

  // --- the loop's thread ---
  Instant run(router::Router& router, Instant now, WallTime wall_now) override;
  void set_time(Instant now, WallTime wall_now) override;
  // Null: not here.
  jetstream::Stream* find(Slice account, Slice stream);
  // `done` once its creation is on disk.
  void create(NewStream wanted, StreamDone done);
  // Forgets a stream that ended (Stream::remove); `then` once that is on disk. Its files go later.
  void forget(jetstream::Stream& stream, std::function<void()> then);
  // Nothing is taken or delivered any more; waiting pulls are told "Server Shutdown".
  void stop_streams();
  // The journal is synced, everything checkpointed, the disk idle. Last call.
  void shut_down();
  // Sends a message in an account: answers and advisories. From run only, or from completions.
  uint32_t send(router::AccountInterest& account, const jetstream::OutMessage& message);
  bool has_interest(router::AccountInterest& account, Slice subject);
  // Runs until it is over.
  void begin_backup(std::unique_ptr<JetStreamBackup> backup);
  void begin_restore(std::unique_ptr<JetStreamRestore> restore);
  void visit(const std::function<void(const std::string& account, jetstream::Stream&)>& visit);
  // What accounts import from others may be something else now.
  void accounts_changed();
  uint64_t journal_bytes() const;
  bool is_disk_full() const;
  // What the last session's journals held is gone from the disk.
  void old_journals_removed();

  // --- for hosted streams ---
  JetStreamNode& node() { return node_; }
  router::Router& router() { return router_; }
  Instant now() const { return now_; }
  WallTime wall_now() const { return wall_now_; }
  Prng& prng() { return prng_; }
  void wake(HostedStream& hosted);
  void wake_at(HostedStream& hosted, Instant when);
  void advise(router::AccountInterest& account, Slice subject, std::string body);
  std::string next_id();

  // --- for restores ---
  // A stream that nobody sees; it takes part in no turn.
  Result<std::unique_ptr<HostedStream>> make_hidden(const NewStream& wanted);
  // Writes the file by which the next start finds the stream.
  void describe(HostedStream& hosted, std::function<void(int error)> done);
  // It serves from now on.
  jetstream::Stream& adopt(std::unique_ptr<HostedStream> hosted);
  // It goes with its files.
  void discard(std::unique_ptr<HostedStream> hosted);

 private:
  struct Advisory {
    router::AccountInterest* account;
    std::string subject;
    std::string body;
  };
  // A stream that ended: its removal goes to disk, then its files go.
  struct Removal {
    std::unique_ptr<HostedStream> hosted;
    uint64_t position = 0;  // in the journal
    std::function<void()> then;
    bool is_destroying = false;
    bool is_over = false;
  };
  struct PendingCreate {
    uint64_t position;
    HostedStream* hosted;
    StreamDone done;
  };

  // journal
  void on_synced(uint64_t position) override;
  void on_failed(int error, uint64_t last_synced) override;
  void on_checkpoint_wanted(store::GroupId group) override;

  Result<std::unique_ptr<HostedStream>> make_hosted(const NewStream& wanted, store::GroupId group,
                                                    bool is_new);
  Result<HostedStream*> host(const NewStream& wanted, store::GroupId group, bool is_new);
  // From now on, or never when it is parked.
  void serve(HostedStream& hosted);
  void run_stream(HostedStream& hosted);
  void fire_timers();
  void send_advisories();
  void drop_removed();
  void run_backups();
  Instant commit_journal();
  void start_checkpoint(HostedStream& hosted);
  void watch_first_checkpoints();
  // Compaction, scrubbing and repair of the stores that were used lately, a few steps at a time.
  void maintain_stores();
  std::string random_bytes(size_t count);
  Result<store::RecoveredStore> open_store(const jetstream::StreamConfig& config,
                                           const std::string& directory, jetstream::Stream& stream);

  JetStreamNode& node_;
  const uint16_t loop_;
  router::Router& router_;
  Prng prng_;
  std::unique_ptr<store::Disk> disk_;
  std::unique_ptr<store::Journal> journal_;
  // By account, then name: the order of lists.
  std::map<std::pair<std::string, std::string>, std::unique_ptr<HostedStream>, std::less<>>
      streams_;
  std::unordered_map<store::GroupId, HostedStream*> by_group_;
  std::vector<HostedStream*> runnable_;
  std::vector<HostedStream*> running_;
  std::deque<HostedStream*> used_;  // stores to maintain
  Instant maintain_at_{};
  std::vector<HostedStream*> waiting_;  // for the journal
  std::set<std::pair<Instant, HostedStream*>> timers_;
  std::vector<PendingCreate> creating_;
  std::set<HostedStream*> recovering_;  // their first checkpoint is awaited
  std::function<void()> all_checkpointed_;
  uint64_t synced_ = 0;
  jetstream::JournalDemand demand_;
  Instant soon_at_{};  // what may wait is written then; 0: nothing waits
  std::vector<Advisory> advisories_;
  std::vector<std::unique_ptr<Removal>> removals_;
  std::vector<std::unique_ptr<JetStreamBackup>> backups_;
  std::vector<std::unique_ptr<JetStreamRestore>> restores_;
  subject::MatchResult match_;
  std::string frame_;
  Instant now_{};
  WallTime wall_now_{};
};

}  // namespace petrel::shard
