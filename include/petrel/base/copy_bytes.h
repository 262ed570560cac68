// Copies short byte strings without a call: most frames are a few words long, and a call of memcpy
// costs more than the words.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace petrel {

// Returns the end of what was written. REQUIRES: no overlap.
inline char* copy_bytes(char* to, std::string_view from) {
  const size_t size = from.size();
  const auto both_ends = [&]<typename Word>(Word front) {
    Word back;
    std::memcpy(&front, from.data(), sizeof front);
    std::memcpy(&back, from.data() + size - sizeof back, sizeof back);
    std::memcpy(to, &front, sizeof front);
    std::memcpy(to + size - sizeof back, &back, sizeof back);
  };
  if (size > 64) {
    std::memcpy(to, from.data(), size);
  } else if (size >= 32) {
    both_ends(std::array<char, 32>{});
  } else if (size >= 16) {
    both_ends(std::array<char, 16>{});
  } else if (size >= 8) {
    both_ends(uint64_t{});
  } else if (size >= 4) {
    both_ends(uint32_t{});
  } else {
    for (size_t i = 0; i < size; ++i) to[i] = from[i];
  }
  return to + size;
}

}  // namespace petrel
