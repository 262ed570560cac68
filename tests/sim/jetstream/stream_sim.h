// StreamSim: one file stream with a durable consumer, a publisher that repeats what was not
// answered, a worker that acks, and a disk that loses power at any time. One seed, one history.
//
// Checked after each recovery and at the end: every acknowledged message is there under its
// sequence, none is there twice, the publisher's order is kept, sequences have no gaps, and the
// worker got every message, none again whose ack was confirmed. In some seeds message ids lie on
// disk almost at once; in some of these a bit of them flips: then a message may be refused, never
// stored twice.
#pragma once

#include "sim_host.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace petrel::sim {

class StreamSim final : public SimHost {
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

  uint32_t send(jetstream::Stream& stream, const jetstream::OutMessage& message) override;
  void log(jetstream::LogLevel level, std::string text) override;
  void on_synced(uint64_t position) override;
  void on_checkpoint_wanted(store::GroupId group) override;

  Prng plan_;
  jetstream::StreamConfig config_;
  std::shared_ptr<MemoryBudget> id_memory_;
  bool may_damage_ids_ = false;

  SimStream hosted_;
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
};

}  // namespace petrel::sim
