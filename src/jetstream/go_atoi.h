// Integers as Go's strconv.Atoi reads them.
#pragma once

#include "petrel/base/block.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace petrel::jetstream {

// Decimal digits with at most one sign; nothing: not a number, or beyond 64 bits.
inline std::optional<int64_t> go_atoi(Slice text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace petrel::jetstream
