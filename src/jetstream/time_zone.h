// TimeZone: the offsets of a zone of the IANA database, from the bytes of its file (TZif).
//
// Thread: immutable values, any thread. Limits: files of at most 64 KiB.
// Source: RFC 9636 (TZif), POSIX TZ strings.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace petrel::jetstream {

class TimeZone {
 public:
  TimeZone() = default;  // UTC
  static std::optional<TimeZone> parse(Slice file);

  // Seconds east of UTC at a time in seconds since 1970.
  int64_t offset_at(int64_t utc_seconds) const;
  // The moment that a clock on the wall calls `local_seconds`; where there are two or none, one
  // near it.
  int64_t to_utc(int64_t local_seconds) const;

 private:
  struct Transition {
    int64_t at = 0;
    int64_t offset = 0;
  };
  // The day of a change in every year behind the last transition.
  struct Rule {
    enum class Kind : uint8_t { kMonthWeekDay, kDayWithoutLeap, kDay };
    Kind kind = Kind::kMonthWeekDay;
    int64_t month = 0;
    int64_t week = 0;
    int64_t day = 0;
    int64_t second = 7200;
    int64_t second_of_year(int64_t year) const;
  };
  struct Footer {
    int64_t standard = 0;
    int64_t summer = 0;
    std::optional<Rule> begin = {};
    std::optional<Rule> end = {};
    int64_t offset_at(int64_t utc_seconds) const;
  };
  class FooterReader;

  std::vector<Transition> transitions_;
  int64_t first_offset_ = 0;
  std::optional<Footer> footer_;
};

}  // namespace petrel::jetstream
