// A file store over a simulated disk, and a model of it. Messages come and go, checkpoints are
// taken, calls fail, the disk fills, power fails. Checked: what an answered checkpoint held is
// there after every start, every lookup and every message agrees with the model, erased bytes are
// not on the disk, checkpoints succeed again once the disk does, damage is named and never served.
// Half of the stores keep most subjects on disk, where damage changes no answer.
// One seed, one history. Thread: one.
#pragma once

#include "sim/disk/sim_disk.h"

#include "petrel/base/prng.h"
#include "petrel/store/message_store.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::sim {

class StoreWorld : private store::MessageStore::Listener {
 public:
  StoreWorld(uint64_t seed, bool trace);
  ~StoreWorld() override;
  // Empty: nothing wrong.
  std::string run();

 private:
  struct Message {
    int64_t time = 0;
    std::string subject;
    std::string body;
  };
  struct Model {
    std::map<uint64_t, Message> messages;
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t erases = 0;  // how many of `erased_` belong to it
  };

  void on_readable() override {}
  void on_checkpoint(uint64_t applied_index, int error) override;
  void on_damaged(uint64_t first, uint64_t last, const std::string& what) override;

  void step();
  void change();
  void append();
  void remove(bool erase);
  void begin_checkpoint();
  void open(bool is_power_failure);
  void crash(bool is_power_failure);
  void break_something();
  void damage_run();
  void recover_checkpoints();
  void damage_and_look();
  void compare();
  void compare_lookups(const store::Filters& filters, uint64_t at);
  void compare_message(uint64_t sequence, bool may_be_lost);
  void look_for_erased();
  void wrong(const std::string& what);
  void note(const std::string& what) const;

  const uint64_t seed_;
  const bool trace_;
  Prng prng_;
  StoreDisk disk_;
  store::FileStoreOptions options_;
  std::unique_ptr<store::MessageStore> store_;
  Model model_;
  Model durable_;                    // of the newest answered checkpoint
  std::map<uint64_t, Model> begun_;  // checkpoints that were not answered with success
  uint64_t durable_index_ = 0;
  uint64_t index_ = 0;
  int64_t time_ = 1;
  int last_error_ = 0;
  uint64_t answers_ = 0;
  uint64_t opened_ = 0;
  bool is_damaged_ = false;
  std::vector<std::pair<uint64_t, uint64_t>> told_;
  std::vector<std::string> erased_;
  std::string error_;
};

}  // namespace petrel::sim
