// One message as bytes, in memory and in segment files (docs/formats/segment.md).
// Thread: pure functions, any thread.
#pragma once

#include "petrel/store/message_store.h"

#include <cstdint>

namespace petrel::store {

// length u32, crc u32, sequence u64, time i64, subject u16, zero u16, header u32; little-endian.
inline constexpr uint32_t kRecordHeadBytes = 32;
inline constexpr uint32_t kRecordBytesMax = uint32_t{1} << 30;

inline uint64_t record_bytes(size_t subject, size_t header, size_t body) {
  return kRecordHeadBytes + subject + header + body;
}

// Writes record_bytes() bytes, without a checksum.
void write_record(const NewMessage& message, char* out);

struct RecordView {
  StoredMessage message;
  uint32_t bytes = 0;
};

// The record at the beginning of `bytes`, trusted: it was written by this process. Fills all of
// `message` but its block.
void view_record(Slice bytes, StoredMessage& message);
// Counts nothing when it is held already: neighbours lie in one block.
inline void hold_block(const BlockRef& block, StoredMessage& message) {
  if (!message.block || &*message.block != &*block) message.block = block;
}

}  // namespace petrel::store
