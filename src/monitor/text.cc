#include "petrel/monitor/text.h"

#include "petrel/base/go_duration.h"
#include "petrel/base/go_time.h"

namespace petrel::monitor {

namespace {
constexpr int64_t kNanosPerSecond = 1'000'000'000;
}  // namespace

std::string time_text(WallTime time) {
  return go_time(time);
}

std::string uptime_text(Duration span) {
  const int64_t seconds = span.ns / kNanosPerSecond;
  const int64_t minutes = seconds / 60;
  const int64_t hours = minutes / 60;
  const int64_t days = hours / 24;
  const int64_t years = days / 365;
  std::string text;
  if (years > 0) text += std::to_string(years) + "y";
  if (days > 0) text += std::to_string(days % 365) + "d";
  if (hours > 0) text += std::to_string(hours % 24) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + std::to_string(seconds % 60) + "s";
}

std::string rtt_text(Duration rtt) {
  const Duration micro = Duration::micros(1);
  const bool is_cut = rtt > micro && rtt < Duration::millis(1);
  return go_duration(is_cut ? micro * (rtt.ns / micro.ns) : rtt);
}

}  // namespace petrel::monitor
