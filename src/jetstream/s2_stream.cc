#include "jetstream/s2_stream.h"

#include "petrel/base/crc32c.h"
#include "petrel/store/snappy_block.h"

#include <algorithm>
#include <cstring>

namespace petrel::jetstream {

namespace {

constexpr size_t kChunkHeader = 4;
constexpr size_t kChecksum = 4;
constexpr size_t kBlockMax = size_t{4} << 20;
constexpr size_t kBlockWritten = size_t{1} << 20;
constexpr Slice kMagicBody = "S2sTwO";
constexpr Slice kSnappyMagicBody = "sNaPpY";

enum ChunkType : uint8_t {
  kCompressed = 0x00,
  kPlain = 0x01,
  kSkippable = 0x80,
  kIdentifier = 0xff,
};

Error corrupt(const char* text) {
  return {Errc::kCorrupt, text};
}

uint32_t masked_checksum(Slice bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

uint8_t byte_at(Slice bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

// Little endian, `width` bytes.
uint32_t number_at(Slice bytes, size_t at, size_t width) {
  uint32_t number = 0;
  for (size_t i = width; i > 0; --i) number = (number << 8) | byte_at(bytes, at + i - 1);
  return number;
}

void append_number(std::string& out, uint32_t number, size_t width) {
  for (size_t i = 0; i < width; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}

// The length of a block that stands before it; false: cut or too long.
bool read_length(Slice& block, size_t& length) {
  length = 0;
  for (size_t shift = 0; shift < 35 && !block.empty(); shift += 7) {
    const uint8_t byte = byte_at(block, 0);
    block.remove_prefix(1);
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Decodes one block into a buffer of known size.
class BlockDecoder {
 public:
  BlockDecoder(Slice block, char* out, size_t size) : block_(block), out_(out), size_(size) {}

  bool run() {
    while (at_ < block_.size()) {
      const uint8_t tag = byte_at(block_, at_);
      if (!((tag & 3) == 0 ? literal(tag) : copy(tag))) return false;
    }
    return done_ == size_;
  }

 private:
  bool has(size_t bytes) const { return block_.size() - at_ >= bytes; }

  bool literal(uint8_t tag) {
    size_t length = tag >> 2;
    ++at_;
    if (length >= 60) {
      const size_t width = length - 59;
      if (!has(width)) return false;
      length = number_at(block_, at_, width);
      at_ += width;
    }
    ++length;
    if (!has(length) || length > size_ - done_) return false;
    std::memcpy(out_ + done_, block_.data() + at_, length);
    at_ += length;
    done_ += length;
    return true;
  }

  bool copy(uint8_t tag) {
    size_t length = 1 + (tag >> 2);
    if ((tag & 3) == 1) return near_copy(tag);
    const size_t width = (tag & 3) == 2 ? 2 : 4;
    if (!has(1 + width)) return false;
    offset_ = number_at(block_, at_ + 1, width);
    at_ += 1 + width;
    return repeat(length);
  }

  // Eleven bits of offset; none of them set repeats the last offset, with long lengths.
  bool near_copy(uint8_t tag) {
    if (!has(2)) return false;
    const size_t offset = (static_cast<size_t>(tag & 0xe0) << 3) | byte_at(block_, at_ + 1);
    size_t length = (tag >> 2) & 7;
    at_ += 2;
    if (offset != 0) {
      offset_ = offset;
    } else if (length >= 5) {
      constexpr size_t kBase[] = {4, 1 << 8, 1 << 16};
      const size_t width = length - 4;
      if (!has(width)) return false;
      length = number_at(block_, at_, width) + kBase[width - 1];
      at_ += width;
    }
    return repeat(length + 4);
  }

  bool repeat(size_t length) {
    if (offset_ == 0 || offset_ > done_ || length > size_ - done_) return false;
    // Byte by byte: the source may overlap what is written.
    for (size_t i = 0; i < length; ++i, ++done_) out_[done_] = out_[done_ - offset_];
    return true;
  }

  Slice block_;
  char* out_;
  size_t size_;
  size_t at_ = 0;
  size_t done_ = 0;
  size_t offset_ = 0;
};

}  // namespace

bool s2_decode_block(Slice block, char* out, size_t size) {
  return BlockDecoder(block, out, size).run();
}

Status S2Reader::feed(Slice bytes, std::string& out) {
  buffer_.append(bytes);
  size_t at = 0;
  while (buffer_.size() - at >= kChunkHeader) {
    const size_t length = number_at(buffer_, at + 1, 3);
    if (buffer_.size() - at - kChunkHeader < length) break;
    const Slice body = Slice(buffer_).substr(at + kChunkHeader, length);
    PETREL_TRY_STATUS(take_chunk(byte_at(buffer_, at), body, out));
    at += kChunkHeader + length;
  }
  buffer_.erase(0, at);
  return {};
}

Status S2Reader::take_chunk(uint8_t type, Slice body, std::string& out) {
  if (type == kIdentifier) {
    if (body != kMagicBody && body != kSnappyMagicBody) return corrupt("s2: corrupt input");
    begun_ = true;
    return {};
  }
  if (!begun_) return corrupt("s2: corrupt input");
  if (type >= kSkippable) return {};
  if (type != kCompressed && type != kPlain) return corrupt("s2: unsupported input");
  if (body.size() < kChecksum) return corrupt("s2: corrupt input");
  const uint32_t checksum = number_at(body, 0, kChecksum);
  body.remove_prefix(kChecksum);
  const size_t before = out.size();
  if (type == kPlain) {
    if (body.size() > kBlockMax) return corrupt("s2: corrupt input");
    out.append(body);
  } else {
    size_t length = 0;
    if (!read_length(body, length) || length > kBlockMax) return corrupt("s2: corrupt input");
    out.resize(before + length);
    if (!s2_decode_block(body, out.data() + before, length)) return corrupt("s2: corrupt input");
  }
  if (masked_checksum(Slice(out).substr(before)) != checksum) return corrupt("s2: corrupt input");
  return {};
}

void S2Writer::write(Slice bytes, std::string& out) {
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kBlockWritten - block_.size());
    block_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (block_.size() == kBlockWritten) flush(out);
  }
}

void S2Writer::flush(std::string& out) {
  if (!begun_) {
    out.append("\xff\x06", 2).append(2, '\0').append(kMagicBody);
    begun_ = true;
  }
  if (block_.empty()) return;
  write_block(block_, out);
  block_.clear();
}

void S2Writer::write_block(Slice block, std::string& out) {
  const std::string packed = store::snappy_compress(block);
  const bool is_smaller = packed.size() < block.size();
  const Slice body = is_smaller ? Slice(packed) : block;
  out.push_back(static_cast<char>(is_smaller ? kCompressed : kPlain));
  append_number(out, static_cast<uint32_t>(body.size() + kChecksum), 3);
  append_number(out, masked_checksum(block), kChecksum);
  out.append(body);
}

}  // namespace petrel::jetstream
