// The bytes of journal segments: a header, then records in batches. A batch is written and synced
// as one; its last record is marked, so that reading can tell a torn tail (the last batch, never
// acknowledged) from damage (anything before it).
//
// Thread: values and pure functions. Source: docs/formats/journal.md.
#pragma once

#include "petrel/store/journal.h"

#include <cstdint>
#include <functional>
#include <string>

namespace petrel::store {

inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr size_t kRecordBytesMax = size_t{1} << 30;

struct SegmentHeader {
  uint64_t journal = 0;      // the number of the first segment of this journal
  uint64_t number = 0;       // of this segment; ascending, unique in the directory
  uint64_t first_batch = 0;  // number of the first batch in it; ascending in the journal from 1
  uint16_t loop = 0;
};

std::string encode_segment_header(const SegmentHeader& header);
// kNotFound: no header stands there (a retired or never used file); kCorrupt: a damaged one.
Result<SegmentHeader> decode_segment_header(Slice bytes);

// Appends a record as part of batch `batch` of segment `number`; it is finished by seal_record.
void append_record(std::string& out, const JournalRecord& record, uint64_t batch);
// Writes the checksum of the record that begins at `offset`, and whether it ends its batch. The
// number of the segment goes into the checksum: what a reused file held before is not valid in it.
void seal_record(std::string& out, size_t offset, uint64_t number, bool ends_batch);

struct SegmentContent {
  uint64_t last_batch = 0;    // the last one that is complete; first_batch - 1: none
  uint64_t torn_records = 0;  // of a batch that is not complete: left out
};

// Calls `visit` for the records of complete batches. kCorrupt: something before the last batch is
// damaged; the text names the offset.
Result<SegmentContent> read_segment(Slice bytes, const SegmentHeader& header,
                                    const std::function<void(const JournalRecord&)>& visit);

}  // namespace petrel::store
