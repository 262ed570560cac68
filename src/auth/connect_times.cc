#include "auth/connect_times.h"

#include <cstdlib>

namespace petrel::auth {

namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kSecond = 1'000'000'000;

// "15:04:05" as nanoseconds of the day.
int64_t of_day(const std::string& text) {
  int64_t parts[3] = {};
  size_t at = 0;
  for (const char c : text) {
    if (c == ':') {
      if (++at == 3) break;
    } else {
      parts[at] = parts[at] * 10 + (c - '0');
    }
  }
  return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * kSecond;
}

// How long a window that may cross midnight stays open; nothing when it is closed.
std::optional<int64_t> remaining(int64_t start, int64_t end, int64_t now) {
  if (start < now && now < end) return end - now;
  if (start <= end) return std::nullopt;
  if (now < end) return end - now;
  if (start < now) return end + kDay * kSecond - now;
  return std::nullopt;
}

}  // namespace

ConnectWindow connect_window(const UserLimits& limits, WallTime now, const LocalClock& clock) {
  ConnectWindow window;
  if (limits.times.empty()) {
    window.is_open = true;
    return window;
  }
  const auto offset = clock.offset_seconds(limits.times_location, now);
  if (!offset) return window;
  const int64_t local = now.ns + *offset * kSecond;
  const int64_t day = kDay * kSecond;
  const int64_t time_of_day = (local % day + day) % day;
  for (const TimeRange& range : limits.times) {
    const auto left = remaining(of_day(range.start), of_day(range.end), time_of_day);
    if (!left) continue;
    window.is_open = true;
    if (!window.remaining || window.remaining->ns < *left) window.remaining = Duration{*left};
  }
  return window;
}

}  // namespace petrel::auth
