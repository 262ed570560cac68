#include "petrel/raft/wire.h"

#include "raft/checksum.h"
#include "raft/varint.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace petrel::raft {
namespace {

Message full_message() {
  Message message;
  message.kind = MessageKind::kSnapshotChunk;
  message.flags = kRejected | kUntrusted;
  message.incarnation = 7;
  message.group = 1ULL << 60;
  message.from = 1;
  message.to = 2;
  message.term = 5;
  message.log_term = 4;
  message.index = 300;
  message.commit = 299;
  message.last = 301;
  message.round = 17;
  message.sent_ns = 123456789;
  message.context = ~0ULL;
  message.entries.push_back({.term = 5, .index = 301, .data = Payload::copy_of("payload")});
  message.entries.push_back({.term = 5, .index = 302, .kind = EntryKind::kEmpty, .data = {}});
  message.chunk = std::make_unique<SnapshotChunk>();
  message.chunk->meta = {250, 4, 9, Membership({{.node = 3, .incarnation = 2, .roles = kVoter}})};
  message.chunk->offset = 1000;
  message.chunk->last = true;
  message.chunk->bytes = Payload::copy_of("chunk");
  return message;
}

std::string frame_of(const Message& message) {
  return encode_frame(std::span(&message, 1), {.epoch = 3, .beat = 8});
}

TEST(WireTest, EveryFieldSurvives) {
  const Message sent = full_message();
  Result<Frame> frame = decode_frame(BlockRef(), frame_of(sent));
  ASSERT_TRUE(frame.is_ok());
  EXPECT_EQ(frame->info.epoch, 3U);
  EXPECT_EQ(frame->info.beat, 8U);
  ASSERT_EQ(frame->messages.size(), 1U);
  const Message& got = frame->messages[0];
  EXPECT_EQ(got.kind, sent.kind);
  EXPECT_EQ(got.flags, sent.flags);
  EXPECT_EQ(got.incarnation, sent.incarnation);
  EXPECT_EQ(got.group, sent.group);
  EXPECT_EQ(got.from, 1U);
  EXPECT_EQ(got.to, 2U);
  EXPECT_EQ(got.term, sent.term);
  EXPECT_EQ(got.log_term, sent.log_term);
  EXPECT_EQ(got.index, sent.index);
  EXPECT_EQ(got.commit, sent.commit);
  EXPECT_EQ(got.last, sent.last);
  EXPECT_EQ(got.round, sent.round);
  EXPECT_EQ(got.sent_ns, sent.sent_ns);
  EXPECT_EQ(got.context, sent.context);
  ASSERT_EQ(got.entries.size(), 2U);
  EXPECT_EQ(got.entries[0].data.bytes(), "payload");
  EXPECT_EQ(got.entries[1].kind, EntryKind::kEmpty);
  ASSERT_NE(got.chunk, nullptr);
  EXPECT_EQ(got.chunk->meta, sent.chunk->meta);
  EXPECT_EQ(got.chunk->bytes.bytes(), "chunk");
  EXPECT_TRUE(got.chunk->last);
}

TEST(WireTest, PayloadsStayInTheBlockOfTheFrame) {
  const std::string bytes = frame_of(full_message());
  const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(bytes.size()));
  bytes.copy(block->bytes(), bytes.size());
  Result<Frame> frame = decode_frame(block, Slice(block->bytes(), bytes.size()));
  ASSERT_TRUE(frame.is_ok());
  const char* at = frame->messages[0].entries[0].data.bytes().data();
  EXPECT_TRUE(at > block->bytes() && at < block->bytes() + bytes.size());
}

TEST(WireTest, RefusesEveryTruncationAndEveryFlippedBit) {
  const std::string bytes = frame_of(full_message());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_frame(BlockRef(), Slice(bytes).substr(0, length)).is_ok()) << length;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    // The reserved bytes after the version are covered by the checksum too.
    EXPECT_FALSE(decode_frame(BlockRef(), damaged).is_ok()) << bit;
  }
}

// A frame around `body` with a right checksum, as only a broken or hostile sender makes it.
std::string sealed(const std::string& body) {
  std::string frame("PTRL\1\0\0\0", 8);
  const auto put = [&](uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(value >> shift));
  };
  put(static_cast<uint32_t>(body.size()));
  put(crc32c(body, crc32c(frame)));
  return frame + body;
}

TEST(WireTest, SkipsFieldsOfLaterVersionsAndRefusesImpossibleOnes) {
  const std::string message("\x02\x05\x08\x07\xc8\x01\x63", 7);  // kind 5, group 7, field 100
  std::string body = "\x0b" + std::string(1, static_cast<char>(message.size())) + message;
  Result<Frame> frame = decode_frame(BlockRef(), sealed(body));
  ASSERT_TRUE(frame.is_ok());
  EXPECT_EQ(frame->messages[0].kind, MessageKind::kAppend);
  EXPECT_EQ(frame->messages[0].group, 7U);
  EXPECT_FALSE(
      decode_frame(BlockRef(), sealed(std::string("\x0b\x02\x02\x63", 4))).is_ok());   // kind 99
  EXPECT_FALSE(decode_frame(BlockRef(), sealed(std::string("\x0b\x00", 2))).is_ok());  // no kind
  EXPECT_FALSE(decode_frame(BlockRef(), sealed(std::string("\x0b\x7f", 2))).is_ok());  // too long
}

TEST(WireTest, BoundsTheFrameBeforeReadingIt) {
  std::string head = frame_of(full_message()).substr(0, kFrameHeadBytes);
  EXPECT_TRUE(frame_bytes(head).is_ok());
  head[11] = '\x7f';
  EXPECT_EQ(frame_bytes(head).error().code, Errc::kOutOfRange);
  head[4] = 2;
  EXPECT_EQ(frame_bytes(head).error().code, Errc::kUnsupported);
  head[0] = 'X';
  EXPECT_EQ(frame_bytes(head).error().code, Errc::kCorrupt);
}

TEST(ChecksumTest, IsCastagnoli) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283U);
}

TEST(VarintTest, EveryLengthSurvivesAndOverlongOnesAreRefused) {
  for (int bits = 0; bits <= 64; ++bits) {
    const uint64_t value = bits == 64 ? ~0ULL : (1ULL << bits) - 1;
    std::string bytes;
    put_varint(bytes, value);
    VarintReader reader(bytes);
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.is_ok() && reader.is_at_end());
  }
  VarintReader overlong(Slice("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
  overlong.varint();
  EXPECT_FALSE(overlong.is_ok());
}

}  // namespace
}  // namespace petrel::raft
