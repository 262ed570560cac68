// Stream: the deterministic state machine of one stream with its consumers. Committed entries feed
// it; clients reach it through `take` (messages) and the operations (requests of the API).
//
// Owner: the JetStream service of its home loop. Thread: that loop.
// Life: construct, `open` (store and group, which refer to it), for a recovered stream `apply` of
// the journal's entries behind the checkpoint, `start`; later `stop`, then destroy.
// Order: everything that was asked for is answered in the order it was asked, each answer behind
// the commit of what was staged before it. Completions are called from `run` only.
// Limits: an ingress queue of 128 MiB staged and not yet committed, above it publishers get 429.
// Source: spec streams.md, api.md section 3; architecture D4, D6 and section 4.
#pragma once

#include "petrel/base/result.h"
#include "petrel/jetstream/consumer_host.h"
#include "petrel/jetstream/group_driver.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/router/message.h"
#include "petrel/store/message_store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace petrel::jetstream {

class Consumer;
struct ApiError;
struct ConsumerConfig;
struct StreamConfig;
class StreamCore;

// STREAM.PURGE; sequence and keep exclude each other (checked by the caller).
struct PurgeRequest {
  std::string filter;     // empty: all subjects
  uint64_t sequence = 0;  // up to but excluding; 0: all
  uint64_t keep = 0;
};

// STREAM.MSG.GET; which fields may stand together is checked by the caller.
struct GetRequest {
  uint64_t sequence = 0;
  WallTime start_time = {};  // ns 0: none
  std::string last_by_subject;
  std::string next_by_subject;
};

// What STREAM.INFO says of a mirror or source besides its configuration.
struct SourceState {
  uint64_t lag = 0;
  uint64_t sequence = 0;   // of a source: the last one taken from it; 0: none
  int64_t active_ns = -1;  // since the last sign of life; -1: never
  int64_t error_code = 0;  // err_code; 0: none
  std::string error;
};

// What becomes of a message that is published now, as a trace tells it.
struct PublishOutlook {
  std::string subject = {};  // it is stored under; empty: refused before that was known
  std::string error = {};
  bool has_no_interest = false;
};

struct StreamSetup {
  std::string account;
  bool is_new = true;  // false: the configuration of the checkpoint and entries wins
  WallTime created = {};
};

class Stream final : public GroupMember, public ConsumerHost, public store::MessageStore::Listener {
 public:
  // An error is null on success and valid for the call.
  using Done = std::function<void(const ApiError* error)>;
  using PurgeDone = std::function<void(const ApiError* error, uint64_t purged)>;
  using ConsumerDone = std::function<void(const ApiError* error, Consumer* consumer)>;
  using MessageDone =
      std::function<void(const ApiError* error, const store::StoredMessage* message)>;

  // `config` is checked and has its defaults.
  Stream(StreamSetup setup, const StreamConfig& config, StreamHost& host);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // kCorrupt when `extra` of the checkpoint cannot be read.
  Status open(store::RecoveredStore recovered, std::unique_ptr<GroupDriver> group);
  // Recovery is done: subscribes and serves.
  void start();
  // Recovery is done, and it keeps what it holds: it serves nobody and changes only by operations.
  void park();
  // Consumers tell waiting clients `reason` ("Server Shutdown", ...); nothing is taken any more.
  void stop(Slice reason);

  // --- each turn ---
  // Stages what came to one of its inlets, to its subscription `target`. Never sends.
  void take(Inlet inlet, const router::Message& message, Slice target);
  // Changes nothing.
  PublishOutlook foresee(const router::Message& message) const;
  // Applies what is committed, answers, runs consumers, expires. Returns whether there is more to
  // do at once; else the host was told when.
  bool run(size_t budget);
  // Called behind everything staged so far, when that is applied (or lost).
  void when_applied(std::function<void()> done);
  // Begins to write state and messages to the store; the group is told when that is on disk.
  void checkpoint();
  // Removes everything from disk after `stop`.
  void destroy(std::function<void(int error)> done);

  // --- operations: answered after commit ---
  // The new configuration is checked against the old one and has its defaults.
  void update(const StreamConfig& config, Done done);
  void purge(const PurgeRequest& request, PurgeDone done);
  void delete_message(uint64_t sequence, bool erase, Done done);
  // Ends the stream: consumers stop with "Consumer Deleted", nothing is taken any more. The owner
  // then calls destroy.
  void remove(Done done);
  // The configuration is complete (name, defaults) and checked by itself; what it must not be
  // beside the stream and its other consumers is checked here. A consumer with that name exists:
  // it is updated, and nothing is checked but what an update may not change (by the caller).
  void create_consumer(const ConsumerConfig& config, ConsumerDone done);
  void delete_consumer(Slice name, Done done);
  // Consumers whose state was to be in memory only end with the process. After `start`, once.
  void drop_memory_consumers();
  // Time ns 0: resume.
  void pause_consumer(Slice name, WallTime until, ConsumerDone done);
  void reset_consumer(Slice name, uint64_t sequence, ConsumerDone done);
  void unpin_consumer(Slice name, Slice group, ConsumerDone done);

  // --- reads ---
  // Behind everything staged before; may wait for the disk.
  void get_message(const GetRequest& request, MessageDone done);
  const StreamConfig& config() const;
  const std::string& name() const;
  WallTime created() const;
  const store::StoreState& state() const;
  const store::MessageStore& store() const;
  Consumer* find_consumer(Slice name) const;
  std::vector<Consumer*> consumers() const;  // by name, hidden (direct) ones too
  // Null: the stream is no mirror.
  std::optional<SourceState> mirror_state() const;
  std::vector<SourceState> source_states() const;  // as StreamConfig::sources
  // What checkpoint() writes besides the messages.
  std::string snapshot() const;
  // Equal for two streams that were fed the same entries.
  uint64_t state_hash() const;
  bool is_failed() const;  // the journal failed: nothing is accepted any more

  // --- GroupMember ---
  void apply(uint64_t index, Slice entry) override;
  void on_lost(uint64_t index, const Error& why) override;

  // --- ConsumerHost ---
  const StreamConfig& stream_config() const override { return config(); }
  Slice account_name() const override;
  store::MessageStore& messages() override;
  StreamHost& outside() override;
  Stream& stream() override { return *this; }
  uint64_t propose(Consumer& consumer, Slice entry, Urgency urgency) override;
  void on_settled(Consumer& consumer, uint64_t sequence) override;
  void on_settled_up_to(Consumer& consumer, uint64_t sequence) override;
  void wake(Consumer& consumer) override;
  void wake_at(Consumer& consumer, Instant when) override;
  void remove_inactive(Consumer& consumer) override;

  // --- MessageStore::Listener ---
  void on_readable() override;
  void on_checkpoint(uint64_t applied_index, int error) override;
  void on_damaged(uint64_t first, uint64_t last, const std::string& what) override;

 private:
  friend class StreamImport;  // fills it before it starts

  std::unique_ptr<StreamCore> core_;
};

}  // namespace petrel::jetstream
