// Schedule: when a message schedule fires: "@at", "@every", a cron pattern of six fields.
//
// Thread: values and pure functions, any thread. Cost of a search: at most five years of days.
// Source: spec streams.md section 6.
#pragma once

#include "jetstream/time_zone.h"

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <optional>

namespace petrel::jetstream {

struct Cron {
  uint64_t seconds = 0;  // bit per value
  uint64_t minutes = 0;
  uint64_t hours = 0;
  uint64_t days = 0;
  uint64_t months = 0;
  uint64_t weekdays = 0;
  bool is_any_day = false;  // a star in days or weekdays: both must match, else one is enough
};

// "sec min hour dom mon dow", or "@daily" and its like.
std::optional<Cron> parse_cron(Slice pattern);
// First match after `after`; nothing within five years: none.
std::optional<WallTime> next_cron(const Cron& cron, const TimeZone& zone, WallTime after);

struct ScheduleTime {
  WallTime next = {};
  bool repeats = false;
};
// When a schedule that was stored or fired at `from` fires (again). What would have fired in the
// past fires once. `zone`: null for none given. Nothing: the pattern is invalid.
std::optional<ScheduleTime> next_schedule(Slice pattern, const TimeZone* zone, WallTime from,
                                          WallTime now);

}  // namespace petrel::jetstream
