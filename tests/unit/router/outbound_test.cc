#include "petrel/router/outbound.h"

#include "router_fakes.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

namespace petrel::router {
namespace {

BlockRef block_of(Slice text) {
  BlockRef block = BlockRef::allocate(static_cast<uint32_t>(text.size()));
  std::copy(text.begin(), text.end(), block->bytes());
  return block;
}

void append_block(Outbound& outbound, const BlockRef& block) {
  outbound.append_reference(Slice(block->bytes(), block->capacity()), block);
}

TEST(BufferPoolTest, ABufferThatCameBackIsHandedOutNext) {
  BufferPool pool;
  size_t bytes = 1500;
  char* buffer = pool.take(bytes);
  EXPECT_EQ(bytes, 2048U);
  pool.give_back(buffer, bytes);
  size_t again = 1025;
  char* second = pool.take(again);
  EXPECT_EQ(second, buffer);
  EXPECT_EQ(again, 2048U);
  pool.give_back(second, again);
}

TEST(OutboundTest, HoldsNothingUntilAppended) {
  BufferPool pool;
  Outbound outbound(pool);
  EXPECT_TRUE(outbound.is_empty());
  EXPECT_EQ(pending_text(outbound), "");
  outbound.append("ab", "cd");
  outbound.append("ef");
  EXPECT_EQ(outbound.pending_bytes(), 6U);
  EXPECT_EQ(pending_text(outbound), "abcdef");
}

TEST(OutboundTest, ItsNextBufferIsAsLargeAsTheLastOneHadToBe) {
  BufferPool pool;
  size_t large = 128 << 10;
  char* buffer = pool.take(large);
  pool.give_back(buffer, large);
  const auto is_in_use = [&] {
    char* taken = pool.take(large);
    pool.give_back(taken, large);
    return taken != buffer;
  };
  Outbound outbound(pool);
  outbound.append(std::string(100 << 10, 'x'));
  outbound.consume(100 << 10);
  EXPECT_FALSE(is_in_use());
  outbound.append("a");
  EXPECT_TRUE(is_in_use());
  outbound.consume(1);
  outbound.append("b");
  EXPECT_FALSE(is_in_use());
}

TEST(OutboundTest, TakesNoMoreThanItNeedsWhenNoSuchBufferIsLeft) {
  BufferPool pool;
  Outbound outbound(pool);
  outbound.append(std::string(100 << 10, 'x'));
  outbound.consume(100 << 10);
  ASSERT_TRUE(pool.has(100 << 10));
  size_t large = 100 << 10;
  char* buffer = pool.take(large);
  outbound.append("a");
  outbound.consume(1);
  EXPECT_FALSE(pool.has(100 << 10));
  EXPECT_TRUE(pool.has(1));
  pool.give_back(buffer, large);
}

TEST(OutboundTest, ReferencesStandWhereTheyWereAppended) {
  BufferPool pool;
  Outbound outbound(pool);
  append_block(outbound, block_of("[one]"));
  outbound.append("a");
  append_block(outbound, block_of("[two]"));
  append_block(outbound, block_of("[three]"));
  outbound.append("b");
  EXPECT_EQ(pending_text(outbound), "[one]a[two][three]b");
  EXPECT_EQ(outbound.pending_bytes(), 19U);
}

TEST(OutboundTest, AReferenceKeepsItsBlockUntilItIsSent) {
  BufferPool pool;
  Outbound outbound(pool);
  const BlockRef block = block_of("bytes");
  append_block(outbound, block);
  EXPECT_FALSE(block.is_unique());
  outbound.consume(4);
  EXPECT_FALSE(block.is_unique());
  outbound.consume(1);
  EXPECT_TRUE(block.is_unique());
}

TEST(OutboundTest, AnyCutLeavesTheRestInOrder) {
  const std::string whole = "head[first]middle[second][third]tail";
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    BufferPool pool;
    Outbound outbound(pool);
    outbound.append("head");
    append_block(outbound, block_of("[first]"));
    outbound.append("middle");
    append_block(outbound, block_of("[second]"));
    append_block(outbound, block_of("[third]"));
    outbound.append("tail");
    outbound.consume(cut);
    EXPECT_EQ(pending_text(outbound), whole.substr(cut));
    EXPECT_EQ(outbound.pending_bytes(), whole.size() - cut);
    outbound.append("!");
    EXPECT_EQ(pending_text(outbound), whole.substr(cut) + "!");
  }
}

TEST(OutboundTest, DroppedReferencesAreCopied) {
  BufferPool pool;
  Outbound outbound(pool);
  const BlockRef block = block_of("[block]");
  outbound.append("abc");
  append_block(outbound, block);
  outbound.append("def");
  outbound.consume(5);
  outbound.drop_references();
  EXPECT_TRUE(block.is_unique());
  EXPECT_EQ(pending_text(outbound), "lock]def");
}

TEST(OutboundTest, GatherGivesWhatFitsAndGoesOnBehindIt) {
  BufferPool pool;
  Outbound outbound(pool);
  outbound.append("a");
  append_block(outbound, block_of("b"));
  outbound.append("c");
  std::array<Slice, 2> parts;
  ASSERT_EQ(outbound.gather(parts), 2U);
  EXPECT_EQ(parts[0], "a");
  EXPECT_EQ(parts[1], "b");
  outbound.consume(2);
  EXPECT_EQ(pending_text(outbound), "c");
}

TEST(OutboundTest, ManyReferencesAreDroppedInOrder) {
  BufferPool pool;
  Outbound outbound(pool);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text = "<" + std::to_string(i) + ">";
    append_block(outbound, block_of(text));
    outbound.append(".");
    expected += text + ".";
  }
  outbound.drop_references();
  std::array<Slice, 1> parts;
  ASSERT_EQ(outbound.gather(parts), 1U);
  EXPECT_EQ(parts[0], expected);
}

TEST(OutboundTest, RandomUseEqualsAString) {
  Prng prng(7);
  BufferPool pool;
  Outbound outbound(pool);
  std::string model;
  for (int step = 0; step < 5000; ++step) {
    const std::string text(1 + prng.below(300), static_cast<char>('a' + prng.below(26)));
    const uint64_t choice = prng.below(10);
    if (choice < 4) {
      outbound.append(text);
      model += text;
    } else if (choice < 5) {
      append_block(outbound, block_of(text));
      model += text;
    } else if (choice < 9) {
      const size_t bytes = prng.below(std::min<size_t>(model.size(), 400) + 1);
      outbound.consume(bytes);
      model.erase(0, bytes);
    } else {
      outbound.drop_references();
    }
    ASSERT_EQ(outbound.pending_bytes(), model.size());
    if (step % 50 == 0) {
      outbound.drop_references();
      ASSERT_EQ(pending_text(outbound), model);
    }
  }
}

}  // namespace
}  // namespace petrel::router
