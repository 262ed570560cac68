// SegmentFrames: the records of one segment, put end to end and cut into frames; each frame is in
// memory as one block, or in the segment's file, or both. A record never lies in two frames.
//
// Owner: a Segment. Thread: its home loop; blocks are shared with readers, which never see a
// change of bytes they hold.
#pragma once

#include "petrel/base/block.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace petrel::store {

struct Frame {
  uint32_t offset = 0;  // of its first record among all of the segment
  uint32_t bytes = 0;
  uint32_t live = 0;  // records that are not deleted (counted by a memory store only)
  // Of the records that begin in the first so many bytes it is known that they are whole: of those
  // of this process all, of those that were read what somebody has looked at.
  uint32_t checked_bytes = UINT32_MAX;
  uint32_t block_offset =
      0;           // where it lies in the block: frames that were read together share one
  BlockRef block;  // null: not in memory
  uint64_t file_offset = 0;
  uint32_t stored_bytes = 0;  // room in the file behind the frame's head, 0: not written yet
  uint8_t encoding = 0;       // bits of FrameHead::encoding

  // REQUIRES: in memory.
  char* data() const { return block->bytes() + block_offset; }
};

class SegmentFrames {
 public:
  std::vector<Frame>& all() { return frames_; }
  const std::vector<Frame>& all() const { return frames_; }

  // The frame that holds `offset`. REQUIRES: offset below the end of the last frame.
  size_t find(uint32_t offset) const {
    if (frames_.back().offset <= offset) return frames_.size() - 1;
    // Mostly where the last one was found, or in the next.
    for (size_t at = hint_; at <= hint_ + 1 && at + 1 < frames_.size(); ++at) {
      if (frames_[at].offset <= offset && offset < frames_[at + 1].offset) return hint_ = at;
    }
    const auto behind =
        std::upper_bound(frames_.begin(), frames_.end(), offset,
                         [](uint32_t wanted, const Frame& frame) { return wanted < frame.offset; });
    return hint_ = static_cast<size_t>(behind - frames_.begin()) - 1;
  }
  Frame& at(uint32_t offset) { return frames_[find(offset)]; }

  // Room for a record of `bytes` at the end of the last frame, which is in memory and not written;
  // a new frame of `frame_bytes` (or as large as the record) when it does not fit.
  char* extend(uint32_t bytes, uint32_t frame_bytes) {
    if (frames_.empty() || !frames_.back().block || frames_.back().stored_bytes != 0 ||
        frames_.back().block->capacity() - frames_.back().bytes < bytes) {
      Frame frame;
      frame.offset = frames_.empty() ? 0 : frames_.back().offset + frames_.back().bytes;
      frame.block = BlockRef::allocate(std::max(bytes, frame_bytes));
      frames_.push_back(std::move(frame));
    }
    Frame& frame = frames_.back();
    char* room = frame.block->bytes() + frame.bytes;
    frame.bytes += bytes;
    ++frame.live;
    return room;
  }
  // Behind the last record.
  uint32_t end() const {
    return frames_.empty() ? 0 : frames_.back().offset + frames_.back().bytes;
  }

 private:
  std::vector<Frame> frames_;
  mutable size_t hint_ = 0;
};

}  // namespace petrel::store
