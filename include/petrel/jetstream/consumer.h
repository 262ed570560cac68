// Consumer: a cursor over a stream with delivery and acknowledgement state: pull and push.
//
// Owner: Stream. Thread: the home loop.
// The leader's live state runs ahead of what is applied; entries only carry it to the journal (and
// to replicas later), so they are idempotent, and a snapshot of the live state followed by older
// entries again is the same state.
// Cost: follows its matches. Pending counts are kept, never scanned: the stream tells appends and
// removals that match a filter.
// Source: spec consumers.md; architecture D6.
#pragma once

#include "petrel/base/result.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/consumer_host.h"

#include <cstdint>
#include <memory>
#include <string>

namespace petrel::jetstream {

struct ArchivedConsumer;  // archive.h
struct ConsumerInfoView;  // api_json.h

class Consumer {
 public:
  virtual ~Consumer() = default;

  virtual const ConsumerConfig& config() const = 0;
  virtual const std::string& name() const = 0;
  virtual WallTime created() const = 0;
  virtual ConsumerInfoView info() const = 0;

  // --- from the stream ---
  // A message that matches the filters was stored, or one was removed (deleted, expired, purged;
  // `subject` is what it had). The stream's index of filters decides who is told.
  virtual void on_stored(uint64_t sequence, Slice subject, uint64_t bytes) = 0;
  virtual void on_removed(uint64_t sequence, Slice subject) = 0;
  // Everything below `first` was removed at once: floors and counts move.
  virtual void on_purged(uint64_t first) = 0;
  // Applies one of its own entries (live and at recovery).
  virtual void apply(Slice entry) = 0;
  // Live state to and from checkpoints.
  virtual std::string snapshot() const = 0;
  virtual Status restore(Slice snapshot) = 0;
  // For a backup; what is held back counts as not delivered yet.
  virtual ArchivedConsumer archived() const = 0;
  // From now on deliver (start, recovery done, leadership won) or stop (with status 409 to waiting
  // pulls: "Leadership Change", "Consumer Deleted", "Server Shutdown").
  virtual void start() = 0;
  virtual void stop(Slice reason) = 0;
  // Delivers what it can within a budget, expires, redelivers, beats, times out.
  // Returns whether there is more to do at once.
  virtual bool run(size_t messages_max) = 0;

  // --- from clients ---
  virtual void on_pull(Slice reply, Slice header, Slice body) = 0;
  // `subject` is the whole ack subject.
  virtual void on_ack(Slice subject, Slice reply, Slice body) = 0;
  virtual void on_flow_reply(Slice subject, Slice header) = 0;
  // The checked new configuration (an update entry was applied).
  virtual void update(const ConsumerConfig& config) = 0;
  // Answers of the API: paused until, reset to (0: ack floor + 1), unpin.
  virtual void pause(WallTime until) = 0;
  virtual void reset(uint64_t sequence) = 0;
  virtual void unpin(Slice group) = 0;
  virtual bool needs(uint64_t sequence) const = 0;  // interest: not settled yet and matches
};

struct ConsumerSetup {
  ConsumerConfig config;
  WallTime created = {};
  bool is_new = true;  // false: restore follows
};

std::unique_ptr<Consumer> make_consumer(ConsumerSetup setup, ConsumerHost& host);

}  // namespace petrel::jetstream
