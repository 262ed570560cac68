#include "petrel/monitor/text.h"

#include "petrel/base/go_duration.h"

#include <chrono>

namespace petrel::monitor {

namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

std::string padded(int64_t number, size_t digits) {
  std::string text = std::to_string(number);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

std::string fraction_text(int64_t nanos) {
  if (nanos == 0) return "";
  std::string digits = padded(nanos, 9);
  digits.erase(digits.find_last_not_of('0') + 1);
  return "." + digits;
}

}  // namespace

std::string time_text(WallTime time) {
  using std::chrono::days;
  int64_t seconds = time.ns / kNanosPerSecond;
  int64_t nanos = time.ns % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<days>(at);
  const std::chrono::year_month_day date(day);
  const int64_t of_day = (at - day).count();
  return padded(static_cast<int>(date.year()), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(of_day / 3600, 2) + ":" +
         padded(of_day / 60 % 60, 2) + ":" + padded(of_day % 60, 2) + fraction_text(nanos) + "Z";
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
