// StreamApply: applies committed entries to the stream: the only place that changes its state.
//
// Owner: StreamCore. Thread: the home loop.
// Deterministic: an entry and the state before it decide everything. While the stream serves, each
// entry's effects (republish, consumers told) follow at once.
// Source: spec streams.md sections 2, 3 and 8.
#pragma once

#include "jetstream/stream_entry.h"

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::jetstream {

class StreamCore;

class StreamApply {
 public:
  explicit StreamApply(StreamCore& core) : core_(core) {}

  void entry(uint64_t index, Slice entry);
  // Takes one message out and tells who must know. False: it was not there.
  bool remove_message(uint64_t sequence, bool erase);

  // State besides the messages, for checkpoints.
  std::string snapshot() const;
  // The same without the message ids, which are the store's.
  std::string checkpoint() const { return describe({}); }
  Status restore(Slice snapshot);
  uint64_t state_hash() const;

 private:
  std::string describe(Slice ids) const;
  void together(uint64_t index, Slice parts);
  void message(uint64_t index, Slice entry);
  void delay(uint64_t index, const MessageEntry& message, Slice entry);
  void store_message(const MessageEntry& message);
  void note_headers(const MessageEntry& message);
  void roll_up(const MessageEntry& message);
  void enforce_limits(Slice subject);
  void republish(const MessageEntry& message, uint64_t last_of_subject);
  void purge(uint64_t index, EntryReader reader);
  uint64_t purge_all(uint64_t sequence, uint64_t keep);
  uint64_t purge_matches(const std::string& filter, uint64_t sequence, uint64_t keep);
  uint64_t purge_below(uint64_t sequence);
  void expire_below(uint64_t sequence);
  void expire(EntryReader reader);
  void skip(EntryReader reader);
  void update(EntryReader reader);
  void consumer(uint64_t index, EntryReader reader);

  StreamCore& core_;
};

}  // namespace petrel::jetstream
