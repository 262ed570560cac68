// SubjectLimit: at most so many messages of one subject are delivered and not acknowledged; others
// of that subject are held until one is (MORE-03).
//
// Owner: the consumer. Thread: the home loop. Rebuilt at start, never stored: which messages are
// held is in ConsumerState.
// Limits: what is in flight is bounded by max_ack_pending; at most kHeldMax messages are held, then
// delivery waits for an ack.
#pragma once

#include "jetstream/consumer_state.h"

#include "petrel/base/block.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

namespace petrel::jetstream {

class SubjectLimit {
 public:
  static constexpr size_t kHeldMax = 100'000;

  void set(uint64_t limit) { limit_ = limit; }
  bool is_on() const { return limit_ != 0; }

  bool may_deliver(Slice subject) const;
  void on_delivered(uint64_t sequence, Slice subject);
  void on_held(uint64_t sequence, Slice subject);
  // Forgets what is not waited for any more.
  void follow(const ConsumerState& state);
  // The first held message whose subject has room; 0: none.
  uint64_t next_held(const ConsumerState& state);
  void clear();

 private:
  struct Subject {
    uint64_t in_flight = 0;
    std::set<uint64_t> held;
  };
  void drop_if_idle(const std::string& name);

  uint64_t limit_ = 0;
  std::unordered_map<std::string, Subject> subjects_;
  std::map<uint64_t, std::string> in_flight_;
  // Subjects that have held messages and may have room.
  std::set<std::string> roomy_;
};

}  // namespace petrel::jetstream
