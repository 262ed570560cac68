#include "petrel/base/block.h"

#include <new>

namespace petrel {

Block* Block::create(uint32_t capacity) {
  void* memory = ::operator new(sizeof(Block) + capacity);
  return new (memory) Block(capacity);
}

void Block::destroy(Block* block) {
  block->~Block();
  ::operator delete(block);
}

void BlockRef::release() {
  if (block_->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Block* block = std::exchange(block_, nullptr);
  if (block->home_ != nullptr) {
    const std::shared_ptr<BlockPool> home = std::move(block->home_);
    home->give_back(block);
  } else {
    Block::destroy(block);
  }
}

std::shared_ptr<BlockPool> BlockPool::create(uint32_t block_bytes, size_t keep) {
  return std::shared_ptr<BlockPool>(new BlockPool(block_bytes, keep));
}

BlockPool::~BlockPool() {
  for (Block* block : free_) Block::destroy(block);
}

BlockRef BlockPool::take() {
  Block* block = nullptr;
  {
    const MutexLock lock(mutex_);
    if (!free_.empty()) {
      block = free_.back();
      free_.pop_back();
    }
  }
  if (block == nullptr) block = Block::create(block_bytes_);
  block->references_.store(1, std::memory_order_relaxed);
  block->home_ = shared_from_this();
  return BlockRef(block);
}

void BlockPool::give_back(Block* block) {
  {
    const MutexLock lock(mutex_);
    if (free_.size() < keep_) {
      free_.push_back(block);
      return;
    }
  }
  Block::destroy(block);
}

}  // namespace petrel
