#include "petrel/base/block.h"

#include <gtest/gtest.h>

#include <thread>

namespace petrel {
namespace {

TEST(BlockPool, HandsOutTheBlockThatCameBackLast) {
  auto pool = BlockPool::create(1024, 4);
  BlockRef first = pool->take();
  BlockRef second = pool->take();
  const Block* hot = &*second;
  first = BlockRef();
  second = BlockRef();
  EXPECT_EQ(&*pool->take(), hot);
}

TEST(BlockPool, BlockOutlivesItsPoolHandle) {
  auto pool = BlockPool::create(64, 4);
  BlockRef block = pool->take();
  pool.reset();
  block->bytes()[63] = 'x';
  EXPECT_EQ(block->bytes()[63], 'x');
}

TEST(BlockPool, LastReferenceMayBeDroppedOnAnotherThread) {
  auto pool = BlockPool::create(64, 4);
  BlockRef block = pool->take();
  const Block* address = &*block;
  BlockRef copy = block;
  EXPECT_FALSE(block.is_unique());
  block = BlockRef();
  std::thread([moved = std::move(copy)]() mutable { moved = BlockRef(); }).join();
  EXPECT_EQ(&*pool->take(), address);
}

}  // namespace
}  // namespace petrel
