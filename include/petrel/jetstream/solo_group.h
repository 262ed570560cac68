// SoloGroup: a group of one voter. An entry is committed when the loop's journal has it on disk
// (kSynced), at once with the journal following (kRelaxed), or at once without a journal
// (kVolatile). Applied in order from advance().
//
// Owner: the Stream. Thread: its home loop. The service of the loop tells it what the journal
// synced. Limits: entries that wait for the disk are kept in memory; the journal's gathering limit
// bounds them (propose then answers kFull). Source: architecture D4.
#pragma once

#include "petrel/base/ring_queue.h"
#include "petrel/jetstream/group_driver.h"
#include "petrel/store/journal.h"

#include <cstdint>
#include <memory>

namespace petrel {
class ByteQueue;
}

namespace petrel::jetstream {

// What the groups of a loop put into their journal: up to where it must be written at once, and up
// to where it may wait a little.
struct JournalDemand {
  uint64_t now = 0;
  uint64_t soon = 0;
};

struct SoloGroupOptions {
  store::GroupId group = 0;
  Durability durability = Durability::kSynced;
  uint64_t applied_index = 0;       // recovery ended here: the next entry is the one behind it
  JournalDemand* demand = nullptr;  // may be null
};

class SoloGroup final : public GroupDriver {
 public:
  static constexpr uint8_t kEntryKind = 0;

  // `journal` null only with kVolatile. Both outlive the group.
  SoloGroup(const SoloGroupOptions& options, store::Journal* journal, GroupMember& member);
  ~SoloGroup() override;

  Result<uint64_t> propose(std::span<const Slice> parts, Urgency urgency) override;
  bool advance(size_t max) override;
  uint64_t proposed_index() const override { return proposed_; }
  uint64_t applied_index() const override { return applied_; }
  bool is_leader() const override { return !failed_; }
  uint64_t term() const override { return 1; }
  void checkpointed(uint64_t index) override;
  void checkpoint_failed() override;

  // --- from the service ---
  // Recovery applied the journal's entries up to here by itself.
  void recovered_up_to(uint64_t index) { proposed_ = applied_ = index; }
  // Whether entries became committed that advance has not applied yet.
  bool on_synced(uint64_t position);
  // What is above `last_synced` will never be committed; nothing is accepted any more.
  void on_failed(uint64_t last_synced, const Error& why);
  bool waits() const { return !pending_.empty(); }
  // How many checkpoints were made since it was opened.
  uint64_t checkpoints() const { return checkpoints_; }
  void change_durability(Durability durability) { options_.durability = durability; }

 private:
  struct Pending {
    uint64_t index = 0;
    uint64_t position = 0;  // in the journal; 0: committed already
    Slice bytes;            // in bytes_
  };
  bool is_committed(const Pending& entry) const {
    return entry.position == 0 || entry.position <= synced_;
  }

  SoloGroupOptions options_;
  store::Journal* journal_;
  GroupMember& member_;
  RingQueue<Pending> pending_;
  const std::unique_ptr<ByteQueue> bytes_;  // of what is pending, and of what was lost
  uint64_t proposed_;
  uint64_t applied_;
  uint64_t synced_ = 0;
  uint64_t checkpoints_ = 0;
  bool failed_ = false;
};

}  // namespace petrel::jetstream
