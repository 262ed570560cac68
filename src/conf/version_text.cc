#include "conf/version_text.h"

#include <charconv>

namespace petrel::conf {
namespace {

Error invalid() {
  return {Errc::kInvalidArgument, "invalid semver"};
}

// One number without leading zeros, taken off the front.
Result<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto size = static_cast<size_t>(parsed.ptr - text.data());
  const bool leading_zero = size > 1 && text[0] == '0';
  if (parsed.ec != std::errc() || value < 0 || leading_zero || text[0] == '-') return invalid();
  text.remove_prefix(size);
  return value;
}

bool is_label(std::string_view text) {
  constexpr std::string_view kAllowed =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
  while (true) {
    const size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || part.find_first_not_of(kAllowed) != std::string_view::npos) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_tail(std::string_view text) {
  if (text.empty()) return true;
  const size_t plus = text.find('+');
  if (plus != std::string_view::npos && !is_label(text.substr(plus + 1))) return false;
  text = text.substr(0, plus);
  return text.empty() || (text.front() == '-' && is_label(text.substr(1)));
}

}  // namespace

Result<Version> parse_version(std::string_view text) {
  Version version;
  PETREL_TRY(version.major, take_number(text));
  if (text.empty() || text.front() != '.') return invalid();
  text.remove_prefix(1);
  PETREL_TRY(version.minor, take_number(text));
  if (text.empty() || text.front() != '.') return invalid();
  text.remove_prefix(1);
  PETREL_TRY(version.patch, take_number(text));
  if (!is_tail(text)) return invalid();
  return version;
}

}  // namespace petrel::conf
