// Constants of the wire form. Documented in docs/formats/raft-wire.md; numbers are never reused.
#pragma once

#include <cstdint>

namespace petrel::raft::wire {

inline constexpr uint32_t kMagic = 0x4c525450;  // "PTRL", little endian
inline constexpr uint8_t kVersion = 1;

// A field is a varint key (number * 2, plus 1 when bytes follow), then a varint or length and
// bytes.
enum FrameField : uint64_t { kEpoch = 1, kBeat = 2, kFrom = 3, kTo = 4, kMessage = 5 };

enum MessageField : uint64_t {
  kKind = 1,
  kFlags = 2,
  kIncarnation = 3,
  kGroup = 4,
  kTerm = 5,
  kLogTerm = 6,
  kIndex = 7,
  kCommit = 8,
  kLast = 9,
  kRound = 10,
  kSentNs = 11,
  kContext = 12,
  kEntry = 13,
  kChunk = 14,
};

enum EntryField : uint64_t { kEntryTerm = 1, kEntryIndex = 2, kEntryKind = 3, kEntryData = 4 };

enum ChunkField : uint64_t {
  kChunkIndex = 1,
  kChunkTerm = 2,
  kChunkId = 3,
  kChunkMembership = 4,
  kChunkOffset = 5,
  kChunkLast = 6,
  kChunkBytes = 7,
};

}  // namespace petrel::raft::wire
