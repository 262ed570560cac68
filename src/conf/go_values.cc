#include "conf/go_values.h"

#include "petrel/base/go_quote.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace petrel::conf {
namespace {

constexpr uint64_t kMostNegative = uint64_t{1} << 63;

// The time package quotes on its own: everything but printable ASCII as \x.
std::string quoted(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x80) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 0xF];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Error duration_error(std::string_view text) {
  return {Errc::kInvalidArgument, "time: invalid duration " + quoted(text)};
}

uint64_t unit_ns(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "\u00b5s" || unit == "\u03bcs") return 1'000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  if (unit == "h") return 3'600'000'000'000;
  return 0;
}

bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}

// Digits in front of `text`, taken off it.
std::string_view take_digits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && is_decimal(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// The fraction of a unit: digits beyond what 63 bits hold are dropped.
uint64_t fraction_ns(std::string_view digits, uint64_t unit) {
  uint64_t value = 0;
  double scale = 1;
  for (const char c : digits) {
    if (value > (kMostNegative - 1) / 10) break;
    const uint64_t next = value * 10 + static_cast<uint64_t>(c - '0');
    if (next > kMostNegative) break;
    value = next;
    scale *= 10;
  }
  return static_cast<uint64_t>(static_cast<double>(value) * (static_cast<double>(unit) / scale));
}

// One "1.5h" off the front of `rest`; `whole` is for messages.
Result<uint64_t> take_part(std::string_view& rest, std::string_view whole) {
  if (rest.front() != '.' && !is_decimal(rest.front())) return duration_error(whole);
  const std::string_view integer = take_digits(rest);
  uint64_t value = 0;
  for (const char c : integer) {
    if (value > kMostNegative / 10) return duration_error(whole);
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (value > kMostNegative) return duration_error(whole);
  }
  std::string_view fraction;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
  }
  if (integer.empty() && fraction.empty()) return duration_error(whole);
  size_t count = 0;
  while (count < rest.size() && rest[count] != '.' && !is_decimal(rest[count])) ++count;
  const std::string_view unit_text = rest.substr(0, count);
  if (unit_text.empty()) {
    return Error{Errc::kInvalidArgument, "time: missing unit in duration " + quoted(whole)};
  }
  const uint64_t unit = unit_ns(unit_text);
  if (unit == 0) {
    return Error{Errc::kInvalidArgument,
                 "time: unknown unit " + quoted(unit_text) + " in duration " + quoted(whole)};
  }
  rest.remove_prefix(count);
  if (value > kMostNegative / unit) return duration_error(whole);
  value = value * unit + fraction_ns(fraction, unit);
  if (value > kMostNegative) return duration_error(whole);
  return value;
}

// Digits of value / 10^places without trailing zeros.
std::string decimal_text(uint64_t value, int places) {
  std::string fraction;
  bool significant = false;
  for (int i = 0; i < places; ++i) {
    const uint64_t digit = value % 10;
    significant = significant || digit != 0;
    if (significant) fraction.insert(fraction.begin(), static_cast<char>('0' + digit));
    value /= 10;
  }
  if (!fraction.empty()) fraction.insert(fraction.begin(), '.');
  return std::to_string(value) + fraction;
}

std::string joined(const Array& array) {
  std::string out = "[";
  for (size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out += ' ';
    out += value_text(array[i]->value);
  }
  return out + "]";
}

std::string joined(const Map& map) {
  std::string out = "map[";
  for (const Map::Entry& entry : map.entries()) {
    if (out.back() != '[') out += ' ';
    out += entry.key + ":" + value_text(entry.node->value);
  }
  return out + "]";
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  if (rest.empty()) return duration_error(text);
  const bool negative = rest.front() == '-';
  if (negative || rest.front() == '+') rest.remove_prefix(1);
  if (rest == "0") return Duration{};
  if (rest.empty()) return duration_error(text);
  uint64_t total = 0;
  while (!rest.empty()) {
    PETREL_TRY(const uint64_t part, take_part(rest, text));
    total += part;
    if (total > kMostNegative) return duration_error(text);
  }
  if (negative) return Duration{static_cast<int64_t>(uint64_t{0} - total)};
  if (total > kMostNegative - 1) return duration_error(text);
  return Duration{static_cast<int64_t>(total)};
}

std::string duration_text(Duration duration) {
  const bool negative = duration.ns < 0;
  const uint64_t ns = negative ? uint64_t{0} - static_cast<uint64_t>(duration.ns)
                               : static_cast<uint64_t>(duration.ns);
  const std::string sign = negative ? "-" : "";
  if (ns == 0) return "0s";
  if (ns < 1'000) return sign + decimal_text(ns, 0) + "ns";
  if (ns < 1'000'000) return sign + decimal_text(ns, 3) + "\u00b5s";
  if (ns < 1'000'000'000) return sign + decimal_text(ns, 6) + "ms";
  const uint64_t minutes = ns / 60'000'000'000;
  std::string out = sign;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + decimal_text(ns % 60'000'000'000, 9) + "s";
}

Result<int64_t> parse_int(std::string_view text, std::string_view function) {
  const std::string failed = std::string(function) + ": parsing " + go_quote(text) + ": ";
  std::string_view digits = text;
  if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool all = parsed.ptr == digits.data() + digits.size();
  const bool double_sign = digits.size() != text.size() && !digits.empty() && digits[0] == '-';
  if (digits.empty() || !all || double_sign || parsed.ec == std::errc::invalid_argument) {
    return Error{Errc::kInvalidArgument, failed + "invalid syntax"};
  }
  if (parsed.ec == std::errc::result_out_of_range) {
    return Error{Errc::kOutOfRange, failed + "value out of range"};
  }
  return value;
}

std::string float_text(double value) {
  std::array<char, 64> buffer;
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  const std::string text(buffer.data(), scientific.ptr);
  const size_t e = text.find('e');
  const int exponent = e == std::string::npos ? 0 : std::atoi(text.c_str() + e + 1);
  if (e == std::string::npos || exponent < -4 || exponent >= 6) return text;
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return std::string(buffer.data(), fixed.ptr);
}

std::string type_name(const Value& value) {
  struct Names {
    std::string operator()(bool) const { return "bool"; }
    std::string operator()(int64_t) const { return "int64"; }
    std::string operator()(double) const { return "float64"; }
    std::string operator()(const std::string&) const { return "string"; }
    std::string operator()(const DateTime&) const { return "time.Time"; }
    std::string operator()(const std::shared_ptr<const Array>&) const { return "[]interface {}"; }
    std::string operator()(const std::shared_ptr<const Map>&) const {
      return "map[string]interface {}";
    }
  };
  return std::visit(Names{}, value);
}

std::string value_text(const Value& value) {
  struct Texts {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return float_text(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const DateTime& v) const {
      return v.text.substr(0, 10) + " " + v.text.substr(11, 8) + " +0000 UTC";
    }
    std::string operator()(const std::shared_ptr<const Array>& v) const { return joined(*v); }
    std::string operator()(const std::shared_ptr<const Map>& v) const { return joined(*v); }
  };
  return std::visit(Texts{}, value);
}

std::string conversion_text(const Value& value, std::string_view wanted) {
  return "interface conversion: interface {} is " + type_name(value) + ", not " +
         std::string(wanted);
}

}  // namespace petrel::conf
