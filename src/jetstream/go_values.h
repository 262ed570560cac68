// Durations as Go reads them, and dates of the calendar.
//
// Thread: pure functions, any thread.
// Source: Go's time.ParseDuration and time.RFC3339 documentation.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <optional>

namespace petrel::jetstream {

// "1h30m", "1.5s", "-2ms", "0"; nothing: not a duration, or beyond 64 bits of nanoseconds.
std::optional<Duration> parse_go_duration(Slice text);

// Days since 1970-01-01 of a date of the Gregorian calendar.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
struct CivilDate {
  int64_t year = 1970;
  unsigned month = 1;  // 1..12
  unsigned day = 1;    // 1..31
};
CivilDate civil_from_days(int64_t days);

}  // namespace petrel::jetstream
