// The values of a Raft log: identifiers, payloads, entries, hard state.
// Thread: values; a Payload may be released on any thread. Source: Ongaro's thesis, figure 3.1.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <cstring>
#include <utility>

namespace petrel::raft {

using NodeId = uint64_t;   // a server; 0 is no server
using GroupId = uint64_t;  // a Raft group; 0 is no group
using Term = uint64_t;
using LogIndex = uint64_t;  // the first entry has index 1
using Incarnation = uint32_t;

inline constexpr NodeId kNoNode = 0;
// Terms and indexes above this are refused as damage or hostility; no arithmetic here overflows.
inline constexpr uint64_t kNumberMax = uint64_t{1} << 62;
// An entry's payload never exceeds this; the wire refuses longer ones before it allocates.
inline constexpr uint32_t kPayloadBytesMax = 72U << 20;

// Immutable bytes inside a counted block; copies share them.
class Payload {
 public:
  Payload() = default;
  Payload(BlockRef block, Slice bytes) : block_(std::move(block)), bytes_(bytes) {}
  static Payload copy_of(Slice bytes) {
    if (bytes.empty()) return {};
    BlockRef block = BlockRef::allocate(static_cast<uint32_t>(bytes.size()));
    std::memcpy(block->bytes(), bytes.data(), bytes.size());
    const Slice copy(block->bytes(), bytes.size());
    return {std::move(block), copy};
  }
  Slice bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  BlockRef block_;
  Slice bytes_;
};

enum class EntryKind : uint8_t {
  kData = 0,        // proposed by the owner
  kEmpty = 1,       // what a new leader appends first
  kMembership = 2,  // an encoded Membership
};

struct Entry {
  Term term = 0;
  LogIndex index = 0;
  EntryKind kind = EntryKind::kData;
  Payload data;
};

// What an entry is counted as in every byte limit.
inline uint64_t entry_cost(const Entry& entry) {
  return sizeof(Entry) + entry.data.size();
}

// A closed range of indexes; empty when last < first.
struct LogRange {
  LogIndex first = 1;
  LogIndex last = 0;
  bool is_empty() const { return last < first; }
  uint64_t count() const { return is_empty() ? 0 : last - first + 1; }
  friend bool operator==(const LogRange&, const LogRange&) = default;
};

// What must survive a restart besides the log. `commit` is a hint and never needs a sync of its
// own.
struct HardState {
  Term term = 0;
  NodeId vote = kNoNode;
  LogIndex commit = 0;
  // 0: the log is whole. Else the last index that the replica may have acknowledged and has lost;
  // it neither votes nor leads until a leader has refilled the log up to there.
  LogIndex damaged_to = 0;
  // The life of this replica that the membership must name, see Membership. 0 in the first life.
  Incarnation incarnation = 0;
  friend bool operator==(const HardState&, const HardState&) = default;
};

}  // namespace petrel::raft
