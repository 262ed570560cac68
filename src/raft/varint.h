// Varints (seven bits a byte, low first) written to a string and read with bounds. Thread: any.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <string>

namespace petrel::raft {

inline void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// Reads fields one after another; after the first bad one every read gives 0 and is_ok() is false.
class VarintReader {
 public:
  explicit VarintReader(Slice bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  uint8_t byte() {
    if (at_ == end_) return fail();
    return static_cast<uint8_t>(*at_++);
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const auto part = static_cast<uint8_t>(*at_++);
      if (shift == 63 && part > 1) return fail();
      value |= static_cast<uint64_t>(part & 0x7f) << shift;
      if (part < 0x80) return value;
    }
    return fail();
  }

  Slice bytes(uint64_t count) {
    if (count > static_cast<uint64_t>(end_ - at_)) {
      fail();
      return {};
    }
    const Slice found(at_, count);
    at_ += count;
    return found;
  }

  bool is_ok() const { return ok_; }
  bool is_at_end() const { return at_ == end_; }
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }

 private:
  uint8_t fail() {
    ok_ = false;
    at_ = end_;
    return 0;
  }
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace petrel::raft
