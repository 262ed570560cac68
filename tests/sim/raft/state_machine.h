// StateMachine: what the simulated group computes: a hash over every command in order, and a count.
// Two replicas with equal state have applied the same commands. Its snapshots are padded so that
// they need several chunks.
#pragma once

#include "petrel/base/hash.h"
#include "petrel/raft/entry.h"

#include <cstring>
#include <string>

namespace petrel::sim {

class StateMachine {
 public:
  void apply(const raft::Entry& entry) {
    hash_ = hash_mix(hash_ ^ entry.index, 0x9e3779b97f4a7c15ULL ^ hash_bytes(entry.data.bytes()));
    if (entry.kind == raft::EntryKind::kData) ++commands_;
  }
  uint64_t hash() const { return hash_; }
  uint64_t commands() const { return commands_; }

  std::string save() const {
    std::string out(kPaddedBytes, 's');
    std::memcpy(out.data(), &hash_, sizeof(hash_));
    std::memcpy(out.data() + sizeof(hash_), &commands_, sizeof(commands_));
    return out;
  }
  // False: not a whole state.
  bool load(const std::string& bytes) {
    if (bytes.size() != kPaddedBytes) return false;
    std::memcpy(&hash_, bytes.data(), sizeof(hash_));
    std::memcpy(&commands_, bytes.data() + sizeof(hash_), sizeof(commands_));
    return true;
  }

  static constexpr size_t kPaddedBytes = 1000;
  static constexpr size_t kChunkBytes = 300;

 private:
  uint64_t hash_ = 1;
  uint64_t commands_ = 0;
};

}  // namespace petrel::sim
