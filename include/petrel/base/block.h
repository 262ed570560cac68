// Block: refcounted bytes that a socket read fills and messages point into.
// BlockPool: a loop's LIFO store of equal blocks, so the hottest one is reused first.
//
// Owner: BlockRef values. A block goes back to the pool it came from when its last reference is
// dropped, on whatever thread that happens. Thread: a BlockPool is used by its loop; give_back may
// come from any thread. Limits: the pool keeps at most `keep` free blocks, the rest is freed.
#pragma once

#include "petrel/base/mutex.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace petrel {

using Slice = std::string_view;

class BlockPool;

// Header of a block; the bytes follow it in the same allocation.
class Block {
 public:
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  uint32_t capacity() const { return capacity_; }

 private:
  friend class BlockPool;
  friend class BlockRef;
  explicit Block(uint32_t capacity) : capacity_(capacity) {}
  static Block* create(uint32_t capacity);
  static void destroy(Block* block);

  std::atomic<uint32_t> references_{1};
  uint32_t capacity_;
  std::shared_ptr<BlockPool> home_;  // null: not pooled
};

// A counted reference to a Block.
class BlockRef {
 public:
  BlockRef() = default;
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_ != nullptr) block_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() {
    if (block_ != nullptr) release();
  }

  // A block that belongs to no pool, for messages larger than a pooled block.
  static BlockRef allocate(uint32_t capacity) { return BlockRef(Block::create(capacity)); }

  explicit operator bool() const { return block_ != nullptr; }
  Block* operator->() const { return block_; }
  Block& operator*() const { return *block_; }
  bool is_unique() const { return block_->references_.load(std::memory_order_acquire) == 1; }

 private:
  friend class BlockPool;
  explicit BlockRef(Block* adopted) : block_(adopted) {}
  void release();
  Block* block_ = nullptr;
};

class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
  // Every block holds `block_bytes`; at most `keep` free ones are kept.
  static std::shared_ptr<BlockPool> create(uint32_t block_bytes, size_t keep);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Thread: owner loop.
  BlockRef take();
  uint32_t block_bytes() const { return block_bytes_; }

 private:
  friend class BlockRef;
  BlockPool(uint32_t block_bytes, size_t keep) : block_bytes_(block_bytes), keep_(keep) {}
  void give_back(Block* block);

  const uint32_t block_bytes_;
  const size_t keep_;
  Mutex mutex_;
  std::vector<Block*> free_ PETREL_GUARDED_BY(mutex_);
};

}  // namespace petrel
