#include "jetstream/time_zone.h"

#include "jetstream/go_values.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

constexpr int64_t kDay = 86'400;
constexpr size_t kFileBytesMax = 64 << 10;
constexpr size_t kHeaderBytes = 44;

int64_t read_big(Slice bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  if (width == 4) return static_cast<int32_t>(static_cast<uint32_t>(value));
  return static_cast<int64_t>(value);
}

struct Counts {
  size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, chars = 0;
  size_t bytes(size_t width) const {
    return times * width + times + types * 6 + chars + leaps * (width + 4) + standard + utc;
  }
};

std::optional<Counts> read_counts(Slice header) {
  if (header.size() < kHeaderBytes || header.substr(0, 4) != "TZif") return std::nullopt;
  Counts counts;
  size_t* const fields[] = {&counts.utc,   &counts.standard, &counts.leaps,
                            &counts.times, &counts.types,    &counts.chars};
  for (size_t i = 0; i < 6; ++i)
    *fields[i] = static_cast<uint32_t>(read_big(header, 20 + i * 4, 4));
  if (std::any_of(std::begin(fields), std::end(fields),
                  [](const size_t* field) { return *field > kFileBytesMax; })) {
    return std::nullopt;
  }
  return counts;
}

int64_t year_of(int64_t seconds) {
  const int64_t days = seconds >= 0 ? seconds / kDay : (seconds - kDay + 1) / kDay;
  return civil_from_days(days).year;
}

bool is_leap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

}  // namespace

// "CET-1CEST,M3.5.0,M10.5.0/3"
class TimeZone::FooterReader {
 public:
  explicit FooterReader(Slice text) : rest_(text) {}

