// ByteQueue: bytes that are pushed at one end and popped at the other, each piece in one place that
// does not move. Chunks are reused.
//
// Owner: whoever has it as a member. Thread: its owner's.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/ring_queue.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace petrel {

class ByteQueue {
 public:
  // A copy of `bytes`, valid until it is popped.
  Slice push(Slice bytes) { return push(std::span(&bytes, 1)); }
  // The parts as one piece.
  Slice push(std::span<const Slice> parts) {
    size_t bytes = 0;
    for (const Slice part : parts) bytes += part.size();
    if (chunks_.empty() || chunks_.back().size - chunks_.back().end < bytes) add_chunk(bytes);
    Chunk& chunk = chunks_.back();
    char* const at = chunk.bytes.get() + chunk.end;
    for (const Slice part : parts) {
      if (!part.empty()) std::memcpy(chunk.bytes.get() + chunk.end, part.data(), part.size());
      chunk.end += part.size();
    }
    return {at, bytes};
  }
  // Drops the piece that was pushed last.
  void take_back(size_t bytes) { chunks_.back().end -= bytes; }
  // REQUIRES: pieces are popped in the order they were pushed, whole.
  void pop(size_t bytes) {
    // A chunk whose pieces are all gone stays only while it is the last one.
    while (chunks_.size() > 1 && chunks_.front().begin == chunks_.front().end) drop_front();
    Chunk& chunk = chunks_.front();
    chunk.begin += bytes;
    if (chunk.begin != chunk.end) return;
    if (chunks_.size() > 1) {
      drop_front();
    } else {
      chunk.begin = chunk.end = 0;
    }
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
    size_t begin = 0;
    size_t end = 0;
  };
  static constexpr size_t kChunkBytesMin = 512;
  static constexpr size_t kChunkBytesMax = 64 << 10;

  void add_chunk(size_t bytes) {
    if (spare_.size >= bytes && spare_.bytes != nullptr) {
      spare_.begin = spare_.end = 0;
      chunks_.push_back(std::move(spare_));
      spare_ = {};
      return;
    }
    // Small queues stay small: a stream without traffic keeps half a kilobyte.
    size_t size = chunks_.empty() ? kChunkBytesMin : chunks_.back().size * 2;
    size = size > kChunkBytesMax ? kChunkBytesMax : size;
    size = size < bytes ? bytes : size;
    chunks_.push_back(Chunk{std::make_unique<char[]>(size), size, 0, 0});
  }
  void drop_front() {
    if (chunks_.front().size <= kChunkBytesMax) spare_ = std::move(chunks_.front());
    chunks_.pop_front();
  }

  RingQueue<Chunk> chunks_;
  Chunk spare_;
};

}  // namespace petrel
