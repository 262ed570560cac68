// Numbers, durations and types as Go reads and prints them, because they stand in messages and in
// the configuration itself.
// Thread: any. Source: Go's strconv, time and fmt documentation, checked against nats-server.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/conf/config_tree.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace petrel::conf {

// "1.5h", "300ms", "-2m30s". Error::detail: time: unknown unit "x" in duration "1x".
Result<Duration> parse_duration(std::string_view text);

// 1m30s, 1.5ms, 0s.
std::string duration_text(Duration duration);

// Decimal digits with a sign. Error::detail: strconv.Atoi: parsing "x": invalid syntax.
Result<int64_t> parse_int(std::string_view text, std::string_view function);

// As fmt prints a float with %v: 1e+06, 2.5.
std::string float_text(double value);

// The name of a value's type: int64, []interface {}.
std::string type_name(const Value& value);

// A value as %v prints it.
std::string value_text(const Value& value);

// What a type assertion on the wrong type says.
std::string conversion_text(const Value& value, std::string_view wanted);

// [a b] quoted: ["a" "b"].
template <typename Strings>
std::string quoted_list(const Strings& strings, std::string (*quote)(std::string_view)) {
  std::string out = "[";
  for (const std::string& text : strings) {
    if (out.size() > 1) out += ' ';
    out += quote(text);
  }
  return out + "]";
}

// Values that do not fit become the nearest that does.
template <typename Integer>
Integer saturated(int64_t value) {
  if (value < static_cast<int64_t>(std::numeric_limits<Integer>::min())) {
    return std::numeric_limits<Integer>::min();
  }
  if (value > static_cast<int64_t>(std::numeric_limits<Integer>::max())) {
    return std::numeric_limits<Integer>::max();
  }
  return static_cast<Integer>(value);
}

}  // namespace petrel::conf
