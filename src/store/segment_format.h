// The segment file: a head, then frames. docs/formats/segment.md describes the bytes.
// Thread: pure functions, any thread.
#pragma once

#include "store/record.h"

#include "petrel/base/block.h"

#include <cstdint>
#include <string>

namespace petrel::store {

inline constexpr uint32_t kSegmentHeadBytes = 32;
inline constexpr uint32_t kFrameHeadBytes = 48;
inline constexpr uint16_t kSegmentVersion = 1;

enum class FrameKind : uint8_t {
  kRecords = 1,
  kDictionary = 2,  // the subjects of the segment
  kEntries = 3,     // sequence, time, place and subject of each record, and the frames
  kTrailer = 4,     // where the dictionary and the entries are; the last frame of a sealed segment
  kIds = 5,         // message ids, by hash; a file of its own
  kHashFilter = 6,
  kIdIndex = 7,
};

// Bits of FrameHead::encoding.
inline constexpr uint8_t kFrameCompressed = 1;
inline constexpr uint8_t kFrameEncrypted = 2;

struct FrameHead {
  FrameKind kind = FrameKind::kRecords;
  uint8_t encoding = 0;
  uint64_t segment = 0;       // id of the file it belongs to
  uint32_t offset = 0;        // of its records among all of the segment
  uint32_t raw_bytes = 0;     // decoded
  uint32_t stored_bytes = 0;  // in the file
  uint32_t slot_bytes = 0;    // room in the file to the next frame
  uint32_t stored_crc = 0;    // of the stored bytes; 0 for plain records, which have their own
};

std::string encode_segment_head(uint64_t id);
bool parse_segment_head(Slice bytes, uint64_t& id);

void write_frame_head(const FrameHead& head, char* out);
// False: not a frame head, or damaged.
bool parse_frame_head(Slice bytes, FrameHead& head);

std::string segment_file_name(uint64_t id);
// 0: not the name of a segment file.
uint64_t parse_segment_file_name(Slice name);

// --- records on disk ---
// Computes the checksum of the complete record at `record`.
void seal_record(char* record);
// The record at the beginning of `bytes`. False: damaged or cut off.
bool parse_record(Slice bytes, RecordView& record);

}  // namespace petrel::store
