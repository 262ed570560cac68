// The bytes of journal segments: a header, then records in batches. A batch is written and synced
// as one; its first and its last record are marked, so that reading can tell a torn tail (the last
// batch, never acknowledged) from damage (anything before it).
//
// Thread: values and pure functions. Source: docs/formats/journal.md.
#pragma once

#include "petrel/store/journal.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace petrel::store {

// Header and batches begin at sectors of the disk: what was synced is never written again.
inline constexpr size_t kSectorBytes = 512;
inline constexpr size_t kSegmentHeaderBytes = kSectorBytes;
inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr size_t kRecordBytesMax = size_t{1} << 30;
inline constexpr size_t kSeedBytes = kJournalSeedBytes;
// A batch of one such record stands in a segment that is too small for the next record.
inline constexpr uint8_t kFillerKind = 0xff;

struct SegmentHeader {
  uint64_t journal = 0;  // the number of the first segment of this journal
  uint64_t number = 0;   // of this segment; ascending without gaps, unique in the directory
  uint64_t bytes = 0;    // of the file
  uint16_t loop = 0;
  std::string seed = {};  // of nonces and checksums; may be empty without encryption
};

constexpr uint64_t round_to_sector(uint64_t bytes) {
  return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

std::string encode_segment_header(const SegmentHeader& header);
// kNotFound: no header ever stood there (a file that was not finished); kCorrupt: a damaged one.
Result<SegmentHeader> decode_segment_header(Slice bytes);

// Turns records into bytes. The body is encrypted when there is a key.
class RecordWriter {
 public:
  explicit RecordWriter(const JournalOptions& options) : key_(options.key), seed_(options.seed) {}
  // Appends a record; it is finished by seal_record.
  void append(std::string& out, const JournalRecord& record);
  size_t bytes_of(const JournalRecord& record) const;

 private:
  const std::string key_;
  const std::string seed_;
  uint64_t encrypted_ = 0;  // how many times a nonce was used
};

// Goes into every checksum of the segment: nothing that stood in the file before is valid, and
// nobody outside can make a message that looks like a record.
uint64_t salt_of(const SegmentHeader& header);

struct RecordPlace {
  uint64_t salt = 0;
  uint64_t offset = 0;  // in the file
  uint64_t batch = 0;
  bool begins_batch = false;
  bool ends_batch = false;
};
struct RecordName {
  GroupId group = 0;
  uint64_t index = 0;
};
// Length of the record that `bytes` begins with; it was appended, not read.
size_t record_bytes(Slice bytes);
// Writes place and checksum of the record that begins at `record`.
RecordName seal_record(char* record, const RecordPlace& place);

struct SegmentContent {
  uint64_t first_batch = 0;  // 0: no complete batch
  uint64_t last_batch = 0;
  bool has_torn_batch = false;  // behind the last complete one
  uint64_t end = 0;             // where reading ended
};

// Calls `visit` for the records of complete batches. kCorrupt: something before the last batch is
// damaged, or no key fits; the text names the offset.
Result<SegmentContent> read_segment(Slice bytes, const SegmentHeader& header,
                                    const std::vector<std::string>& keys,
                                    const std::function<void(const JournalRecord&)>& visit);

}  // namespace petrel::store
