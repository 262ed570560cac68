// StreamSim: one file stream with a durable consumer, a publisher that repeats what was not
// answered, a worker that acks, and a disk that loses power at any time. One seed, one history.
//
// Checked after each recovery and at the end: every acknowledged message is there under its
// sequence, none is there twice, the publisher's order is kept, sequences have no gaps, and the
// worker got every message, none again whose ack was confirmed. In some seeds message ids lie on
// disk almost at once; in some of these a bit of them flips: then a message may be refused, never
// stored twice.
#pragma once

#include "sim/disk/sim_disk.h"

#include "petrel/base/prng.h"
#include "petrel/jetstream/solo_group.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/store/journal.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::sim {

class StreamSim final : public jetstream::StreamHost, private store::Journal::Listener {
 public:
  StreamSim(uint64_t seed, bool trace);
  // "": everything held.
  std::string run();

 private:
  // --- life ---
  void boot();
  void crash();
  void damage_ids();
  void turn();
  void act();
  void settle();
  void check_store();

  // --- publisher ---
  void publish(uint64_t number);
  void publish_next();
  void publish_again();
  void repeat_unanswered();
  void on_answer(uint64_t number, Slice body);
  // --- worker ---
  void create_consumer();
  void pull();
  void on_delivery(const jetstream::OutMessage& message);
  void take(jetstream::Inlet inlet, Slice subject, Slice header, Slice body, Slice reply);

  void fail(const std::string& what);

  // --- StreamHost ---
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_; }
  Prng& prng() override { return prng_; }
  uint32_t send(jetstream::Stream& stream, const jetstream::OutMessage& message) override;
  bool has_interest(jetstream::Stream&, Slice, Slice) override { return true; }
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
  void on_synced(uint64_t position) override;
  void on_failed(int error, uint64_t last_synced) override;
  void on_checkpoint_wanted(store::GroupId group) override;

  const bool trace_;
  Prng prng_;
  Prng plan_;
  StoreDisk disk_;
  Instant now_{1'000'000'000};
  WallTime wall_{1'700'000'000'000'000'000};
  jetstream::StreamConfig config_;
  MemoryBudget id_memory_;
  bool may_damage_ids_ = false;

  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<jetstream::Stream> stream_;
  jetstream::SoloGroup* group_ = nullptr;
  std::vector<std::string> old_journals_;  // to be removed once the stream is checkpointed
  bool is_consumer_there_ = false;

  // --- what the clients know ---
  uint64_t next_number_ = 1;
  std::map<uint64_t, uint64_t> acknowledged_;  // number -> sequence
  std::set<uint64_t> unanswered_;
  std::set<uint64_t> delivered_;  // sequences
  std::set<uint64_t> confirmed_;  // sequences whose ack was answered
  std::map<uint64_t, uint64_t> ack_replies_;
  uint64_t next_ack_ = 1;
  uint64_t crashes_ = 0;
  std::string error_;
};

}  // namespace petrel::sim
