// The wire form of messages between two nodes: frames that merge the messages of all groups.
// A frame is versioned, checksummed and bounded before anything in it is believed; fields that this
// version does not know are skipped. Layout: docs/formats/raft-wire.md.
// Thread: pure functions. Errors: kCorrupt (checksum, layout), kUnsupported (version), kOutOfRange
// (too long), kTimeout never; frame_bytes tells how much to read first.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"
#include "petrel/raft/message.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace petrel::raft {

inline constexpr size_t kFrameHeadBytes = 16;
inline constexpr uint32_t kFrameBytesMax = 80U << 20;  // the body
inline constexpr size_t kFrameMessagesMax = 1U << 16;
inline constexpr size_t kMessageEntriesMax = 1U << 16;

struct FrameInfo {
  uint64_t epoch = 0;  // of the sender: a new one after each start of its process
  uint64_t beat = 0;   // counts the frames of this epoch
  NodeId from = kNoNode;
  NodeId to = kNoNode;
};

struct Frame {
  FrameInfo info;
  std::vector<Message> messages;
};

// `from` and `to` of all messages are the frame's; when `info` names none, those of the first
// message.
std::string encode_frame(std::span<const Message> messages, FrameInfo info);

// Bytes of the whole frame that begins with `head`, before its checksum can be known.
// REQUIRES: head.size() >= kFrameHeadBytes.
Result<size_t> frame_bytes(Slice head);

// `bytes` is exactly one frame. Payloads refer to `block`, which holds `bytes`; without a block
// they are copied.
Result<Frame> decode_frame(const BlockRef& block, Slice bytes);

}  // namespace petrel::raft
