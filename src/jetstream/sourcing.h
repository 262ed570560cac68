// Sourcing: the streams that a stream takes messages from: the origin of a mirror, or sources.
//
// Owner: StreamCore. Thread: the home loop.
// Which messages of a source are stored already stands in their headers; applied entries keep the
// last one of each source, checkpoints hold it.
// Source: spec streams.md section 9.
#pragma once

#include "jetstream/inflow.h"

#include "petrel/base/block.h"
#include "petrel/jetstream/stream.h"

#include <map>
#include <memory>
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
  // The value of Nats-Stream-Source of a stored message.
  void on_stored(Slice header);
  std::string snapshot() const;
  void restore(Slice snapshot);

  // --- the leader's ---
  void start();
  // `is_deleted`: the consumers at the origins go too.
  void stop(bool is_deleted);
  // The configuration changed: inflows that are not configured any more stop, new ones start.
  void configure();
  void take(const Incoming& message);
  bool run(Instant now);
  Instant next_due() const;
  // The last message of a source that is stored or staged; 0: none, or of an origin with another
  // identity.
  uint64_t position(const std::string& index_name, const std::string& identity) const;
  // That of the origin the last message came from; empty: not known.
  std::string identity(const std::string& index_name) const;
  void note_position(const std::string& index_name, uint64_t sequence);

  std::optional<SourceState> mirror_state() const;
  std::vector<SourceState> source_states() const;

 private:
  SourceState state_of(const Inflow& inflow) const;
  void serve_origin();

  StreamCore& core_;
  struct Position {
    uint64_t sequence = 0;
    std::string identity = {};
  };
  std::map<std::string, Position> positions_;  // by index name
  std::map<std::string, uint64_t> staged_;     // the leader's, where it is ahead
  std::unique_ptr<Inflow> mirror_;
  std::vector<std::unique_ptr<Inflow>> sources_;
  std::vector<uint32_t> direct_;  // a mirror answers for its origin
  bool is_started_ = false;
};

}  // namespace petrel::jetstream
