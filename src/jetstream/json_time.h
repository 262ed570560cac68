// Points in time as Go writes and reads them in JSON (RFC 3339 with up to nine digits).
//
// Thread: pure functions, any thread. Limits: WallTime holds the years 1678 to 2262; what lies
// before reads as kTimeMin, what lies behind as kTimeMax. kTimeMin is written as year 1.
// Source: Go time.Time.UnmarshalJSON and time.Parse, checked against Go 1.26.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <limits>
#include <string>

namespace petrel::jetstream {

inline constexpr WallTime kTimeMin{std::numeric_limits<int64_t>::min()};
inline constexpr WallTime kTimeMax{std::numeric_limits<int64_t>::max()};

// "2026-11-21T00:02:54.834199214Z", without quotes.
void append_go_time(std::string& out, WallTime time);

// Reads the characters of a JSON string. Returns an empty text, or Go's error.
std::string read_go_time(Slice text, WallTime& out);

}  // namespace petrel::jetstream
