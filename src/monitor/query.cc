#include "petrel/monitor/query.h"

#include "petrel/base/go_quote.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace petrel::monitor {

namespace {

constexpr std::array<Slice, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
constexpr std::array<Slice, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};

// `kind` and `function` name what Go reports: int, strconv.Atoi.
Error decoding_error(Slice kind, Slice name, Slice function, Slice text, Slice why) {
  return {Errc::kInvalidArgument, "Error decoding " + std::string(kind) + " for '" +
                                      std::string(name) + "': strconv." + std::string(function) +
                                      ": parsing " + go_quote(text) + ": " + std::string(why)};
}

Slice why(std::errc code) {
  return code == std::errc::result_out_of_range ? "value out of range" : "invalid syntax";
}

template <typename T>
std::errc parse(Slice digits, T& number) {
  const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (done.ptr != digits.data() + digits.size()) return std::errc::invalid_argument;
  return done.ec;
}

bool equals_ignoring_case(Slice text, Slice lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
  });
}

}  // namespace

Slice Query::text(Slice name) const {
  for (const auto& [key, value] : params_) {
    if (key == name) return value;
  }
  return Slice();
}

Result<bool> Query::boolean(Slice name) const {
  const Slice given = text(name);
  if (given.empty()) return false;
  if (std::find(kTrue.begin(), kTrue.end(), given) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), given) != kFalse.end()) return false;
  return decoding_error("boolean", name, "ParseBool", given, "invalid syntax");
}

Result<int64_t> Query::integer(Slice name) const {
  const Slice given = text(name);
  if (given.empty()) return int64_t{0};
  Slice digits = given;
  if (digits.front() == '+' && digits.size() > 1 && digits[1] != '-') digits.remove_prefix(1);
  int64_t number = 0;
  const std::errc code = parse(digits, number);
  if (code == std::errc()) return number;
  return decoding_error("int", name, "Atoi", given, why(code));
}

Result<uint64_t> Query::whole_number(Slice name) const {
  const Slice given = text(name);
  if (given.empty()) return uint64_t{0};
  uint64_t number = 0;
  const std::errc code = parse(given, number);
  if (code == std::errc()) return number;
  return decoding_error("uint64", name, "ParseUint", given, why(code));
}

Result<Query::Subscriptions> Query::subscriptions() const {
  Subscriptions wanted;
  wanted.is_detail = equals_ignoring_case(text("subs"), "detail");
  if (wanted.is_detail) return wanted;
  PETREL_TRY(wanted.is_list, boolean("subs"));
  return wanted;
}

}  // namespace petrel::monitor
