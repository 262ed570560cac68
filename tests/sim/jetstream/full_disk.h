// FullDisk: a disk that is full from its n-th growing write on, for one n: whatever site that write
// belongs to (journal, reserve, segment, index, checkpoint, compaction, a restore). A scripted
// workload passes all of them.
//
// Checked: a publish is acknowledged or refused with a typed error, never silent; consumes, acks,
// deletes and purges are answered while the disk is full; nothing ends the stream; when there is
// room again publishes, checkpoints and the restore work by themselves; after a power failure what
// was acknowledged is there and what was acked, deleted or purged is not.
// One n, one history. Thread: one.
#pragma once

#include "sim/disk/sim_disk.h"

#include "petrel/base/prng.h"
#include "petrel/jetstream/solo_group.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/store/journal.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::sim {

class FullDisk final : public jetstream::StreamHost, private store::Journal::Listener {
 public:
  FullDisk(uint64_t growths, bool trace);
  // "": everything held.
  std::string run();

 private:
  struct Hosted {
    std::unique_ptr<jetstream::Stream> stream;
    jetstream::SoloGroup* group = nullptr;
    uint64_t wanted_checkpoints = 0;
  };

  void boot();
  void recover();
  void restart();
  Hosted open(const std::string& name, store::GroupId group, store::JournalTail* tail);
  void turn();
  // Turns until `is_done`; else an error that names what was awaited.
  void await(const std::string& what, const std::function<bool()>& is_done);
  void idle(int turns);

  void play();
  void publish(int count);
  void consume(int count);
  void remove(uint64_t sequence);
  void purge(const std::string& filter);
  void checkpoint();
  bool restore();
  void check();
  void check_message(uint64_t sequence, const std::string& body);

  void take(jetstream::Inlet inlet, Slice subject, Slice body, Slice reply);
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
  bool may_store(jetstream::Stream&, uint64_t) override { return !journal_->is_disk_full(); }
  bool is_server_full(jetstream::Stream&, uint64_t) override { return true; }
  void on_usage(jetstream::Stream&, int64_t) override {}
  void on_consumers(jetstream::Stream&, int64_t) override {}

  // --- Journal::Listener ---
  void on_synced(uint64_t position) override;
  void on_failed(int error, uint64_t last_synced) override;
  void on_checkpoint_wanted(store::GroupId group) override;

  const uint64_t growths_;  // twice the n; odd: the power fails on the full disk
  const bool trace_;
  Prng prng_;
  StoreDisk disk_;
  Instant now_{1'000'000'000};
  WallTime wall_{1'700'000'000'000'000'000};
  std::unique_ptr<store::Journal> journal_;
  std::map<store::GroupId, Hosted> streams_;
  std::vector<std::string> old_journals_;

  uint64_t published_ = 0;
  uint64_t answered_ = 0;
  uint64_t refused_ = 0;
  std::map<uint64_t, std::string> stored_;  // acknowledged: sequence, body
  std::vector<std::string> to_ack_;
  std::set<uint64_t> delivered_;
  uint64_t confirmed_ = 0;
  std::set<uint64_t> acked_;  // sequences, in the order of to_ack_
  bool is_restored_ = false;
  std::string error_;
};

}  // namespace petrel::sim
