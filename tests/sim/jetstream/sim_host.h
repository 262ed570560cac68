// SimHost: what every simulation of streams needs around them: a clock of ticks, a simulated disk,
// a journal on it, and a host that lets everybody hear. What is sent goes to the simulation.
//
// Owner: the simulation, which is one. Thread: one.
#pragma once

#include "sim/disk/sim_disk.h"

#include "petrel/base/prng.h"
#include "petrel/jetstream/solo_group.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/store/journal.h"

#include <cstdint>
#include <memory>
#include <string>

namespace petrel::sim {

struct SimStream {
  std::unique_ptr<jetstream::Stream> stream;
  jetstream::SoloGroup* group = nullptr;  // the stream's
};

struct SimStreamSetup {
  jetstream::StreamConfig config;
  store::GroupId group = 0;
  bool is_new = false;
  std::shared_ptr<MemoryBudget> id_memory = nullptr;
};

// A message on its way into a stream.
struct SimMessage {
  Slice subject;
  Slice header = {};
  Slice body = {};
  Slice reply = {};
};

// The number that stands in `text` behind `prefix`; 0: none.
uint64_t number_behind(Slice text, Slice prefix);

class SimHost : public jetstream::StreamHost, protected store::Journal::Listener {
 protected:
  SimHost(uint64_t seed, uint64_t disk_seed, bool trace);

  // Null: it failed.
  std::unique_ptr<store::JournalTail> open_journal(store::JournalOptions options);
  // With what the journal has beyond the checkpoint; a null `tail` has nothing.
  SimStream open_stream(const SimStreamSetup& setup, store::JournalTail* tail);
  // Time goes on and the disk reports.
  void tick();
  static void take(jetstream::Stream& stream, jetstream::Inlet inlet, const SimMessage& message);
  // Reads on until the disk has answered.
  store::ReadStatus read(jetstream::Stream& stream, uint64_t sequence,
                         store::StoredMessage& message);
  // The first thing that does not hold ends the simulation.
  void fail(const std::string& what);

  // --- StreamHost ---
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_; }
  Prng& prng() override { return prng_; }
  bool has_interest(jetstream::Stream&, Slice, std::optional<Slice>) override { return true; }
  uint32_t subscribe(jetstream::Stream&, jetstream::Inlet, Slice, Slice) override { return 1; }
  void unsubscribe(jetstream::Stream&, uint32_t) override {}
  void wake(jetstream::Stream&) override {}
  void wake_at(jetstream::Stream&, Instant) override {}
  void advise(jetstream::Stream&, Slice, std::string) override {}
  void log(jetstream::LogLevel level, std::string text) override;
  Slice server_name() const override { return "sim"; }
  Slice domain() const override { return {}; }
  std::string next_id() override { return std::string(22, '0'); }
  bool may_store(jetstream::Stream&, uint64_t) override { return true; }
  void on_usage(jetstream::Stream&, int64_t) override {}
  void on_consumers(jetstream::Stream&, int64_t) override {}

  // --- Journal::Listener ---
  void on_failed(int error, uint64_t last_synced) override;

  const bool trace_;
  Prng prng_;
  StoreDisk disk_;
  Instant now_{1'000'000'000};
  WallTime wall_{1'700'000'000'000'000'000};
  std::unique_ptr<store::Journal> journal_;
  std::string error_;
};

}  // namespace petrel::sim
