// BlockCursor: where the next bytes of a loop go. Reads of one turn share a block; one that nobody
// kept is filled again from its start.
//
// Owner: one reader of a loop. Thread: the loop's.
#pragma once

#include "petrel/base/block.h"

#include <algorithm>
#include <memory>
#include <span>

namespace petrel::net {

class BlockCursor {
 public:
  // Room for the next bytes, at least a quarter of a block.
  std::span<char> reserve(const std::shared_ptr<BlockPool>& pool) {
    if (block_ && block_.is_unique()) {
      filled_ = 0;
    } else if (!block_ || block_->capacity() - filled_ < pool->block_bytes() / 4) {
      block_ = pool->take();
      filled_ = 0;
    }
    return {block_->bytes() + filled_, block_->capacity() - filled_};
  }

  // `bytes` of the room were filled; the next ones begin at another cache line.
  void advance(size_t bytes) {
    constexpr uint32_t kLine = 64;
    filled_ = std::min(block_->capacity(),
                       (filled_ + static_cast<uint32_t>(bytes) + kLine - 1) & ~(kLine - 1));
  }

  const BlockRef& block() const { return block_; }

 private:
  BlockRef block_;
  uint32_t filled_ = 0;
};

}  // namespace petrel::net
