#include "store/journal_format.h"

#include "store/byte_codec.h"

#include "petrel/base/crc32c.h"

#include <vector>

namespace petrel::store {

namespace {

constexpr Slice kMagic = "PTRLJNL1";
constexpr uint16_t kRecordMagic = 0x5250;
constexpr uint8_t kEndsBatch = 1;

// Offsets in the header of a record: crc u32, bytes u32, group u64, index u64, batch u64, term u32,
// magic u16, kind u8, flags u8.
constexpr size_t kBytesAt = 4;
constexpr size_t kGroupAt = 8;
constexpr size_t kIndexAt = 16;
constexpr size_t kBatchAt = 24;
constexpr size_t kTermAt = 32;
constexpr size_t kMagicAt = 36;
constexpr size_t kKindAt = 38;
constexpr size_t kFlagsAt = 39;

struct Record {
  JournalRecord record;
  uint64_t batch = 0;
  bool ends_batch = false;
  size_t bytes = 0;  // with its header
};

uint32_t checksum(Slice record, uint64_t number) {
  char salt[sizeof(number)];
  store_le(salt, number);
  return crc32c(record.substr(kBytesAt), crc32c(Slice(salt, sizeof(salt))));
}

// False: no valid record begins here.
bool read_record(Slice bytes, uint64_t number, Record& out) {
  if (bytes.size() < kRecordHeaderBytes) return false;
  if (load_le<uint16_t>(bytes.data() + kMagicAt) != kRecordMagic) return false;
  const auto length = load_le<uint32_t>(bytes.data() + kBytesAt);
  if (length > bytes.size() - kRecordHeaderBytes) return false;
  const Slice whole = bytes.substr(0, kRecordHeaderBytes + length);
  if (load_le<uint32_t>(whole.data()) != checksum(whole, number)) return false;
  out.record.group = load_le<uint64_t>(whole.data() + kGroupAt);
  out.record.index = load_le<uint64_t>(whole.data() + kIndexAt);
  out.record.term = load_le<uint32_t>(whole.data() + kTermAt);
  out.record.kind = static_cast<uint8_t>(whole[kKindAt]);
  out.record.bytes = whole.substr(kRecordHeaderBytes);
  out.batch = load_le<uint64_t>(whole.data() + kBatchAt);
  out.ends_batch = (static_cast<uint8_t>(whole[kFlagsAt]) & kEndsBatch) != 0;
  out.bytes = whole.size();
  return true;
}

// The highest batch of any valid record behind a damaged place; 0: none.
uint64_t batch_behind(Slice bytes, uint64_t number) {
  uint64_t highest = 0;
  for (size_t at = 1; at + kRecordHeaderBytes <= bytes.size(); ++at) {
    Record record;
    if (!read_record(bytes.substr(at), number, record)) continue;
    highest = std::max(highest, record.batch);
    at += record.bytes - 1;
  }
  return highest;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  ByteWriter out;
  out.fixed(header.journal);
  out.fixed(header.number);
  out.fixed(header.first_batch);
  out.fixed(header.loop);
  std::string text(kMagic);
  text.append(out.bytes());
  text.resize(kSegmentHeaderBytes - sizeof(uint32_t), '\0');
  char crc[sizeof(uint32_t)];
  store_le(crc, crc32c(text));
  return text.append(crc, sizeof(crc));
}

Result<SegmentHeader> decode_segment_header(Slice bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return Error{Errc::kNotFound, "no segment header"};
  const Slice header = bytes.substr(0, kSegmentHeaderBytes);
  if (header.find_first_not_of('\0') == Slice::npos) {
    return Error{Errc::kNotFound, "no segment header"};
  }
  const Slice checked = header.substr(0, kSegmentHeaderBytes - sizeof(uint32_t));
  if (load_le<uint32_t>(header.data() + checked.size()) != crc32c(checked)) {
    return Error{Errc::kCorrupt, "segment header is damaged at offset 0"};
  }
  if (header.substr(0, kMagic.size()) != kMagic) {
    return Error{Errc::kCorrupt, "segment of an unknown format"};
  }
  const char* at = header.data() + kMagic.size();
  SegmentHeader out;
  out.journal = load_le<uint64_t>(at);
  out.number = load_le<uint64_t>(at + 8);
  out.first_batch = load_le<uint64_t>(at + 16);
  out.loop = load_le<uint16_t>(at + 24);
  return out;
}

void append_record(std::string& out, const JournalRecord& record, uint64_t batch) {
  char header[kRecordHeaderBytes] = {};
  store_le(header + kBytesAt, static_cast<uint32_t>(record.bytes.size()));
  store_le(header + kGroupAt, record.group);
  store_le(header + kIndexAt, record.index);
  store_le(header + kBatchAt, batch);
  store_le(header + kTermAt, static_cast<uint32_t>(record.term));
  store_le(header + kMagicAt, kRecordMagic);
  header[kKindAt] = static_cast<char>(record.kind);
  out.append(header, sizeof(header)).append(record.bytes);
}

void seal_record(std::string& out, size_t offset, uint64_t number, bool ends_batch) {
  char* const record = out.data() + offset;
  record[kFlagsAt] = static_cast<char>(ends_batch ? kEndsBatch : 0);
  const auto length = load_le<uint32_t>(record + kBytesAt);
  store_le(record, checksum(Slice(record, kRecordHeaderBytes + length), number));
}

Result<SegmentContent> read_segment(Slice bytes, const SegmentHeader& header,
                                    const std::function<void(const JournalRecord&)>& visit) {
  SegmentContent content;
  content.last_batch = header.first_batch - 1;
  std::vector<JournalRecord> batch;
  size_t at = kSegmentHeaderBytes;
  Record record;
  while (read_record(bytes.substr(std::min(at, bytes.size())), header.number, record)) {
    if (record.batch != content.last_batch + 1) break;
    batch.push_back(record.record);
    at += record.bytes;
    if (!record.ends_batch) continue;
    for (const JournalRecord& each : batch) visit(each);
    batch.clear();
    content.last_batch = record.batch;
  }
  content.torn_records = batch.size();
  // A batch is written only when the one before it is on disk: valid records of a later batch than
  // the one that ends here mean that this one was whole once.
  if (at < bytes.size() && batch_behind(bytes.substr(at), header.number) > content.last_batch + 1) {
    return Error{Errc::kCorrupt, "damaged record at offset " + std::to_string(at)};
  }
  return content;
}

}  // namespace petrel::store
