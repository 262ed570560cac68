// GroupDriver: how entries of a group (a stream with its consumers) become committed. One voter:
// SoloGroup, which commits when the journal is synced; several: the Raft core, behind the same
// seam.
//
// Owner: the Stream. Thread: its home loop.
// Source: architecture D4, section 4.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <span>

namespace petrel::jetstream {

class GroupMember {
 public:
  virtual ~GroupMember() = default;
  // A committed entry, in order of index, each exactly once after recovery began where the
  // checkpoint ended. Must not propose.
  virtual void apply(uint64_t index, Slice entry) = 0;
  // Proposals above `index` are lost for good (the journal failed, leadership is gone).
  virtual void on_lost(uint64_t index, const Error& why) = 0;
};

enum class Durability : uint8_t {
  kSynced,    // committed when on disk
  kRelaxed,   // committed at once, journaled and synced in the background
  kVolatile,  // committed at once, never journaled (memory storage)
};

enum class Urgency : uint8_t {
  kNow,   // somebody waits for it
  kSoon,  // nobody does: it may go to the disk with what comes later
};

class GroupDriver {
 public:
  virtual ~GroupDriver() = default;

  // The entry is the parts one after another; they are copied. Returns its index. kFull: try later;
  // kIo: the group stopped. Nothing is applied inside the call.
  virtual Result<uint64_t> propose(std::span<const Slice> parts, Urgency urgency) = 0;
  // Calls GroupMember::apply for what is committed and not applied yet, at most `max` entries.
  // Returns whether more is waiting.
  virtual bool advance(size_t max) = 0;
  virtual uint64_t proposed_index() const = 0;
  virtual uint64_t applied_index() const = 0;
  virtual bool is_leader() const = 0;
  virtual uint64_t term() const = 0;
  // Everything up to `index` is in a checkpoint of the store.
  virtual void checkpointed(uint64_t index) = 0;
  // A checkpoint was begun and is not on the disk.
  virtual void checkpoint_failed() = 0;
};

}  // namespace petrel::jetstream
