#include "petrel/base/go_time.h"

#include <chrono>
#include <cstdint>

namespace petrel {

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

std::string go_time(WallTime time) {
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

}  // namespace petrel
