#include "store/checkpoint_log.h"

#include "store/byte_codec.h"
#include "store/segment_index.h"

#include "petrel/base/crc32c.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace petrel::store {
namespace {

constexpr Slice kMagic = "PETRLCKP";
constexpr uint16_t kVersion = 1;
constexpr size_t kHeadBytes = 16;
constexpr size_t kRecordHead = 12;  // length, flags, checksum
constexpr uint32_t kFlagFull = 1;
constexpr uint32_t kFlagEncrypted = 2;
constexpr uint32_t kFlagIds = 4;
constexpr Slice kAbout = "petrel checkpoint";

void put_segment(ByteWriter& out, const SegmentRecord& segment) {
  out.varint(segment.id);
  out.varint(segment.base);
  out.varint(segment.last + 1 - segment.base);
  out.varint(segment.entries);
  out.varint(segment.live);
  out.varint(segment.live_bytes);
  out.varint(segment.record_bytes);
  out.varint(segment.deleted_bytes);
  out.fixed(segment.first_time.ns);
  out.fixed(segment.last_time.ns);
  out.varint(segment.file_bytes);
  out.varint(segment.dictionary_offset);
  out.varint(segment.entries_offset);
  out.fixed(segment.key_id);
  out.varint(segment.deleted.size());
  uint32_t behind = 0;
  for (const auto& [first, count] : segment.deleted) {
    out.varint(first - behind);
    out.varint(count);
    behind = first + count;
  }
}

void read_runs(ByteReader& in, SegmentRecord& segment) {
  const uint64_t runs = in.varint();
  if (runs > in.left()) return in.fail();
  uint64_t at = 0;
  for (uint64_t i = 0; i < runs; ++i) {
    const uint64_t first = at + in.varint();
    const uint64_t count = in.varint();
    if (first >= kSegmentSpanMax || count > kSegmentSpanMax - first) return in.fail();
    segment.deleted.emplace_back(static_cast<uint32_t>(first), static_cast<uint32_t>(count));
    at = first + count;
  }
}

SegmentRecord read_segment(ByteReader& in) {
  SegmentRecord segment;
  segment.id = in.varint();
  segment.base = in.varint();
  const uint64_t span = in.varint();
  segment.last = segment.base + span - 1;
  segment.entries = static_cast<uint32_t>(in.varint());
  segment.live = static_cast<uint32_t>(in.varint());
  segment.live_bytes = in.varint();
  segment.record_bytes = in.varint();
  segment.deleted_bytes = in.varint();
  segment.first_time.ns = in.fixed<int64_t>();
  segment.last_time.ns = in.fixed<int64_t>();
  segment.file_bytes = in.varint();
  segment.dictionary_offset = in.varint();
  segment.entries_offset = in.varint();
  segment.key_id = in.fixed<uint32_t>();
  read_runs(in, segment);
  if (segment.base == 0 || span == 0 || span > kSegmentSpanMax || segment.entries > span ||
      segment.base + span < segment.base) {
    in.fail();
  }
  return segment;
}

void put_ids(ByteWriter& out, const IdsRecord& ids) {
  out.fixed(ids.expired.ns);
  out.varint(ids.recent);
  out.varint(ids.runs.size());
  for (const IdRunRecord& run : ids.runs) {
    out.varint(run.id);
    out.varint(run.level);
    out.fixed(run.key_id);
    out.varint(run.entries);
    out.fixed(run.newest.ns);
    out.varint(run.filter_offset);
    out.varint(run.index_offset);
    out.varint(run.bytes);
  }
  out.text(ids.added);
}

IdsRecord read_ids(ByteReader& in) {
  IdsRecord ids;
  ids.expired.ns = in.fixed<int64_t>();
  ids.recent = in.varint();
  for (uint64_t left = in.varint(); left > 0 && in.is_ok(); --left) {
    IdRunRecord run;
    run.id = in.varint();
    run.level = static_cast<uint32_t>(in.varint());
    run.key_id = in.fixed<uint32_t>();
    run.entries = in.varint();
    run.newest.ns = in.fixed<int64_t>();
    run.filter_offset = in.varint();
    run.index_offset = in.varint();
    run.bytes = in.varint();
    if (run.filter_offset > run.index_offset || run.index_offset > run.bytes) in.fail();
    ids.runs.push_back(run);
  }
  ids.added = in.text();
  return ids;
}

std::string encode_body(const CheckpointRecord& record) {
  ByteWriter out;
  out.fixed(record.applied_index);
  out.varint(record.first_sequence);
  out.varint(record.last_sequence);
  out.fixed(record.last_time.ns);
  out.varint(record.next_segment);
  out.varint(record.lost.size());
  for (const auto& [first, last] : record.lost) {
    out.varint(first);
    out.varint(last);
  }
  out.varint(record.removed.size());
  for (const uint64_t id : record.removed) out.varint(id);
  out.varint(record.segments.size());
  for (const SegmentRecord& segment : record.segments) put_segment(out, segment);
  out.varint(record.wipes.size());
  for (const Wipe& wipe : record.wipes) {
    out.varint(wipe.segment);
    out.varint(wipe.offset);
    out.varint(wipe.bytes);
  }
  out.text(record.extra);
  put_ids(out, record.ids);
  return out.take();
}

bool parse_body(Slice bytes, uint32_t flags, CheckpointRecord& record) {
  ByteReader in(bytes);
  record.applied_index = in.fixed<uint64_t>();
  record.first_sequence = in.varint();
  record.last_sequence = in.varint();
  record.last_time.ns = in.fixed<int64_t>();
  record.next_segment = in.varint();
  for (uint64_t left = in.varint(); left > 0 && in.is_ok(); --left) {
    const uint64_t first = in.varint();
    record.lost.emplace_back(first, in.varint());
  }
  for (uint64_t left = in.varint(); left > 0 && in.is_ok(); --left) {
    record.removed.push_back(in.varint());
  }
  for (uint64_t left = in.varint(); left > 0 && in.is_ok(); --left) {
    record.segments.push_back(read_segment(in));
  }
  for (uint64_t left = in.varint(); left > 0 && in.is_ok(); --left) {
    Wipe wipe;
    wipe.segment = in.varint();
    wipe.offset = in.varint();
    wipe.bytes = in.varint();
    record.wipes.push_back(wipe);
  }
  record.extra = in.text();
  if ((flags & kFlagIds) != 0) record.ids = read_ids(in);
  return in.is_ok() && in.left() == 0;
}

// The record at the beginning of `bytes`; its length with head, 0: damaged or cut off.
size_t parse_record(Slice bytes, const FrameCodec& codec, CheckpointRecord& record) {
  if (bytes.size() < kRecordHead) return 0;
  const auto length = load_le<uint32_t>(bytes.data());
  const auto flags = load_le<uint32_t>(bytes.data() + 4);
  if (length > bytes.size() - kRecordHead) return 0;
  Slice body = bytes.substr(kRecordHead, length);
  if (load_le<uint32_t>(bytes.data() + 8) != crc32c(body, crc32c(bytes.substr(0, 8)))) return 0;
  std::string plain;
  if ((flags & kFlagEncrypted) != 0) {
    if (!codec.open(body, kAbout, plain)) return 0;
    body = plain;
  }
  record.is_full = (flags & kFlagFull) != 0;
  return parse_body(body, flags, record) ? kRecordHead + length : 0;
}

// The first record is whole, but no key opens it.
bool is_for_another_key(Slice bytes, const FrameCodec& codec) {
  if (bytes.size() < kRecordHead) return false;
  const auto length = load_le<uint32_t>(bytes.data());
  if (length > bytes.size() - kRecordHead) return false;
  const Slice body = bytes.substr(kRecordHead, length);
  if (load_le<uint32_t>(bytes.data() + 8) != crc32c(body, crc32c(bytes.substr(0, 8)))) return false;
  std::string plain;
  return (load_le<uint32_t>(bytes.data() + 4) & kFlagEncrypted) != 0 &&
         !codec.open(body, kAbout, plain);
}

// Segments by id while records are laid over each other.
using SegmentsById = std::map<uint64_t, SegmentRecord>;

void lay_over(CheckpointRecord&& record, SegmentsById& segments) {
  for (const uint64_t id : record.removed) segments.erase(id);
  for (SegmentRecord& segment : record.segments) {
    SegmentRecord& known = segments[segment.id];
    std::vector<PositionRun> deleted = std::move(known.deleted);
    deleted.insert(deleted.end(), segment.deleted.begin(), segment.deleted.end());
    known = std::move(segment);
    known.deleted = std::move(deleted);
  }
}

}  // namespace

