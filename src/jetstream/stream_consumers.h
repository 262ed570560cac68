// StreamConsumers: the consumers of a stream: which of them a subject concerns, whose turn it is,
// and what retention asks of them.
//
// Owner: StreamCore. Thread: the home loop.
// Cost: a message costs its matches: filters stand in an index once there are more than a few.
// Source: spec consumers.md, streams.md section 3; MORE-20.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/ring_queue.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/consumer.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/subject/subject_index.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace petrel::router {
struct Message;
}

namespace petrel::jetstream {

class StreamCore;

class StreamConsumers {
 public:
  explicit StreamConsumers(StreamCore& core) : core_(core) {}
  ~StreamConsumers();

  // --- applied entries ---
  void create(uint64_t id, WallTime created, Slice name, const ConsumerConfig& config);
  void update(Slice name, const ConsumerConfig& config);
  void remove(Slice name);
  void apply_state(uint64_t id, Slice bytes);
  void pause(uint64_t id, WallTime until);
  void reset(uint64_t id, uint64_t sequence);
  // Of a checkpoint.
  Status restore(uint64_t id, WallTime created, Slice config, Slice snapshot);
  std::string snapshot() const;

  // --- messages ---
  void on_stored(uint64_t sequence, Slice subject, uint64_t bytes);
  void on_removed(uint64_t sequence, Slice subject);
  void on_purged(uint64_t first);
  // What matched `filter` is gone up to `first`; those who want nothing else go on from there.
  void on_purged_matches(const std::string& filter, uint64_t first);
  bool has_interest(Slice subject) const;
  // From limits to interest: what nobody needs goes.
  void on_retention_changed() { drop_unneeded({}); }
  // Something that could not be read can be read now.
  void wake_all();

  // --- from ConsumerHost ---
  void settle(Consumer& consumer, uint64_t sequence);
  void settle_up_to(Consumer& consumer, uint64_t sequence);
  void wake(Consumer& consumer);
  void wake_at(Consumer& consumer, Instant when);
  uint64_t id_of(const Consumer& consumer) const;

  // --- turns ---
  void start();
  void stop(Slice reason);
  // Runs those that are due or were woken. Returns whether more is to be done at once.
  bool run(size_t budget, Instant now);
  // When the first one is due; ns 0: none.
  Instant next_due() const;

  // --- from clients; `subject` names the consumer ---
  void take(Inlet inlet, Slice subject, Slice reply, Slice header, Slice body);

  Consumer* find(Slice name) const;
  uint64_t id_of(Slice name) const;  // 0: none
  std::vector<Consumer*> all() const;
  size_t size() const { return by_name_.size(); }
  // Those that count against max_consumers.
  size_t limited_count() const { return limited_; }
  std::vector<const ConsumerConfig*> configs() const;

 private:
  struct Slot {
    uint64_t id = 0;
    std::unique_ptr<Consumer> consumer;
    std::vector<std::string> filters;
    uint32_t number = 0;  // in slots_
    uint64_t told = 0;    // the last sequence that it was told of
    uint64_t settled_up_to = 0;
    bool is_ready = false;
    Instant due{};
    std::vector<uint32_t> subscriptions;
  };

  Slot& add(uint64_t id, std::unique_ptr<Consumer> consumer);
  void index(Slot& slot);
  void unindex(Slot& slot);
  void add_filters(const Slot& slot);
  void serve(Slot& slot);
  void unserve(Slot& slot);
  Slot* slot_of(Slice name) const;
  Slot& slot_of(const Consumer& consumer) const;
  Slot* slot_by_id(uint64_t id) const;
  // Fills matched_ with the slots whose filters admit `subject`.
  void match(Slice subject) const;
  bool is_needed(uint64_t sequence, Slice subject, const Slot* besides) const;
  void settle_now(const Slot& slot, uint64_t sequence);
  void flush_settled();
  void drop_unneeded(const std::vector<std::string>& filters);

  StreamCore& core_;
  std::map<std::string, Slot*, std::less<>> by_name_;
  std::unordered_map<uint64_t, Slot*> by_id_;
  std::unordered_map<const Consumer*, Slot*> by_consumer_;
  std::vector<std::unique_ptr<Slot>> slots_;  // null: free
  std::vector<uint32_t> free_slots_;
  size_t limited_ = 0;  // consumers that count for limits
  std::vector<Slot*> unfiltered_;
  std::vector<Slot*> filtered_;
  std::unique_ptr<subject::SubjectIndex> filters_;      // of filtered_; null while they are few
  RingQueue<uint32_t> ready_;                           // numbers
  std::multimap<int64_t, uint32_t> due_;                // ns, number; stale ones are passed over
  std::vector<std::pair<uint32_t, uint64_t>> settled_;  // number, sequence
  bool is_applying_ = false;
  bool is_serving_ = false;
  mutable std::vector<Slot*> matched_;
  mutable subject::MatchResult match_result_;
  mutable subject::InterestStamp stamp_;
  // Removed while it may be running; destroyed at the start of the next turn.
  std::vector<std::unique_ptr<Slot>> buried_;
};

}  // namespace petrel::jetstream
