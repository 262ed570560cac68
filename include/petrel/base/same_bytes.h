// Equality of short byte strings without a call: most keys of the data path are below 32 bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace petrel {

inline bool same_bytes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const size_t size = a.size();
  const auto same = [&]<typename Word>(Word, size_t at) {
    Word left = 0;
    Word right = 0;
    std::memcpy(&left, a.data() + at, sizeof left);
    std::memcpy(&right, b.data() + at, sizeof right);
    return left == right;
  };
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) {
      if (!same(uint64_t{}, at)) return false;
    }
    return same(uint64_t{}, size - 8);
  }
  if (size >= 4) return same(uint32_t{}, 0) && same(uint32_t{}, size - 4);
  for (size_t at = 0; at < size; ++at) {
    if (a[at] != b[at]) return false;
  }
  return true;
}

}  // namespace petrel
