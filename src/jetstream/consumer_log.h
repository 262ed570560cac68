// ConsumerLog: gathers the operations of a turn into one entry; neighbours become ranges.
// apply_consumer_entry reads such an entry back.
//
// Owner: the consumer. Thread: the home loop.
// Source: architecture D6; docs/formats/consumer_entry.md.
#pragma once

#include "jetstream/consumer_state.h"

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <functional>
#include <string>

namespace petrel::jetstream {

enum class ConsumerOperation : uint8_t {
  kDeliver = 1,     // a range of first deliveries
  kRedeliver = 2,   //
  kTouch = 3,       // the wait begins anew
  kSettle = 4,      // a range of acked or terminated sequences
  kSettleUpTo = 5,  //
  kExhaust = 6,     // delivered as often as allowed
  kReset = 7,       //
  kCursor = 8,      // delivered without acks up to here
  kBury = 9,        // becomes a dead letter
  kKeepDead = 10,   // stays exhausted, is no dead letter
  kHold = 12,       // passed over, delivered later
  kDeadToken = 11,  // the name that dead letters are numbered under
};

class ConsumerLog {
 public:
  // The number of the last operation, journaled or not.
  uint64_t operation() const { return operation_; }
  void set_operation(uint64_t operation) { operation_ = operation; }

  bool is_empty() const { return bytes_.empty() && run_.count == 0; }
  // The entry so far; the next operation is not joined to what is in it.
  Slice entry();
  // The entry was proposed.
  void clear();
  // The next operation gets a number of its own.
  void seal();

  void deliver(SequencePair at, int64_t sent_ns);
  void redeliver(SequencePair at, uint32_t deliveries, int64_t sent_ns);
  void touch(uint64_t sequence, int64_t sent_ns);
  void settle(uint64_t sequence);
  void settle_up_to(uint64_t sequence);
  void exhaust(uint64_t sequence);
  void hold(uint64_t sequence);
  void reset(uint64_t next);
  void cursor(SequencePair at);
  void bury(const DeadLetter& letter);
  void keep_dead(uint64_t sequence);
  void dead_token(uint64_t token);

 private:
  struct Run {
    ConsumerOperation kind = ConsumerOperation::kDeliver;
    SequencePair first;
    int64_t sent_ns = 0;
    uint64_t count = 0;  // 0: none
  };
  void begin(ConsumerOperation kind);
  void put_sequence(uint64_t sequence);
  void put_consumer(uint64_t sequence);
  void put_time(int64_t sent_ns);

  uint64_t operation_ = 0;
  std::string bytes_;
  Run run_;
  // What the differences in the entry count from.
  SequencePair last_;
  int64_t last_sent_ns_ = 0;
};

struct ConsumerEntryEffects {
  // Called for what the entry settled, whether or not the state had it already.
  std::function<void(uint64_t sequence)> on_settled;
  std::function<void(uint64_t sequence)> on_settled_up_to;
};
// Carries out what is not in `state` yet. The result is the number of the entry's last operation.
Result<uint64_t> apply_consumer_entry(Slice entry, ConsumerState& state,
                                      const ConsumerEntryEffects& effects);

}  // namespace petrel::jetstream
