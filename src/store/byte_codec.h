// ByteWriter, ByteReader: integers and texts in the formats of the store; little-endian.
// Thread: values. A reader that ran over the end answers zeros and is_ok() false from then on.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace petrel::store {

template <typename T>
inline void store_le(char* out, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(out, &value, sizeof(value));
}

template <typename T>
inline T load_le(const char* in) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}

class ByteWriter {
 public:
  ByteWriter() = default;
  // Goes on behind `bytes`.
  explicit ByteWriter(std::string bytes) : bytes_(std::move(bytes)) {}

  template <typename T>
  void fixed(T value) {
    char bytes[sizeof(T)];
    store_le(bytes, value);
    bytes_.append(bytes, sizeof(T));
  }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }
  void text(Slice text) {
    varint(text.size());
    bytes_.append(text);
  }
  void raw(const void* data, size_t bytes) { bytes_.append(static_cast<const char*>(data), bytes); }
  size_t size() const { return bytes_.size(); }
  std::string& bytes() { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(Slice bytes) : rest_(bytes) {}

  template <typename T>
  T fixed() {
    const Slice bytes = raw(sizeof(T));
    return is_ok_ ? load_le<T>(bytes.data()) : T{};
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const Slice byte = raw(1);
      if (!is_ok_) return 0;
      value |= static_cast<uint64_t>(byte[0] & 0x7f) << shift;
      if ((byte[0] & 0x80) == 0) return value;
    }
    is_ok_ = false;
    return 0;
  }
  Slice text() { return raw(varint()); }
  Slice raw(uint64_t bytes) {
    if (!is_ok_ || bytes > rest_.size()) {
      is_ok_ = false;
      return {};
    }
    const Slice taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  size_t left() const { return rest_.size(); }
  bool is_ok() const { return is_ok_; }
  void fail() { is_ok_ = false; }

 private:
  Slice rest_;
  bool is_ok_ = true;
};

}  // namespace petrel::store
