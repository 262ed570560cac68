#include "net/http_target.h"

#include <algorithm>
#include <optional>

namespace petrel::net {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

enum class Plus : uint8_t { kIsPlus, kIsSpace };

// Nothing if an escape is incomplete or not hexadecimal.
std::optional<std::string> unescape(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::kIsSpace) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const auto high = hex_value(text[i + 1]);
      const auto low = hex_value(text[i + 2]);
      if (!high || !low) return std::nullopt;
      out.push_back(static_cast<char>(*high << 4 | *low));
      i += 2;
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> params;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    // Go takes a semicolon for an old separator that it no longer knows.
    if (pair.empty() || pair.find(';') != std::string_view::npos) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = unescape(pair.substr(0, equals), Plus::kIsSpace);
    auto value = unescape(pair.substr(std::min(equals + 1, pair.size())), Plus::kIsSpace);
    if (name && value) params.emplace_back(std::move(*name), std::move(*value));
  }
  return params;
}

// Cuts `http://host` off, so that a path or nothing is left.
std::string_view without_origin(std::string_view target) {
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return target;
  if (!std::all_of(target.begin(), target.begin() + static_cast<ptrdiff_t>(scheme), [](char c) {
        return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.';
      }))
    return target;
  target.remove_prefix(scheme + 3);
  target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  return target;
}

}  // namespace

Result<HttpTarget> parse_http_target(std::string_view target) {
  const Error malformed{Errc::kProtocolViolation, "malformed request target"};
  if (std::any_of(target.begin(), target.end(), is_control)) return malformed;
  const bool is_origin_form = !target.empty() && (target[0] == '/' || target == "*");
  const std::string_view rest = is_origin_form ? target : without_origin(target);
  if (!is_origin_form && rest.size() == target.size()) return malformed;
  const size_t question = std::min(rest.find('?'), rest.size());
  auto path = unescape(rest.substr(0, question), Plus::kIsPlus);
  if (!path) return malformed;
  HttpTarget parsed;
  parsed.path = std::move(*path);
  parsed.raw_query = rest.substr(std::min(question + 1, rest.size()));
  parsed.params = parse_query(parsed.raw_query);
  return parsed;
}

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> kept;
  std::string_view left = path;
  std::string_view last;
  while (!left.empty()) {
    const size_t end = std::min(left.find('/'), left.size());
    last = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    if (last.empty() || last == ".") continue;
    if (last != "..") {
      kept.push_back(last);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string clean;
  for (const std::string_view segment : kept) clean.append("/").append(segment);
  if (clean.empty() || (path.size() > 1 && path.back() == '/')) clean.push_back('/');
  return clean;
}

std::string escape_path(std::string_view path) {
  constexpr std::string_view kPlain = "-_.~$&+,/:;=@";
  std::string out;
  for (const char c : path) {
    if (is_letter_or_digit(c) || kPlain.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace petrel::net