  std::optional<Footer> read() {
    Footer footer;
    if (!skip_name()) return std::nullopt;
    const auto standard = offset();
    if (!standard) return std::nullopt;
    footer.standard = -*standard;
    footer.summer = footer.standard;
    if (rest_.empty()) return footer;
    if (!skip_name()) return std::nullopt;
    footer.summer = footer.standard + 3600;
    if (!rest_.empty() && rest_[0] != ',') {
      const auto summer = offset();
      if (!summer) return std::nullopt;
      footer.summer = -*summer;
    }
    footer.begin = rule();
    footer.end = rule();
    if (!footer.begin || !footer.end || !rest_.empty()) return std::nullopt;
    return footer;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip_name() {
    size_t length = 0;
    if (take('<')) {
      length = rest_.find('>');
      if (length == Slice::npos) return false;
      rest_.remove_prefix(length + 1);
      return true;
    }
    while (length < rest_.size() && ((rest_[length] >= 'A' && rest_[length] <= 'Z') ||
                                     (rest_[length] >= 'a' && rest_[length] <= 'z'))) {
      ++length;
    }
    rest_.remove_prefix(length);
    return length >= 3;
  }
  std::optional<int64_t> number() {
    int64_t value = 0;
    size_t digits = 0;
    while (digits < rest_.size() && digits < 4 && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = value * 10 + (rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    return digits == 0 ? std::nullopt : std::optional(value);
  }
  // [+-]hh[:mm[:ss]] in seconds.
  std::optional<int64_t> offset() {
    const int64_t sign = take('-') ? -1 : 1;
    if (sign == 1) take('+');
    const auto hours = number();
    if (!hours) return std::nullopt;
    int64_t seconds = *hours * 3600;
    for (const int64_t unit : {int64_t{60}, int64_t{1}}) {
      if (!take(':')) break;
      const auto part = number();
      if (!part) return std::nullopt;
      seconds += *part * unit;
    }
    return sign * seconds;
  }
  std::optional<Rule> rule() {
    if (!take(',')) return std::nullopt;
    Rule rule;
    std::optional<int64_t> value;
    if (take('M')) {
      for (int64_t* field : {&rule.month, &rule.week, &rule.day}) {
        if (field != &rule.month && !take('.')) return std::nullopt;
        if (!(value = number())) return std::nullopt;
        *field = *value;
      }
      if (rule.month < 1 || rule.month > 12 || rule.week < 1 || rule.week > 5 || rule.day > 6) {
        return std::nullopt;
      }
    } else {
      rule.kind = take('J') ? Rule::Kind::kDayWithoutLeap : Rule::Kind::kDay;
      if (!(value = number())) return std::nullopt;
      rule.day = *value;
    }
    if (take('/')) {
      if (!(value = offset())) return std::nullopt;
      rule.second = *value;
    }
    return rule;
  }

  Slice rest_;
};

int64_t TimeZone::Rule::second_of_year(int64_t year) const {
  const int64_t start = days_from_civil(year, 1, 1);
  if (kind == Kind::kDay) return day * kDay + second;
  if (kind == Kind::kDayWithoutLeap) {
    return (day - 1 + (is_leap(year) && day >= 60 ? 1 : 0)) * kDay + second;
  }
  const int64_t first = days_from_civil(year, static_cast<unsigned>(month), 1);
  const int64_t behind = month == 12 ? days_from_civil(year + 1, 1, 1)
                                     : days_from_civil(year, static_cast<unsigned>(month) + 1, 1);
  const int64_t weekday = ((first % 7) + 7 + 4) % 7;  // 1970-01-01 was a Thursday
  int64_t found = first + (day - weekday + 7) % 7 + (week - 1) * 7;
  while (found >= behind) found -= 7;
  return (found - start) * kDay + second;
}

int64_t TimeZone::Footer::offset_at(int64_t utc_seconds) const {
  if (!begin) return standard;
  const int64_t year = year_of(utc_seconds + standard);
  const int64_t start = days_from_civil(year, 1, 1) * kDay;
  const int64_t from = start + begin->second_of_year(year) - standard;
  const int64_t to = start + end->second_of_year(year) - summer;
  const bool is_summer =
      from < to ? utc_seconds >= from && utc_seconds < to : utc_seconds >= from || utc_seconds < to;
  return is_summer ? summer : standard;
}

std::optional<TimeZone> TimeZone::parse(Slice file) {
  if (file.size() > kFileBytesMax) return std::nullopt;
  const auto first = read_counts(file);
  if (!first || file[4] < '2') return std::nullopt;
  const size_t second = kHeaderBytes + first->bytes(4);
  if (second > file.size()) return std::nullopt;
  const Slice part = file.substr(second);
  const auto counts = read_counts(part);
  if (!counts || part.size() < kHeaderBytes + counts->bytes(8) + 2 || counts->types == 0) {
    return std::nullopt;
  }
  const size_t times = kHeaderBytes;
  const size_t kinds = times + counts->times * 8;
  const size_t types = kinds + counts->times;
  const auto offset_of = [&](size_t type) { return read_big(part, types + type * 6, 4); };
  TimeZone zone;
  zone.first_offset_ = offset_of(0);
  for (size_t i = 0; i < counts->times; ++i) {
    const auto type = static_cast<uint8_t>(part[kinds + i]);
    if (type >= counts->types) return std::nullopt;
    zone.transitions_.push_back({read_big(part, times + i * 8, 8), offset_of(type)});
  }
  Slice footer = part.substr(kHeaderBytes + counts->bytes(8) + 1);
  footer = footer.substr(0, footer.find('\n'));
  if (!footer.empty()) zone.footer_ = FooterReader(footer).read();
  return zone;
}

int64_t TimeZone::offset_at(int64_t utc_seconds) const {
  const auto behind =
      std::upper_bound(transitions_.begin(), transitions_.end(), utc_seconds,
                       [](int64_t at, const Transition& transition) { return at < transition.at; });
  if (behind == transitions_.end() && footer_) return footer_->offset_at(utc_seconds);
  return behind == transitions_.begin() ? first_offset_ : std::prev(behind)->offset;
}

int64_t TimeZone::to_utc(int64_t local_seconds) const {
  const int64_t guess = local_seconds - offset_at(local_seconds);
  const int64_t offset = offset_at(guess);
  return local_seconds - offset;
}

}  // namespace petrel::jetstream
