// The framed stream of S2 (and of Snappy): chunks with checksums.
//
// Thread: values, any thread. Limits: chunks of 16 MiB, blocks of 4 MiB; one chunk is buffered.
// Source: google/snappy framing_format.txt; the S2 extensions (magic, larger blocks, repeated
// offsets) as documented by klauspost/compress.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>

namespace petrel::jetstream {

class S2Reader {
 public:
  // Takes bytes as they come and appends what they decode to. kCorrupt: not such a stream.
  Status feed(Slice bytes, std::string& out);
  // Whether the bytes end between two chunks.
  bool is_between_chunks() const { return buffer_.empty() && begun_; }

 private:
  Status take_chunk(uint8_t type, Slice body, std::string& out);
  std::string buffer_;
  bool begun_ = false;
};

class S2Writer {
 public:
  // Appends chunks to `out` whenever a block is full.
  void write(Slice bytes, std::string& out);
  // Writes what is left.
  void flush(std::string& out);

 private:
  void write_block(Slice block, std::string& out);
  std::string block_;
  bool begun_ = false;
};

// One block behind its length; false: damaged. `out` has the length that is expected.
bool s2_decode_block(Slice block, char* out, size_t size);

}  // namespace petrel::jetstream
