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

__attribute__((target("sse4.2"))) uint32_t by_instruction(Slice bytes, uint32_t state) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t wide = state;
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    wide = _mm_crc32_u64(wide, word);
  }
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
