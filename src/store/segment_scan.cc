#include "store/segment_scan.h"

#include "petrel/base/crc32c.h"

#include <algorithm>
#include <map>

namespace petrel::store {
namespace {

constexpr Slice kFrameMagicText = "PFRM";
constexpr uint64_t kOffsetMax = uint64_t{1} << 31;

class Scanner {
 public:
  Scanner(Slice file, uint64_t id, const FrameCodec& codec) : file_(file), id_(id), codec_(codec) {}

  ScannedSegment run() {
    uint64_t id = 0;
    size_t at = parse_segment_head(file_, id) ? kSegmentHeadBytes : 0;
    while (at < file_.size()) {
      FrameHead head;
      if (parse_frame_head(file_.substr(at), head) && head.segment == id_) {
        if (head.kind == FrameKind::kTrailer) found_.has_trailer = true;
        if (head.kind == FrameKind::kRecords) places_[head.offset] = {at, head};
        at += size_t{kFrameHeadBytes} + head.slot_bytes;
      } else {
        at = resume(at);
      }
    }
    // A frame that was moved stands behind those that follow it; the newer place counts.
    for (const auto& [offset, place] : places_) take_frame(place);
    return std::move(found_);
  }

 private:
  struct Place {
    size_t at = 0;
    FrameHead head;
  };

  // Behind a damaged head: plain records may follow, else the next head.
  size_t resume(size_t at) {
    if (at >= kSegmentHeadBytes && file_.size() - at > kFrameHeadBytes) {
      const Slice rest = file_.substr(at + kFrameHeadBytes);
      RecordView record;
      size_t bytes = 0;
      while (parse_record(rest.substr(bytes), record)) bytes += record.bytes;
      if (bytes > 0 && bytes <= kRecordBytesMax) {
        Place place{at, {}};
        const uint64_t offset = places_.empty() ? 0
                                                : uint64_t{places_.rbegin()->first} +
                                                      places_.rbegin()->second.head.raw_bytes;
        place.head.offset = static_cast<uint32_t>(std::min<uint64_t>(offset, UINT32_MAX));
        place.head.raw_bytes = static_cast<uint32_t>(bytes);
        place.head.slot_bytes = place.head.raw_bytes;
        places_[place.head.offset] = place;
        return at + kFrameHeadBytes + bytes;
      }
    }
    const size_t next = file_.find(kFrameMagicText, at + 1);
    return next == Slice::npos ? file_.size() : next;
  }

  void take_frame(const Place& place) {
    const FrameHead& head = place.head;
    if (head.offset < end() || uint64_t{head.offset} + head.raw_bytes > kOffsetMax) return;
    const Slice stored = file_.substr(place.at + kFrameHeadBytes);
    std::string raw;
    if (head.encoding == 0) {
      raw = stored.substr(0, head.raw_bytes);
    } else {
      if (uint64_t{head.raw_bytes} / 64 > head.stored_bytes) return;
      raw.resize(head.raw_bytes);
      if (!codec_.decode(head, stored, raw.data())) {
        const bool is_whole = stored.size() >= head.stored_bytes &&
                              crc32c(stored.substr(0, head.stored_bytes)) == head.stored_crc;
        found_.is_for_another_key |= is_whole && (head.encoding & kFrameEncrypted) != 0;
        return;
      }
    }
    walk(raw, head.offset);
    if (head.raw_bytes == 0) return;
    Frame frame;
    frame.offset = head.offset;
    frame.bytes = head.raw_bytes;
    frame.file_offset = place.at;
    frame.stored_bytes = head.slot_bytes;
    frame.encoding = head.encoding;
    found_.frames.all().push_back(std::move(frame));
  }

  // The records of one frame; behind a damaged one the next that is whole.
  void walk(Slice raw, uint32_t offset) {
    for (size_t at = 0; at + kRecordHeadBytes <= raw.size();) {
      RecordView record;
      const bool is_whole = parse_record(raw.substr(at), record) && follows(record) &&
                            add(record, offset + static_cast<uint32_t>(at));
      at += is_whole ? record.bytes : 1;
    }
  }

  bool follows(const RecordView& record) const {
    return record.message.sequence > last_ && record.message.sequence < UINT64_MAX;
  }

  bool add(const RecordView& record, uint32_t offset) {
    if (found_.records.empty()) base_ = record.message.sequence;
    if (record.message.sequence - base_ >= kScanSpanMax ||
        found_.records.size() >= kScanRecordsMax) {
      return false;
    }
    ScannedRecord& added = found_.records.emplace_back();
    added.sequence = record.message.sequence;
    added.time = record.message.time;
    added.subject = record.message.subject;
    added.offset = offset;
    added.bytes = record.bytes;
    added.has_header = !record.message.header.empty();
    last_ = added.sequence;
    return true;
  }

  uint32_t end() const { return found_.frames.end(); }

  static constexpr uint64_t kScanSpanMax = 1 << 18;
  static constexpr size_t kScanRecordsMax = 65535;

  const Slice file_;
  const uint64_t id_;
  const FrameCodec& codec_;
  std::map<uint32_t, Place> places_;  // of frames with records, by offset
  ScannedSegment found_;
  uint64_t base_ = 0;
  uint64_t last_ = 0;
};

}  // namespace

ScannedSegment scan_segment(Slice file, uint64_t id, const FrameCodec& codec) {
  return Scanner(file, id, codec).run();
}

}  // namespace petrel::store
