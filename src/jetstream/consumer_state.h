// ConsumerState: how far a consumer is: what is delivered, acknowledged, waited for. Its changes
// are operations, numbered from 1, that the leader carries out at once and journals later.
//
// Owner: the consumer. Thread: the home loop.
// Deterministic: the same operations in the same order are the same state. An operation whose
// number is not above the state's is already in it.
// Source: spec consumers.md sections 3, 4 and 11; docs/formats/consumer_entry.md.
#pragma once

#include "jetstream/consumer_pending.h"

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace petrel::jetstream {

struct SequencePair {
  uint64_t consumer = 0;
  uint64_t stream = 0;
  friend bool operator==(const SequencePair&, const SequencePair&) = default;
};

// A message that goes to the dead letter subject; it counts as exhausted until that is done.
struct DeadLetter {
  uint64_t sequence = 0;
  uint64_t number = 0;  // among the consumer's dead letters
  uint32_t deliveries = 0;
  std::string reason = {};
  uint64_t operation = 0;  // that says so; not stored
};

class ConsumerState {
 public:
  // What is looked at begins at `next`; nothing is delivered yet.
  void begin(uint64_t next);
  // As an archive says: how far it is, what it waits for, what was delivered as often as allowed.
  void adopt(SequencePair delivered, SequencePair floor);
  void adopt_pending(SequencePair at, int64_t sent_ns, uint64_t deliveries);
  void adopt_exhausted(uint64_t sequence, uint64_t deliveries);

  uint64_t operation() const { return operation_; }
  void set_operation(uint64_t operation) { operation_ = operation; }

  uint64_t next() const { return next_; }  // the next sequence to look at
  const SequencePair& delivered() const { return delivered_; }
  const SequencePair& floor() const { return floor_; }
  // What is told: unlike the floor it stays where it is when deliveries are exhausted.
  const SequencePair& shown_floor() const { return shown_floor_; }
  const PendingTable& pending() const { return pending_; }
  PendingAck* find(uint64_t sequence) { return pending_.find(sequence); }
  // Sequences that were delivered as often as allowed and are neither acked nor gone.
  const std::map<uint64_t, uint32_t>& exhausted() const { return exhausted_; }
  size_t redelivered() const { return redelivered_ + exhausted_.size(); }
  // Passed over: below `next` and not delivered yet.
  const std::set<uint64_t>& held() const { return held_; }
  // Pending ones that wait for their redelivery.
  size_t queued() const { return queued_; }
  void set_queued(PendingAck& entry, bool is_queued) {
    if (entry.is_queued != is_queued) queued_ += is_queued ? size_t{1} : ~size_t{0};
    entry.is_queued = is_queued;
  }
  bool is_exhausted(uint64_t sequence) const { return exhausted_.count(sequence) != 0; }

  // The messages below were looked at and do not concern this consumer.
  void skip_to(uint64_t next) {
    if (next > next_) next_ = next;
  }
  void rewind_to(uint64_t next) { next_ = next; }

  // --- operations ---
  // First deliveries of messages that are waited for. REQUIRES: sequence is not pending.
  void deliver(SequencePair at, int64_t sent_ns);
  // First deliveries without acks: they are acknowledged at once.
  void deliver_acked(SequencePair at);
  void redeliver(SequencePair at, uint32_t deliveries, int64_t sent_ns);
  // The wait for its ack begins anew at `sent_ns`. False: not pending.
  bool touch(uint64_t sequence, int64_t sent_ns);
  // False: it was neither pending nor exhausted.
  bool settle(uint64_t sequence);
  // Everything up to `sequence`; false: it is below the floor already or nothing was pending.
  bool settle_up_to(uint64_t sequence);
  bool exhaust(uint64_t sequence);
  // It is passed over and delivered later.
  void hold(uint64_t sequence);
  // Delivery begins anew at `next`.
  void reset(uint64_t next);
  // It is no longer waited for and stands last among the dead letters. REQUIRES: pending.
  void bury(DeadLetter letter);
  // It stays exhausted and is not sent.
  void keep_dead(uint64_t sequence);
  // The dead letters are sent under another name from now on.
  void set_dead_token(uint64_t token) { dead_token_ = token; }
  uint64_t dead_token() const { return dead_token_; }
  const std::vector<DeadLetter>& dead() const { return dead_; }
  std::vector<DeadLetter>& dead() { return dead_; }

  // --- changes that follow from the stream's own entries ---
  // The message is gone: as if it had been acknowledged. True: it was pending.
  bool remove(uint64_t sequence);
  // Everything below `first` is gone.
  void purge(uint64_t first);

  void encode(std::string& out) const;
  Status decode(Slice bytes);

 private:
  void advance_floor(SequencePair& floor, const PendingAck& gone) const;
  void drop_pending_up_to(uint64_t sequence);
  void cap_floor(SequencePair& floor) const;
  void drop_dead(uint64_t first, uint64_t last);
  void note_delivered(SequencePair at);
  void forget(PendingAck& entry);

  uint64_t operation_ = 0;
  uint64_t next_ = 1;
  SequencePair delivered_;
  SequencePair floor_;
  SequencePair shown_floor_;
  PendingTable pending_;
  size_t redelivered_ = 0;  // pending ones that were delivered more than once
  size_t queued_ = 0;
  std::map<uint64_t, uint32_t> exhausted_;
  std::set<uint64_t> held_;
  std::vector<DeadLetter> dead_;
  uint64_t dead_token_ = 0;  // 0: none was needed yet
  uint64_t dead_last_ = 0;   // number of the last one
};

// A consumer's part of a checkpoint (Consumer::restore) that holds this state and nothing else.
std::string consumer_snapshot(const ConsumerState& state);

}  // namespace petrel::jetstream
