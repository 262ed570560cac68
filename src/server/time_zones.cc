#include "server/time_zones.h"

#include <array>
#include <cctype>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

namespace petrel::server {

namespace {

constexpr const char* kZoneDirectory = "/usr/share/zoneinfo/";
constexpr size_t kHeaderBytes = 44;
constexpr int64_t kDay = 86'400;

bool is_zone_name(Slice name) {
  return !name.empty() && name.front() != '/' && name.find("..") == Slice::npos &&
         name.find('\\') == Slice::npos && name.find('\0') == Slice::npos;
}

int64_t read_big_endian(Slice bytes, size_t at, size_t count) {
  uint64_t value = (static_cast<uint8_t>(bytes[at]) & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return static_cast<int64_t>(value);
}

// Days since 1970 of the first of a month.
int64_t days_to(int64_t year, int month) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t m = month <= 2 ? month + 9 : month - 3;
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 - 719'468;
}

int64_t year_of(int64_t seconds) {
  std::tm date = {};
  const std::time_t time = seconds;
  gmtime_r(&time, &date);
  return date.tm_year + 1900;
}

// What a zone file says of times behind its last entry: "CET-1CEST,M3.5.0,M10.5.0/3".
class ZoneRule {
 public:
  explicit ZoneRule(Slice text) : text_(text) {}

  std::optional<int64_t> offset_at(int64_t at) {
    if (!skip_name() || !read_offset()) return std::nullopt;
    const int64_t standard = -value_;
    if (text_.empty()) return standard;
    if (!skip_name()) return std::nullopt;
    int64_t summer = standard + 3600;
    if (!text_.empty() && text_.front() != ',') {
      if (!read_offset()) return std::nullopt;
      summer = -value_;
    }
    const int64_t year = year_of(at + standard);
    const auto begin = read_change(year);
    const auto end = read_change(year);
    if (!begin || !end) return std::nullopt;
    const int64_t from = *begin - standard;
    const int64_t until = *end - summer;
    const bool is_summer = from < until ? at >= from && at < until : at >= from || at < until;
    return is_summer ? summer : standard;
  }

 private:
  bool skip_name() {
    const bool is_quoted = !text_.empty() && text_.front() == '<';
    size_t end = 0;
    while (end < text_.size() &&
           (is_quoted ? text_[end] != '>'
                      : std::isalpha(static_cast<unsigned char>(text_[end])) != 0)) {
      ++end;
    }
    if (is_quoted) ++end;
    if (end == 0 || end > text_.size()) return false;
    text_.remove_prefix(end);
    return true;
  }

  bool read_number() {
    size_t digits = 0;
    value_ = 0;
    while (digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9') {
      value_ = value_ * 10 + (text_[digits++] - '0');
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }

  bool skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  // [+-]hh[:mm[:ss]]
  bool read_offset() {
    const bool is_negative = skip('-');
    if (!is_negative) static_cast<void>(skip('+'));
    int64_t seconds = 0;
    for (const int64_t unit : {3600, 60, 1}) {
      if (unit != 3600 && !skip(':')) break;
      if (!read_number()) return false;
      seconds += value_ * unit;
    }
    value_ = is_negative ? -seconds : seconds;
    return true;
  }

  // ",Mm.w.d[/time]": seconds since 1970 in local time. Other forms are not in use.
  std::optional<int64_t> read_change(int64_t year) {
    if (!skip(',') || !skip('M') || !read_number()) return std::nullopt;
    const auto month = static_cast<int>(value_);
    if (!skip('.') || !read_number()) return std::nullopt;
    const int64_t week = value_;
    if (!skip('.') || !read_number()) return std::nullopt;
    const int64_t weekday = value_;
    int64_t time = 2 * 3600;
    if (skip('/')) {
      if (!read_offset()) return std::nullopt;
      time = value_;
    }
    if (month < 1 || month > 12) return std::nullopt;
    const int64_t first = days_to(year, month);
    const int64_t next = month == 12 ? days_to(year + 1, 1) : days_to(year, month + 1);
    int64_t day = first + (weekday - (first + 4) % 7 + 7) % 7 + (week - 1) * 7;
    while (day >= next) day -= 7;
    return day * kDay + time;
  }

  Slice text_;
  int64_t value_ = 0;
};

// A zone file of version 2 or later (RFC 8536).
std::optional<int64_t> offset_from(const std::string& file, int64_t at) {
  const Slice bytes = file;
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 4) != "TZif" || bytes[4] < '2') {
    return std::nullopt;
  }
  const auto counts_at = [&bytes](size_t header) {
    std::array<size_t, 6> counts;
    for (size_t i = 0; i < counts.size(); ++i) {
      counts[i] = static_cast<size_t>(read_big_endian(bytes, header + 20 + 4 * i, 4)) & 0xFFFFFF;
    }
    return counts;
  };
  // UT indicators, standard indicators, leap seconds, transitions, types, characters.
  const auto old = counts_at(0);
  const size_t header =
      kHeaderBytes + old[3] * 5 + old[4] * 6 + old[5] + old[2] * 8 + old[1] + old[0];
  if (bytes.size() < header + kHeaderBytes) return std::nullopt;
  const auto counts = counts_at(header);
  const size_t times = header + kHeaderBytes;
  const size_t kinds = times + counts[3] * 8;
  const size_t types = kinds + counts[3];
  const size_t end = types + counts[4] * 6 + counts[5] + counts[2] * 12 + counts[1] + counts[0];
  if (bytes.size() < end || counts[4] == 0) return std::nullopt;
  size_t past = 0;
  while (past < counts[3] && read_big_endian(bytes, times + past * 8, 8) <= at) ++past;
  if (past == counts[3] && end + 2 < bytes.size()) {
    const Slice rule = bytes.substr(end + 1, bytes.find('\n', end + 1) - end - 1);
    if (!rule.empty()) return ZoneRule(rule).offset_at(at);
  }
  const size_t type = past == 0 ? 0 : static_cast<uint8_t>(bytes[kinds + past - 1]);
  if (type >= counts[4]) return std::nullopt;
  return read_big_endian(bytes, types + type * 6, 4);
}

}  // namespace

std::optional<int64_t> TimeZones::offset_seconds(Slice zone, WallTime at) const {
  const int64_t seconds = at.ns / 1'000'000'000;
  if (zone == "UTC") return 0;
  if (zone.empty() || zone == "Local") {
    std::tm date = {};
    const std::time_t time = seconds;
    if (localtime_r(&time, &date) == nullptr) return std::nullopt;
    return date.tm_gmtoff;
  }
  if (!is_zone_name(zone)) return std::nullopt;
  std::ifstream file(kZoneDirectory + std::string(zone), std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return std::nullopt;
  return offset_from(text.str(), seconds);
}

}  // namespace petrel::server
