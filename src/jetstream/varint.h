// Integers of variable length as Go's encoding/binary writes them.
// Thread: values, any thread.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <string>

namespace petrel::jetstream {

inline void append_uvarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Signed ones alternate: 0, -1, 1, -2 ...
inline void append_varint(std::string& out, int64_t value) {
  const uint64_t twice = static_cast<uint64_t>(value) << 1;
  append_uvarint(out, value < 0 ? ~twice : twice);
}

// Reads numbers one after another. Behind a cut or an invalid one everything is 0.
class GoVarintReader {
 public:
  explicit GoVarintReader(Slice bytes) : rest_(bytes) {}

  uint64_t uvarint() {
    if (is_cut_ || is_invalid_) return 0;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (rest_.empty()) {
        is_cut_ = true;
        return 0;
      }
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    is_invalid_ = true;
    return 0;
  }
  int64_t varint() {
    const uint64_t twice = uvarint();
    const auto half = static_cast<int64_t>(twice >> 1);
    return (twice & 1) != 0 ? ~half : half;
  }

  bool is_cut() const { return is_cut_; }
  bool is_invalid() const { return is_invalid_; }
  bool is_ok() const { return !is_cut_ && !is_invalid_; }
  Slice rest() const { return rest_; }

 private:
  Slice rest_;
  bool is_cut_ = false;
  bool is_invalid_ = false;
};

}  // namespace petrel::jetstream
