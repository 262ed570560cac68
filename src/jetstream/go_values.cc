#include "jetstream/go_values.h"

#include <limits>
#include <utility>

namespace petrel::jetstream {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The unit at the start of `text` in nanoseconds, and its length; 0: none.
std::pair<int64_t, size_t> unit_of(Slice text) {
  if (text.starts_with("ns")) return {1, 2};
  if (text.starts_with("us")) return {1'000, 2};
  if (text.starts_with("\xc2\xb5s") || text.starts_with("\xce\xbcs")) return {1'000, 3};
  if (text.starts_with("ms")) return {1'000'000, 2};
  if (text.starts_with("s")) return {1'000'000'000, 1};
  if (text.starts_with("m")) return {60'000'000'000, 1};
  if (text.starts_with("h")) return {3'600'000'000'000, 1};
  return {0, 0};
}

__extension__ using Wide = __int128;

// One "1.5h" from the front of `text`, in nanoseconds.
std::optional<Wide> take_part(Slice& text) {
  Wide whole = 0;
  Wide fraction = 0;
  Wide scale = 1;
  bool has_digits = false;
  while (!text.empty() && is_digit(text[0])) {
    whole = whole * 10 + (text[0] - '0');
    if (whole > std::numeric_limits<int64_t>::max()) return std::nullopt;
    has_digits = true;
    text.remove_prefix(1);
  }
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    while (!text.empty() && is_digit(text[0])) {
      if (scale < 1'000'000'000'000'000'000) {
        fraction = fraction * 10 + (text[0] - '0');
        scale *= 10;
      }
      has_digits = true;
      text.remove_prefix(1);
    }
  }
  if (!has_digits) return std::nullopt;
  const auto [unit, length] = unit_of(text);
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return whole * unit + fraction * unit / scale;
}

}  // namespace

std::optional<Duration> parse_go_duration(Slice text) {
  bool is_negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    is_negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration{0};
  if (text.empty()) return std::nullopt;
  Wide total = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part) return std::nullopt;
    total += *part;
    if (total > std::numeric_limits<int64_t>::max()) return std::nullopt;
  }
  return Duration{static_cast<int64_t>(is_negative ? -total : total)};
}

int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (int64_t{month} + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate civil_from_days(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * shifted + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(shifted < 10 ? shifted + 3 : shifted - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace petrel::jetstream
