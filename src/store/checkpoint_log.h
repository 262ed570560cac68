// The checkpoint file: one record with the whole state of a file store, then records with what has
// changed since. Each is complete and checked, or it was never answered.
//
// Owner: a FileStore. Thread: pure functions and values.
// Source: docs/formats/checkpoint.md.
#pragma once

#include "store/frame_codec.h"
#include "store/id_runs.h"

#include "petrel/base/result.h"
#include "petrel/store/message_store.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace petrel::store {

// Positions first .. first + second - 1.
using PositionRun = std::pair<uint32_t, uint32_t>;

// What is known of a segment file without opening it.
struct SegmentRecord {
  uint64_t id = 0;
  uint64_t base = 0;
  uint64_t last = 0;
  uint32_t entries = 0;
  uint32_t live = 0;
  uint64_t live_bytes = 0;
  uint64_t record_bytes = 0;
  uint64_t deleted_bytes = 0;
  WallTime first_time = {};
  WallTime last_time = {};
  uint64_t file_bytes = 0;         // what lies behind was never acknowledged
  uint64_t dictionary_offset = 0;  // 0: not sealed
  uint64_t entries_offset = 0;
  uint32_t key_id = 0;
  std::vector<PositionRun> deleted;  // since the record before
};

// Bytes of a segment file that are to be overwritten once the record is on disk.
struct Wipe {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct CheckpointRecord {
  bool is_full = false;
  uint64_t applied_index = 0;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  WallTime last_time = {};
  uint64_t next_segment = 1;
  std::vector<std::pair<uint64_t, uint64_t>> lost;
  std::vector<uint64_t> removed;  // segments; never in a full record
  std::vector<SegmentRecord> segments;
  std::vector<Wipe> wipes;
  std::string extra;
  IdsRecord ids;
};

std::string encode_checkpoint_head();
// With length and checksum, ready to be appended.
std::string encode_checkpoint(const CheckpointRecord& record, FrameCodec& codec);

struct CheckpointFile {
  CheckpointRecord newest;  // with every segment by base, all deletions of each, all added ids
  uint64_t bytes = 0;       // up to the end of the newest record
  uint64_t full_bytes = 0;  // of the full record
};
// kCorrupt: no full record. Records behind damage are not used: they were not answered, unless the
// file was damaged later.
Result<CheckpointFile> parse_checkpoint_file(Slice bytes, const FrameCodec& codec);

// Ascending positions as runs.
std::vector<PositionRun> runs_of(std::vector<uint32_t> positions);

}  // namespace petrel::store
