// Numbers of the consumer's entries and snapshots: 7 bits in each byte, the low ones first; signed
// ones zigzag.
//
// Thread: values, any thread. Limits: a number is at most 10 bytes. Reading beyond the end gives 0
// and `is_ok` is false from then on.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <string>

namespace petrel::jetstream {

inline void append_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void append_signed(std::string& out, int64_t value) {
  append_varint(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

class VarintReader {
 public:
  explicit VarintReader(Slice bytes) : rest_(bytes) {}

  uint8_t byte() {
    if (rest_.empty()) {
      is_ok_ = false;
      return 0;
    }
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t part = byte();
      value |= static_cast<uint64_t>(part & 0x7F) << shift;
      if (part < 0x80) return value;
    }
    is_ok_ = false;
    return 0;
  }
  int64_t signed_varint() {
    const uint64_t value = varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  Slice rest() const { return rest_; }
  Slice text() {
    const uint64_t bytes = varint();
    if (bytes > rest_.size()) {
      is_ok_ = false;
      rest_ = {};
      return {};
    }
    const Slice found = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return found;
  }
  bool is_ok() const { return is_ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  Slice rest_;
  bool is_ok_ = true;
};

}  // namespace petrel::jetstream
