// Reads a segment file record by record, for when its index or the checkpoint is damaged. Finds
// what is whole on both sides of what is not.
// Thread: pure function.
#pragma once

#include "store/frame_codec.h"
#include "store/segment_frames.h"

#include <string>
#include <vector>

namespace petrel::store {

struct ScannedRecord {
  uint64_t sequence = 0;
  WallTime time = {};
  std::string subject;
  uint32_t offset = 0;  // among the records of the segment
  uint32_t bytes = 0;
  bool has_header = false;
};

struct ScannedSegment {
  SegmentFrames frames;                // none in memory
  std::vector<ScannedRecord> records;  // sequences ascend
  bool has_trailer = false;            // the file was completed
  bool is_for_another_key = false;     // some frame is whole but no key opens it
};

ScannedSegment scan_segment(Slice file, uint64_t id, const FrameCodec& codec);

}  // namespace petrel::store
