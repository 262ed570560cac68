// Outbound: the bytes a connection still has to send. Small frames are copied into one contiguous
// buffer, large payloads are referenced in place until the end of the turn.
//
// Owner: one Receiver. Thread: its loop.
// Limits: none of its own; the Receiver compares pending_bytes with max_pending.
// Memory: a drained Outbound holds no buffer.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/copy_bytes.h"

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace petrel::router {

// A loop's store of send buffers in sizes of powers of two; the one that came back last is handed
// out first, so that the buffers in use stay in the cache.
class BufferPool {
 public:
  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  static constexpr uint32_t kMinBytes = 1024;
  // The buffer holds at least `bytes`; `bytes` becomes its real size.
  char* take(size_t& bytes);
  void give_back(char* buffer, size_t bytes);
  // Whether a buffer for `bytes` came back and waits.
  bool has(size_t bytes) const;

 private:
  static constexpr size_t kClasses = 12;         // 1 KiB ... 2 MiB; larger ones are not kept
  static constexpr size_t kKeepBytes = 2 << 20;  // of each class
  std::array<std::vector<char*>, kClasses> free_;
};

class Outbound {
 public:
  explicit Outbound(BufferPool& pool) : pool_(pool) {}
  ~Outbound() { clear(); }
  Outbound(const Outbound&) = delete;
  Outbound& operator=(const Outbound&) = delete;

  size_t pending_bytes() const { return (end_ - begin_) + referenced_bytes_; }
  bool is_empty() const { return pending_bytes() == 0; }

  void append(Slice bytes) {
    copy_bytes(reserve(bytes.size()), bytes);
    end_ += bytes.size();
  }
  void append(Slice first, Slice second) {
    copy_bytes(copy_bytes(reserve(first.size() + second.size()), first), second);
    end_ += first.size() + second.size();
  }
  // `count` times: `first`, and the next of `count` equally long parts that lie `stride` apart.
  void append_each(Slice first, Slice second, size_t stride, size_t count) {
    char* at = reserve((first.size() + second.size()) * count);
    for (size_t i = 0; i < count; ++i) {
      at = copy_bytes(copy_bytes(at, first), Slice(second.data() + i * stride, second.size()));
    }
    end_ += (first.size() + second.size()) * count;
  }
  // Keeps `bytes` (inside `block`) by reference.
  void append_reference(Slice bytes, const BlockRef& block);

  // Fills `parts` with what to send next, in order; returns how many.
  size_t gather(std::span<Slice> parts) const;
  // The first `bytes` were sent.
  void consume(size_t bytes);
  // Copies what is still referenced, so that the blocks can be reused.
  void drop_references();
  void clear();

 private:
  static constexpr size_t kUsualBytesMax = 512 << 10;

  struct Reference {
    size_t position;  // stands before inline byte data_[position]
    Slice bytes;
    BlockRef block;
  };

  char* reserve(size_t bytes) {
    if (capacity_ - end_ < bytes) [[unlikely]]
      grow(bytes);
    return data_ + end_;
  }
  void grow(size_t bytes);
  void release_buffer();

  BufferPool& pool_;
  char* data_ = nullptr;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // inline bytes [begin_, end_) are not sent yet
  size_t end_ = 0;
  size_t referenced_bytes_ = 0;
  uint32_t usual_bytes_ = 0;  // in the last buffer; the next one begins with as much
  std::unique_ptr<std::vector<Reference>> references_;
};

}  // namespace petrel::router
