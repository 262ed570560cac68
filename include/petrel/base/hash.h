// A fast hash of short byte strings for in-memory tables. Seeded per process by the caller when the
// bytes come from outside. On disk with seed 0 only (docs/formats/message-ids.md).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace petrel {

inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0) {
  constexpr uint64_t kFirst = 0xa0761d6478bd642fULL;
  constexpr uint64_t kSecond = 0xe7037ed1a0b428dbULL;
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t state = seed ^ hash_mix(kFirst, bytes.size() ^ kSecond);
  while (left >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, 8);
    state = hash_mix(state ^ word, kSecond);
    at += 8;
    left -= 8;
  }
  uint64_t word = 0;
  if (left >= 4) {
    uint32_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + left - 4, 4);
    word = low | (static_cast<uint64_t>(high) << 32);
  } else if (left > 0) {
    word = static_cast<uint64_t>(static_cast<unsigned char>(at[0])) |
           (static_cast<uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8) |
           (static_cast<uint64_t>(static_cast<unsigned char>(at[left - 1])) << 16);
  }
  return hash_mix(state ^ word, kFirst);
}

}  // namespace petrel
