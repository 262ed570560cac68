#include "petrel/base/go_duration.h"

#include <array>

namespace petrel {

namespace {

// value / unit with the fraction it needs: 1500 / 1000 -> "1.5".
std::string fraction(uint64_t value, uint64_t unit) {
  std::string text = std::to_string(value / unit);
  uint64_t rest = value % unit;
  if (rest == 0) return text;
  text.push_back('.');
  while (rest != 0) {
    unit /= 10;
    text.push_back(static_cast<char>('0' + rest / unit));
    rest %= unit;
  }
  return text;
}

}  // namespace

std::string go_duration(Duration duration) {
  const bool is_negative = duration.ns < 0;
  const uint64_t ns =
      is_negative ? 0 - static_cast<uint64_t>(duration.ns) : static_cast<uint64_t>(duration.ns);
  const std::string sign = is_negative ? "-" : "";
  if (ns == 0) return "0s";
  if (ns < 1'000) return sign + std::to_string(ns) + "ns";
  if (ns < 1'000'000) return sign + fraction(ns, 1'000) + "µs";
  if (ns < 1'000'000'000) return sign + fraction(ns, 1'000'000) + "ms";
  constexpr uint64_t kMinute = 60'000'000'000;
  std::string text = sign;
  const uint64_t minutes = ns / kMinute;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + fraction(ns % kMinute, 1'000'000'000) + "s";
}

}  // namespace petrel
