// Segment files: as they come, and with right checksums around the fuzzer's bytes so that it
// reaches the fields. What is found is inside the file and in order; an index that decodes can be
// asked.
#include "store/byte_codec.h"
#include "store/segment_index_codec.h"
#include "store/segment_scan.h"

#include "petrel/base/crc32c.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace petrel::store;
using petrel::Slice;

void require(bool is_true) {
  if (!is_true) std::abort();
}

void check_scan(Slice file) {
  const FrameCodec codec(Compression::kNone, {});
  const ScannedSegment scanned = scan_segment(file, 1, codec);
  uint64_t last = 0;
  for (const ScannedRecord& record : scanned.records) {
    require(record.sequence > last);
    require(record.bytes >= kRecordHeadBytes && record.bytes <= file.size() * 64);
    last = record.sequence;
  }
  uint64_t end = 0;
  for (const Frame& frame : scanned.frames.all()) {
    require(frame.offset >= end && frame.bytes > 0 && frame.file_offset < file.size());
    end = uint64_t{frame.offset} + frame.bytes;
  }
}

std::string framed(uint8_t encoding, Slice stored, uint32_t raw_bytes) {
  FrameHead head;
  head.encoding = encoding;
  head.segment = 1;
  head.raw_bytes = raw_bytes;
  head.stored_bytes = static_cast<uint32_t>(stored.size());
  head.slot_bytes = head.stored_bytes;
  head.stored_crc = encoding == 0 ? 0 : petrel::crc32c(stored);
  std::string file = encode_segment_head(1);
  file.resize(file.size() + kFrameHeadBytes);
  write_frame_head(head, file.data() + kSegmentHeadBytes);
  return file.append(stored);
}

void check_record(Slice bytes) {
  if (bytes.size() < kRecordHeadBytes) return;
  std::string record(bytes);
  store_le(record.data(), static_cast<uint32_t>(record.size()));
  seal_record(record.data());
  RecordView view;
  if (!parse_record(record, view)) return;
  const StoredMessage& message = view.message;
  require(record_bytes(message.subject.size(), message.header.size(), message.body.size()) ==
          record.size());
  check_scan(framed(0, record, static_cast<uint32_t>(record.size())));
}

void check_index(Slice bytes) {
  const size_t split = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]) % bytes.size();
  SubjectTable subjects;
  Segment segment;
  segment.base = 1;
  if (!SegmentIndexCodec::decode(bytes.substr(0, split), bytes.substr(split), subjects, segment)) {
    return;
  }
  SegmentIndex& index = *segment.index;
  for (uint32_t entry = 0; entry < index.entries(); ++entry) {
    require(index.lower_bound(index.position(entry)) == entry);
    require(index.next_of(index.local(entry), entry) == entry);
    (void)index.place(entry);
  }
  index.release_subjects();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice bytes(reinterpret_cast<const char*>(data), size);
  check_scan(bytes);
  check_scan(framed(0, bytes, static_cast<uint32_t>(bytes.size())));
  check_scan(framed(kFrameCompressed, bytes, static_cast<uint32_t>(bytes.size() * 3)));
  check_record(bytes);
  check_index(bytes);
  return 0;
}
