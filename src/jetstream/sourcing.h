// Sourcing: where a stream takes messages of other streams from: a mirror or its sources.
//
// Owner: StreamCore. Thread: the home loop.
// Source: spec streams.md section 9.
#pragma once

#include "petrel/base/block.h"
#include "petrel/jetstream/stream.h"

#include <optional>
#include <string>
#include <vector>

namespace petrel::jetstream {

class StreamCore;
struct Incoming;

class Sourcing {
 public:
  explicit Sourcing(StreamCore& core) : core_(core) {}

  // --- applied entries ---
  void on_stored(Slice) {}
  std::string snapshot() const { return {}; }
  void restore(Slice) {}

  // From an origin.
  void take(const Incoming&) {}
  void start() {}
  void stop() {}
  // Who answers direct gets: a mirror speaks as its origin.
  const std::string& answering_name() const;
  std::optional<SourceState> mirror_state() const { return std::nullopt; }
  std::vector<SourceState> source_states() const { return {}; }

 private:
  StreamCore& core_;
};

}  // namespace petrel::jetstream
