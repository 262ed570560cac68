#include "petrel/jetstream/archive_flow.h"

#include <gtest/gtest.h>

#include <string>

namespace petrel::jetstream {
namespace {

constexpr Instant kStart{1'000'000'000};

StreamSnapshotRequest sizes(int64_t chunk, int64_t window) {
  StreamSnapshotRequest request;
  request.chunk_size = chunk;
  request.window_size = window;
  return request;
}

TEST(ArchiveFlow, ChunksWaitForAcksWhenTheWindowIsFull) {
  ArchiveFlow flow(sizes(1024, 2048), "$JS.SNAPSHOT.ACK.S.id", kStart);
  flow.write(std::string(3 * 1024 + 10, 'x'));
  EXPECT_FALSE(flow.wants_bytes());
  auto chunk = flow.next(kStart);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->reply, "$JS.SNAPSHOT.ACK.S.id.1024.1");
  EXPECT_EQ(chunk->body.size(), 1024U);
  EXPECT_EQ(flow.next(kStart)->reply, "$JS.SNAPSHOT.ACK.S.id.1024.2");
  EXPECT_FALSE(flow.next(kStart).has_value());
  flow.on_ack();
  EXPECT_EQ(flow.next(kStart)->reply, "$JS.SNAPSHOT.ACK.S.id.1024.3");
  flow.on_ack();
  EXPECT_FALSE(flow.next(kStart).has_value());
  EXPECT_TRUE(flow.wants_bytes());
  flow.finish();
  chunk = flow.next(kStart);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->body.size(), 10U);
  EXPECT_TRUE(chunk->reply.empty());
  EXPECT_EQ(flow.next(kStart)->header, "NATS/1.0 204\r\n\r\n");
  EXPECT_TRUE(flow.is_over());
  EXPECT_FALSE(flow.next(kStart).has_value());
}

TEST(ArchiveFlow, OnePartialChunkEndsWithoutAStatus) {
  ArchiveFlow flow(sizes(0, 0), "a", kStart);
  flow.write("small");
  flow.finish();
  EXPECT_EQ(flow.next(kStart)->body, "small");
  EXPECT_EQ(flow.next(kStart)->header, "");
  EXPECT_TRUE(flow.is_over());
}

TEST(ArchiveFlow, SizesAreClamped) {
  ArchiveFlow small(sizes(1, 1), "a", kStart);
  small.write(std::string(5000, 'x'));
  EXPECT_EQ(small.next(kStart)->body.size(), 1024U);
  EXPECT_FALSE(small.next(kStart).has_value());
  ArchiveFlow large(sizes(INT64_MAX, INT64_MAX), "a", kStart);
  large.write(std::string(3 << 20, 'x'));
  EXPECT_EQ(large.next(kStart)->body.size(), size_t{1} << 20);
  ArchiveFlow negative(sizes(-1, -1), "a", kStart);
  negative.write(std::string(5000, 'x'));
  EXPECT_EQ(negative.next(kStart)->body.size(), 1024U);
}

TEST(ArchiveFlow, WithoutAcksItEnds) {
  ArchiveFlow flow(sizes(1024, 1024), "a", kStart);
  flow.write(std::string(5000, 'x'));
  ASSERT_TRUE(flow.next(kStart).has_value());
  EXPECT_FALSE(flow.next(kStart + Duration::millis(4999)).has_value());
  const auto last = flow.next(flow.deadline());
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->header, "NATS/1.0 408 No Flow Response\r\n\r\n");
  EXPECT_TRUE(flow.is_over());
}

TEST(ArchiveFlow, FailuresAreTold) {
  ArchiveFlow lost(sizes(0, 0), "a", kStart);
  lost.write("x");
  lost.on_interest_lost();
  EXPECT_EQ(lost.next(kStart)->header, "NATS/1.0 408 No Interest\r\n\r\n");
  ArchiveFlow failed(sizes(0, 0), "a", kStart);
  failed.fail("why");
  EXPECT_EQ(failed.next(kStart)->header, "NATS/1.0 500 why\r\n\r\n");
  EXPECT_TRUE(failed.is_over());
}

}  // namespace
}  // namespace petrel::jetstream
