// StreamCore: what the parts of a stream share, and the parts.
//
// Owner: Stream. Thread: the home loop.
// `applied` state changes only in StreamApply, from committed entries and nothing else, so that two
// instances fed the same entries are equal. `staged` is the leader's view ahead of it.
#pragma once

#include "jetstream/answers.h"
#include "jetstream/batch_publish.h"
#include "jetstream/delayed.h"
#include "jetstream/expiry.h"
#include "jetstream/fast_publish.h"
#include "jetstream/producers.h"
#include "jetstream/schedules.h"
#include "jetstream/sourcing.h"
#include "jetstream/staged.h"
#include "jetstream/stream_apply.h"
#include "jetstream/stream_consumers.h"
#include "jetstream/stream_ingest.h"
#include "jetstream/stream_reads.h"

#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/subject/subject_transform.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace petrel::jetstream {

class StreamCore final : public Answers::Sink {
 public:
  StreamCore(Stream& stream, StreamSetup setup, const StreamConfig& config, StreamHost& host);

  // --- for the parts ---
  // Index of the entry; 0: it cannot be taken now (`is_failed` says whether ever).
  uint64_t propose(std::span<const Slice> parts, Urgency urgency = Urgency::kNow);
  // Everything staged so far that somebody waits for: not how far consumers came meanwhile.
  uint64_t staged_index() const { return awaited_index; }
  // What is published from now on waits until everything staged is applied.
  void set_barrier() { barrier = staged_index(); }
  bool is_behind_barrier() const { return barrier > group->applied_index(); }
  WallTime next_time();
  // Replaces the configuration and what is derived from it.
  void configure(const StreamConfig& next);
  bool is_memory() const { return config.storage == StorageType::kMemory; }
  // {"type":..,"id":..,"timestamp":..,"stream":.. : the front of an advisory.
  std::string advisory_head(Slice type, bool names_account) const;
  // Why there is no room for so many bytes.
  ApiErrc no_room(uint64_t bytes) {
    return host.is_server_full(stream, bytes) ? ApiErrc::kInsufficientResources
                                              : ApiErrc::kAccountResourcesExceeded;
  }

  // --- a turn (stream_turns.cc) ---
  void subscribe();
  void unsubscribe();
  void take(Inlet inlet, const Incoming& message);
  bool run_timers();
  // Tells the host what changed since the last call.
  void report_usage(int64_t bytes, int64_t consumer_count);
  void arrange_wake();
  // The configuration was replaced by an applied entry.
  void on_updated();
  void operate(Slice entry, Stream::Done done);
  void operate_counted(Slice entry, Stream::PurgeDone done);
  void operate_consumer(Slice entry, const std::string& name, Stream::ConsumerDone done);
  std::optional<ApiError> check_delete(uint64_t sequence) const;
  std::optional<ApiError> check_new_consumer(const ConsumerConfig& wanted) const;

  // --- Answers::Sink ---
  void send_ack(Slice reply, uint64_t sequence, Slice rest) override;
  void send_text(Slice reply, Slice header, Slice body) override;

  // --- state ---
  Stream& stream;
  StreamHost& host;
  const BufferLimits limits;
  const std::string account;
  StreamConfig config;
  WallTime created;
  std::unique_ptr<store::MessageStore> store;
  std::unique_ptr<GroupDriver> group;
  std::optional<subject::SubjectTransform> transform;
  std::optional<subject::SubjectTransform> republish;
  bool is_started = false;
  bool is_stopped = false;
  bool is_failed = false;
  bool is_gone = false;      // its deletion was applied
  int checkpoint_error = 0;  // of the last one

  // --- applied ---
  std::string last_id;
  store::MessageIds* ids = nullptr;  // the store's
  Expiry expiry;
  Schedules schedules;
  Delayed delayed;
  Producers producers;
  StreamConsumers consumers;

  // --- the leader's ---
  Staged staged;
  Answers answers;
  uint64_t barrier = 0;
  uint64_t awaited_index = 0;
  // How many messages an applied entry removed, for who asked: index, count.
  std::unordered_map<uint64_t, uint64_t> results;
  int64_t reported_bytes = 0;
  int64_t reported_consumers = 0;

  StreamApply apply;
  StreamIngest ingest;
  BatchPublish batches;
  FastPublish fast;
  StreamReads reads;
  Sourcing sourcing;

 private:
  void take_pull(const Incoming& message);
  uint64_t propose_operation(Slice entry);

  std::vector<uint32_t> subscriptions_;
  std::optional<StreamConfig> subscribed_;
  std::string ack_head_;  // {"stream":"S","seq":
  std::string frame_;
};

}  // namespace petrel::jetstream
