#include "jetstream/cron.h"

#include "jetstream/go_values.h"
#include "jetstream/json_time.h"
#include "jetstream/publish_headers.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace petrel::jetstream {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDaySeconds = 86'400;

struct Bounds {
  uint64_t min;
  uint64_t max;
  std::array<Slice, 12> names;  // the first one stands for `min`
};
constexpr Bounds kSeconds{0, 59, {}};
constexpr Bounds kHours{0, 23, {}};
constexpr Bounds kDays{1, 31, {}};
constexpr Bounds kMonths{
    1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}};
constexpr Bounds kWeekdays{0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}};

struct Field {
  uint64_t bits = 0;
  bool has_star = false;
};

std::vector<Slice> split(Slice text, char separator) {
  std::vector<Slice> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == Slice::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<uint64_t> value_of(Slice text, const Bounds& bounds) {
  for (size_t i = 0; i < bounds.names.size(); ++i) {
    if (!bounds.names[i].empty() && equals_any_case(text, bounds.names[i])) return bounds.min + i;
  }
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  return strict_number(text);
}

// "*", "5", "1-5", "*/10", "1-30/2"
bool add_range(Slice text, const Bounds& bounds, Field& field) {
  const std::vector<Slice> with_step = split(text, '/');
  const std::vector<Slice> ends = split(with_step[0], '-');
  if (with_step.size() > 2) return false;
  const bool is_star = ends[0] == "*" || ends[0] == "?";
  uint64_t low = bounds.min;
  uint64_t high = bounds.max;
  if (!is_star) {
    const auto first = value_of(ends[0], bounds);
    if (!first || ends.size() > 2) return false;
    low = high = *first;
    if (ends.size() == 2) {
      const auto last = value_of(ends[1], bounds);
      if (!last) return false;
      high = *last;
    }
  }
  uint64_t step = 1;
  if (with_step.size() == 2) {
    const auto given = strict_number(with_step[1]);
    if (!given || *given == 0) return false;
    step = *given;
    if (ends.size() == 1) high = bounds.max;
  }
  if (low < bounds.min || high > bounds.max || low > high) return false;
  for (uint64_t value = low; value <= high; value += step) field.bits |= uint64_t{1} << value;
  field.has_star |= is_star && step == 1;
  return true;
}

std::optional<Field> parse_field(Slice text, const Bounds& bounds) {
  Field field;
  for (const Slice range : split(text, ',')) {
    if (!range.empty() && !add_range(range, bounds, field)) return std::nullopt;
  }
  return field;
}

Slice named_pattern(Slice pattern) {
  if (pattern == "@yearly" || pattern == "@annually") return "0 0 0 1 1 *";
  if (pattern == "@monthly") return "0 0 0 1 * *";
  if (pattern == "@weekly") return "0 0 0 * * 0";
  if (pattern == "@daily" || pattern == "@midnight") return "0 0 0 * * *";
  if (pattern == "@hourly") return "0 0 * * * *";
  return pattern;
}

struct LocalTime {
  int64_t days = 0;
  CivilDate date = {};
  int64_t second_of_day = 0;
};

LocalTime local_time(const TimeZone& zone, int64_t utc) {
  const int64_t local = utc + zone.offset_at(utc);
  LocalTime time;
  time.days = local >= 0 ? local / kDaySeconds : (local - kDaySeconds + 1) / kDaySeconds;
  time.date = civil_from_days(time.days);
  time.second_of_day = local - time.days * kDaySeconds;
  return time;
}

bool has(uint64_t bits, int64_t value) {
  return (bits >> value & 1) != 0;
}

bool day_matches(const Cron& cron, const LocalTime& time) {
  const int64_t weekday = ((time.days % 7) + 7 + 4) % 7;
  const bool by_day = has(cron.days, time.date.day);
  const bool by_weekday = has(cron.weekdays, weekday);
  return cron.is_any_day ? by_day && by_weekday : by_day || by_weekday;
}

int64_t round_to_second(int64_t ns) {
  return (ns + kSecond / 2) / kSecond * kSecond;
}

}  // namespace

std::optional<Cron> parse_cron(Slice pattern) {
  std::vector<Slice> fields;
  for (const Slice field : split(named_pattern(pattern), ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  if (fields.size() != 6) return std::nullopt;
  const Bounds* const bounds[] = {&kSeconds, &kSeconds, &kHours, &kDays, &kMonths, &kWeekdays};
  std::array<Field, 6> parsed;
  for (size_t i = 0; i < 6; ++i) {
    const auto field = parse_field(fields[i], *bounds[i]);
    if (!field) return std::nullopt;
    parsed[i] = *field;
  }
  return Cron{parsed[0].bits,
              parsed[1].bits,
              parsed[2].bits,
              parsed[3].bits,
              parsed[4].bits,
              parsed[5].bits,
              parsed[3].has_star || parsed[5].has_star};
}

std::optional<WallTime> next_cron(const Cron& cron, const TimeZone& zone, WallTime after) {
  int64_t at = after.ns / kSecond + 1;
  const int64_t year_max = local_time(zone, at).date.year + 5;
  for (;;) {
    const LocalTime time = local_time(zone, at);
    if (time.date.year > year_max) return std::nullopt;
    const int64_t hour = time.second_of_day / 3600;
    const int64_t minute = time.second_of_day / 60 % 60;
    const int64_t second = time.second_of_day % 60;
    int64_t next = at;
    if (!has(cron.months, time.date.month)) {
      const bool is_december = time.date.month == 12;
      next = zone.to_utc(kDaySeconds * days_from_civil(time.date.year + (is_december ? 1 : 0),
                                                       is_december ? 1 : time.date.month + 1, 1));
    } else if (!day_matches(cron, time)) {
      next = zone.to_utc(kDaySeconds * (time.days + 1));
    } else if (!has(cron.hours, hour)) {
      next = at + 3600 - minute * 60 - second;
    } else if (!has(cron.minutes, minute)) {
      next = at + 60 - second;
    } else if (!has(cron.seconds, second)) {
      next = at + 1;
    } else {
      return WallTime{at * kSecond};
    }
    // Where clocks are put back, midnight may lie behind.
    at = std::max(next, at + 1);
  }
}

std::optional<ScheduleTime> next_schedule(Slice pattern, const TimeZone* zone, WallTime from,
                                          WallTime now) {
  if (pattern.starts_with("@at ")) {
    WallTime at;
    if (zone != nullptr || !read_go_time(pattern.substr(4), at).empty()) return std::nullopt;
    return ScheduleTime{at, false};
  }
  if (pattern.starts_with("@every ")) {
    const auto every = parse_go_duration(pattern.substr(7));
    if (zone != nullptr || !every || *every < Duration::seconds(1)) return std::nullopt;
    WallTime next{round_to_second(from.ns) + every->ns};
    if (next < now) next = WallTime{round_to_second(now.ns) + every->ns};
    return ScheduleTime{next, true};
  }
  const auto cron = parse_cron(pattern);
  if (!cron) return std::nullopt;
  const TimeZone utc;
  const TimeZone& used = zone == nullptr ? utc : *zone;
  auto next = next_cron(*cron, used, from);
  if (next && *next < now) next = next_cron(*cron, used, WallTime{round_to_second(now.ns)});
  if (!next) return std::nullopt;
  return ScheduleTime{*next, true};
}

}  // namespace petrel::jetstream
