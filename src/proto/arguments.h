// Arguments: a control line cut at its spaces. Thread: values, any thread.
// Source: spec protocol.md section 4.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <cstdint>

namespace petrel::proto {

inline bool is_space(char c) {
  return c == ' ' || c == '\t';
}

struct Arguments {
  static constexpr size_t kMax = 5;  // one more than any operation takes
  std::array<Slice, kMax> part;
  size_t count = 0;  // at most kMax; parts beyond are not looked at

  // True if exactly one space stands between the parts behind the first, and nothing behind the
  // last one.
  bool is_plain(Slice args) const;
};

// `line_ends_split`: CR and LF separate too, as in SUB and UNSUB.
Arguments split_arguments(Slice args, bool line_ends_split);

// 1 to 9 digits; -1 for anything else.
int64_t parse_size(Slice digits);

}  // namespace petrel::proto