std::string encode_checkpoint_head() {
  ByteWriter out;
  out.raw(kMagic.data(), kMagic.size());
  out.fixed(kVersion);
  out.fixed(uint16_t{0});
  out.fixed(crc32c(out.bytes()));
  return out.take();
}

std::string encode_checkpoint(const CheckpointRecord& record, FrameCodec& codec) {
  const bool is_encrypted = codec.key_id() != 0;
  const std::string body = codec.seal(encode_body(record), kAbout);
  ByteWriter out;
  out.fixed(static_cast<uint32_t>(body.size()));
  out.fixed((record.is_full ? kFlagFull : 0) | (is_encrypted ? kFlagEncrypted : 0) | kFlagIds);
  out.fixed(crc32c(body, crc32c(out.bytes())));
  out.raw(body.data(), body.size());
  return out.take();
}

Result<CheckpointFile> parse_checkpoint_file(Slice bytes, const FrameCodec& codec) {
  if (bytes.size() < kHeadBytes || bytes.substr(0, kHeadBytes) != encode_checkpoint_head()) {
    return Error{Errc::kCorrupt, "the checkpoint file has no valid head"};
  }
  CheckpointFile file;
  SegmentsById segments;
  std::string added;
  size_t at = kHeadBytes;
  while (at < bytes.size()) {
    CheckpointRecord record;
    const size_t length = parse_record(bytes.substr(at), codec, record);
    const bool is_first = at == kHeadBytes;
    if (length == 0 || record.is_full != is_first) break;
    if (is_first) file.full_bytes = length;
    at += length;
    added += std::exchange(record.ids.added, {});
    file.newest = record;
    lay_over(std::move(record), segments);
  }
  if (file.full_bytes == 0 && is_for_another_key(bytes.substr(kHeadBytes), codec)) {
    return Error{Errc::kUnsupported, "encrypted with a key that is not configured"};
  }
  if (file.full_bytes == 0) {
    return Error{Errc::kCorrupt, "the checkpoint file has no valid first record"};
  }
  file.bytes = at;
  file.newest.ids.added = std::move(added);
  file.newest.segments.clear();
  for (auto& [id, segment] : segments) file.newest.segments.push_back(std::move(segment));
  std::sort(file.newest.segments.begin(), file.newest.segments.end(),
            [](const SegmentRecord& a, const SegmentRecord& b) { return a.base < b.base; });
  const auto& all = file.newest.segments;
  for (size_t i = 1; i < all.size(); ++i) {
    if (all[i].base <= all[i - 1].last) {
      return Error{Errc::kCorrupt, "segments of the checkpoint file overlap"};
    }
  }
  return file;
}

std::vector<PositionRun> runs_of(std::vector<uint32_t> positions) {
  std::sort(positions.begin(), positions.end());
  std::vector<PositionRun> runs;
  for (const uint32_t position : positions) {
    if (!runs.empty() && runs.back().first + runs.back().second == position) {
      ++runs.back().second;
    } else {
      runs.emplace_back(position, 1);
    }
  }
  return runs;
}

}  // namespace petrel::store
