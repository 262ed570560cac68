#include "petrel/base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace petrel {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0U);
    table[i] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = make_table();

uint32_t by_table(Slice bytes, uint32_t state) {
  for (const char byte : bytes) {
    state = kTable[(state ^ static_cast<unsigned char>(byte)) & 0xff] ^ (state >> 8);
  }
  return state;
}

#if defined(__x86_64__)

// What `zeros` bytes of zero behind a checksum make of it, a byte of the checksum at a time.
template <size_t zeros>
constexpr std::array<std::array<uint32_t, 256>, 4> make_shift() {
  std::array<uint32_t, 32> bits{};
  for (size_t bit = 0; bit < bits.size(); ++bit) {
    uint32_t state = uint32_t{1} << bit;
    for (size_t i = 0; i < zeros; ++i) state = kTable[state & 0xff] ^ (state >> 8);
    bits[bit] = state;
  }
  std::array<std::array<uint32_t, 256>, 4> shift{};
  for (size_t byte = 0; byte < 4; ++byte) {
    for (size_t value = 0; value < 256; ++value) {
      for (size_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) != 0) shift[byte][value] ^= bits[8 * byte + bit];
      }
    }
  }
  return shift;
}

template <size_t zeros>
uint32_t shifted(uint64_t state) {
  static constexpr auto kShift = make_shift<zeros>();
  return kShift[0][state & 0xff] ^ kShift[1][state >> 8 & 0xff] ^ kShift[2][state >> 16 & 0xff] ^
         kShift[3][state >> 24 & 0xff];
}

inline uint64_t word_at(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Three runs of `run` bytes side by side: the instruction takes three cycles, and one can begin in
// each.
template <size_t run>
__attribute__((target("sse4.2"))) uint32_t by_three(const char*& at, size_t& left, uint32_t state) {
  for (; left >= 3 * run; at += 3 * run, left -= 3 * run) {
    uint64_t first = state;
    uint64_t second = 0;
    uint64_t third = 0;
    for (const char* word = at; word != at + run; word += 8) {
      first = _mm_crc32_u64(first, word_at(word));
      second = _mm_crc32_u64(second, word_at(word + run));
      third = _mm_crc32_u64(third, word_at(word + 2 * run));
    }
    state = shifted<run>(shifted<run>(first) ^ second) ^ static_cast<uint32_t>(third);
  }
  return state;
}

__attribute__((target("sse4.2"))) uint32_t by_instruction(Slice bytes, uint32_t state) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  state = by_three<336>(at, left, state);
  state = by_three<64>(at, left, state);
  uint64_t wide = state;
  for (; left >= 8; at += 8, left -= 8) wide = _mm_crc32_u64(wide, word_at(at));
  state = static_cast<uint32_t>(wide);
  for (; left > 0; ++at, --left) state = _mm_crc32_u8(state, static_cast<unsigned char>(*at));
  return state;
}

bool has_instruction() {
  return __builtin_cpu_supports("sse4.2") != 0;
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t by_instruction(Slice bytes, uint32_t state) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    state = __crc32cd(state, word);
  }
  for (; left > 0; ++at, --left) state = __crc32cb(state, static_cast<unsigned char>(*at));
  return state;
}

bool has_instruction() {
  return true;
}

#else

uint32_t by_instruction(Slice bytes, uint32_t state) {
  return by_table(bytes, state);
}

bool has_instruction() {
  return false;
}

#endif

}  // namespace

uint32_t crc32c(Slice bytes, uint32_t before) {
  static const bool kHasInstruction = has_instruction();
  const uint32_t state = ~before;
  return ~(kHasInstruction ? by_instruction(bytes, state) : by_table(bytes, state));
}

}  // namespace petrel
