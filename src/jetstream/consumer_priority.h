// PriorityOrder: which of the messages that a consumer passed over goes first: the highest
// Nats-Priority, then the lowest sequence (MORE-04).
//
// Owner: the consumer. Thread: the home loop. Rebuilt after a start, never stored: which messages
// are passed over is in ConsumerState.
// Limits: kAheadMax messages are looked at before the next one is chosen.
#pragma once

#include "jetstream/consumer_state.h"

#include "petrel/base/block.h"

#include <array>
#include <cstdint>
#include <set>
#include <vector>

namespace petrel::jetstream {

class PriorityOrder {
 public:
  static constexpr size_t kAheadMax = 10'000;

  // Nothing is known of what `state` holds.
  void begin(const ConsumerState& state);
  // A sequence that is passed over and was not looked at yet; 0: none.
  uint64_t unknown() const { return unknown_.empty() ? 0 : unknown_.back(); }
  void drop_unknown() { unknown_.pop_back(); }
  void add(uint64_t sequence, Slice header);
  // 0: none.
  uint64_t first(const ConsumerState& state);

 private:
  std::array<std::set<uint64_t>, 10> levels_;
  std::vector<uint64_t> unknown_;
};

}  // namespace petrel::jetstream
