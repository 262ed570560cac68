// Unsigned numbers as decimal digits, two at a time and without a loop: a delivery writes seven.
// Thread: pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace petrel::jetstream {

inline constexpr size_t kDecimalBytesMax = 20;

namespace decimal {

inline constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

inline char* put_two(char* to, uint32_t value) {
  std::memcpy(to, &kPairs[size_t{2} * value], 2);
  return to + 2;
}
inline char* put_four(char* to, uint32_t value) {
  return put_two(put_two(to, value / 100), value % 100);
}
inline char* put_eight(char* to, uint32_t value) {
  return put_four(put_four(to, value / 10'000), value % 10'000);
}
inline char* put_below_100(char* to, uint32_t value) {
  if (value >= 10) return put_two(to, value);
  *to = static_cast<char>('0' + value);
  return to + 1;
}
inline char* put_below_10000(char* to, uint32_t value) {
  if (value < 100) return put_below_100(to, value);
  return put_two(put_below_100(to, value / 100), value % 100);
}

}  // namespace decimal

// Writes `value` to `to`, which has room for kDecimalBytesMax. Returns the end.
inline char* put_decimal(char* to, uint64_t value) {
  constexpr uint64_t kEight = 100'000'000;
  if (value >= kEight) {
    to = put_decimal(to, value / kEight);
    return decimal::put_eight(to, static_cast<uint32_t>(value % kEight));
  }
  const auto small = static_cast<uint32_t>(value);
  if (small < 10'000) return decimal::put_below_10000(to, small);
  to = decimal::put_below_10000(to, small / 10'000);
  return decimal::put_four(to, small % 10'000);
}

}  // namespace petrel::jetstream
