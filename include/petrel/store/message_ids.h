// MessageIds: the message ids of a stream's duplicate window: the last ones in memory, for a stream
// with file storage the others in runs on disk. What is a duplicate does not depend on where an id
// is.
//
// Owner: a MessageStore. Thread: its home loop.
// Memory: what the budget leaves, at least what one run takes; 14 bits for an id on disk.
// Errors: kUnreadable: a part of a run is damaged in which the id might be; nothing may be
// concluded. Source: spec streams.md section 2 (Nats-Msg-Id); architecture section 4 (store).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/memory_budget.h"
#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/store/dedupe.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

namespace petrel::store {

class IdRuns;
struct IdsRecord;

class MessageIds {
 public:
  struct Known {
    uint64_t sequence = 0;
    WallTime time = {};
  };
  enum class Lookup : uint8_t { kNew, kKnown, kUnreadable };

  MessageIds();
  // With runs on disk.
  MessageIds(std::unique_ptr<IdRuns> runs, std::shared_ptr<MemoryBudget> budget);
  ~MessageIds();
  MessageIds(const MessageIds&) = delete;
  MessageIds& operator=(const MessageIds&) = delete;

  // The last one with that id whose time is after `oldest`.
  Lookup find(Slice id, WallTime oldest, Known& known) const;
  // REQUIRES: times do not descend.
  void add(Slice id, uint64_t sequence, WallTime time) {
    recent_.add(id, sequence, time);
    if (runs_ != nullptr && (recent_.end() & (kAddsPerStep - 1)) == 0) step();
  }
  // Forgets what is not after `time`.
  void expire(WallTime time) {
    if (time > expired_) expired_ = time;
    if (recent_.size() != 0) recent_.expire(time);
  }
  // Each id once, by time and sequence. Reads everything: for snapshots and checks.
  void visit(const std::function<void(Slice id, const Known& known)>& visit) const;
  // The path of a run that was found damaged since the last call; empty: none.
  std::string take_damage();

  // --- for the store ---
  IdRuns* runs() const { return runs_.get(); }
  IdsRecord describe(bool is_full);
  Status restore(const IdsRecord& record);

 private:
  static constexpr uint64_t kAddsPerStep = 16;

  size_t memory() const;
  uint64_t first_in_memory_only() const;
  void step();
  void account();

  Dedupe recent_;
  WallTime expired_{std::numeric_limits<int64_t>::min()};
  uint64_t drained_ = 0;  // ids with lower numbers are only in runs, or expired
  uint64_t logged_ = 0;   // ids with lower numbers are in records of the checkpoint file
  std::unique_ptr<IdRuns> runs_;
  std::shared_ptr<MemoryBudget> budget_;
  size_t accounted_ = 0;
};

}  // namespace petrel::store
