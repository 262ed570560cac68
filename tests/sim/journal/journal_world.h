// JournalWorld: one journal over a disk that loses power, tears, fails, fills up and is damaged,
// session after session; a model knows what had to survive. One seed, one history.
//
// Checked after each start: every record that was told to be synced and not released is there, with
// its bytes; nothing that was never appended is; each group's records have no gap; a group that was
// removed does not come back; damage is an error, or touched nothing that counts.
#pragma once

#include "sim/disk/sim_disk.h"

#include "petrel/base/prng.h"
#include "petrel/base/time.h"
#include "petrel/store/journal.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

class JournalWorld final : private store::Journal::Listener {
 public:
  JournalWorld(uint64_t seed, bool trace);
  // Empty: everything held.
  std::string run();

 private:
  struct Appended {
    std::string bytes;
    bool is_synced = false;
    bool in_last_batch = false;  // of its session: damage to it may look like a torn write
  };
  struct Group {
    std::map<uint64_t, Appended> records;
    uint64_t last = 0;
    uint64_t checkpoint = 0;    // durable somewhere else
    uint64_t recovered = 0;     // last index that the last start found or had in a checkpoint
    bool is_removed = false;    // the record that says so is synced
    uint64_t removal = 0;       // its index; 0: none was appended
    bool is_forgotten = false;  // its files are gone too
  };
  struct InFlight {
    uint64_t position;
    store::GroupId group;
    uint64_t index;
  };

  void on_synced(uint64_t position) override;
  void on_failed(int error, uint64_t last_synced) override;
  void on_checkpoint_wanted(store::GroupId group) override { wanted_.push_back(group); }

  void start();
  void session();
  void step();
  void append();
  void remove_group();
  void checkpoint(store::GroupId id);
  void checkpoint_all();
  void plant_fault();
  void stop();
  void damage_and_check();
  // Whether the journal of this segment has an older and a newer one.
  bool is_between(const std::vector<std::string>& files, const std::string& bytes);
  // What a start finds, against the model.
  void check(store::JournalTail& tail, bool is_damaged);
  void check_group(store::GroupId id, Group& group, const std::map<uint64_t, std::string>& found,
                   bool is_damaged);
  Result<std::unique_ptr<store::JournalTail>> read();
  store::JournalOptions options();
  void fail(std::string text);
  void say(const std::string& text) const;

  Prng prng_;
  Instant now_{1'000'000'000};
  const bool trace_;
  StoreDisk disk_;
  std::unique_ptr<store::Journal> journal_;
  std::map<store::GroupId, Group> groups_;
  store::GroupId next_group_ = 1;
  std::deque<InFlight> in_flight_;
  std::vector<store::GroupId> wanted_;
  std::vector<std::string> old_files_;
  std::vector<std::pair<store::GroupId, uint64_t>> last_batch_;
  uint64_t expected_position_ = 0;
  uint64_t told_ = 0;  // last position told to be synced
  std::string key_;
  bool has_failed_ = false;
  bool is_old_discarded_ = true;
  uint64_t sessions_ = 0;
  std::string error_;
};

}  // namespace petrel::sim
