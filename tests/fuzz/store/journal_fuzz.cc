// Segments of a journal: whatever the bytes, reading ends with records or an error, and records
// that were written are read. The first half of the input is taken for the file itself, the second
// for the bodies of records in a whole one, of which one byte is then damaged.
#include "store/journal_format.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace petrel::store;
using petrel::Slice;

size_t records_of(Slice file, bool& is_error) {
  const auto header = decode_segment_header(file);
  size_t records = 0;
  if (!header) {
    is_error = true;
    return 0;
  }
  const auto content =
      read_segment(file, *header, {}, [&records](const JournalRecord&) { ++records; });
  is_error = !content;
  return records;
}

void read_raw(Slice bytes) {
  // A right header, so that the fuzzer reaches the records.
  SegmentHeader header;
  header.journal = header.number = 1;
  bool is_error = false;
  records_of(bytes, is_error);
  records_of(encode_segment_header(header).append(bytes), is_error);
}

void read_written(Slice bodies) {
  SegmentHeader header;
  header.journal = header.number = 1;
  std::string file = encode_segment_header(header);
  RecordWriter writer{JournalOptions{}};
  uint64_t count = 0;
  for (size_t at = 0; at < bodies.size(); ++count) {
    const size_t bytes = static_cast<unsigned char>(bodies[at]);
    file.resize(round_to_sector(file.size()));
    const size_t begin = file.size();
    writer.append(file, {1, count + 1, 1, 0, bodies.substr(at, bytes)});
    seal_record(file.data() + begin, {salt_of(header), begin, count + 1, true, true});
    at += bytes + 1;
  }
  bool is_error = false;
  if (records_of(file, is_error) != count || is_error) std::abort();
  if (count < 2) return;
  // Damage before the last batch never goes unnoticed.
  const size_t place = kSegmentHeaderBytes + static_cast<unsigned char>(bodies[0]) % 40;
  file[place] = static_cast<char>(file[place] ^ 1);
  records_of(file, is_error);
  if (!is_error) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice input(reinterpret_cast<const char*>(data), size);
  read_raw(input.substr(0, size / 2));
  read_written(input.substr(size / 2));
  return 0;
}
