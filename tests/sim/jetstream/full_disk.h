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

#include "sim_host.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::sim {

class FullDisk final : public SimHost {
 public:
  FullDisk(uint64_t growths, bool trace);
  // "": everything held.
  std::string run();

 private:
  struct Hosted : SimStream {
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

  void take(jetstream::Inlet inlet, const SimMessage& message);

  uint32_t send(jetstream::Stream& stream, const jetstream::OutMessage& message) override;
  bool may_store(jetstream::Stream&, uint64_t) override { return !journal_->is_disk_full(); }
  bool is_server_full(jetstream::Stream&, uint64_t) override { return true; }
  void on_synced(uint64_t position) override;
  void on_checkpoint_wanted(store::GroupId group) override;

  const uint64_t growths_;  // twice the n; odd: the power fails on the full disk
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
};

}  // namespace petrel::sim
