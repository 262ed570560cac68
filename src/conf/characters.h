// The character classes of the configuration language. Spec config.md 1.1.
// Thread: any.
#pragma once

#include "petrel/base/utf8.h"

#include <string>
#include <string_view>

namespace petrel::conf {

inline constexpr char32_t kEndOfText = 0;  // a NUL byte ends the input as well

inline bool is_line_end(char32_t r) {
  return r == '\n' || r == '\r';
}
inline bool is_blank(char32_t r) {
  return r == ' ' || r == '\t';
}
inline bool is_digit(char32_t r) {
  return r >= '0' && r <= '9';
}
inline bool is_separator(char32_t r) {
  return r == '=' || r == ':';
}

inline bool is_space(char32_t r) {
  if (is_blank(r) || is_line_end(r) || r == '\v' || r == '\f') return true;
  return r == 0x85 || r == 0xA0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200A) || r == 0x2028 ||
         r == 0x2029 || r == 0x202F || r == 0x205F || r == 0x3000;
}

inline bool is_size_suffix(char32_t r) {
  constexpr std::string_view kSuffixes = "kKmMgGtTpPeE";
  return r != 0 && r < 0x80 && kSuffixes.find(static_cast<char>(r)) != std::string_view::npos;
}

// What may follow a number so that it stays one. ']' is not in it: [1] holds the string "1]".
inline bool ends_number(char32_t r) {
  return is_line_end(r) || is_blank(r) || r == kEndOfText || r == '}' || r == ';' || r == ',';
}

inline bool ends_bare_string(char32_t r) {
  return ends_number(r) || r == ']';
}

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

inline std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// A character as messages show it.
inline std::string shown(char32_t r) {
  if (r == '\n') return "\\n";
  std::string out;
  append_rune(out, r);
  return out;
}

}  // namespace petrel::conf
