#include "petrel/base/go_quote.h"

#include "base/go_printable.h"

#include "petrel/base/utf8.h"

#include <algorithm>
#include <iterator>

namespace petrel {

namespace {

bool is_printable(char32_t code) {
  const auto* const after = std::upper_bound(
      std::begin(kGoPrintable), std::end(kGoPrintable), code,
      [](char32_t wanted, const RuneRange& range) { return wanted < range.first; });
  return after != std::begin(kGoPrintable) && code <= std::prev(after)->last;
}

void append_hex(std::string& out, char32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[(value >> shift) & 0xf]);
  }
}

// The letter behind the backslash for a control character that has one, else 0.
char short_escape(char32_t code) {
  constexpr Slice kLetters = "abtnvfr";  // from U+0007 on
  return code >= 7 && code <= 13 ? kLetters[code - 7] : '\0';
}

void append_escape(std::string& out, char32_t code) {
  out.push_back('\\');
  if (const char letter = short_escape(code); letter != '\0') {
    out.push_back(letter);
  } else if (code < ' ' || code == 0x7f) {
    out.push_back('x');
    append_hex(out, code, 2);
  } else if (code < 0x10000) {
    out.push_back('u');
    append_hex(out, code, 4);
  } else {
    out.push_back('U');
    append_hex(out, code, 8);
  }
}

}  // namespace

void append_go_quote(std::string& out, Slice text) {
  out.push_back('"');
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!rune.valid) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(text.front()), 2);
    } else if (rune.code == '"' || rune.code == '\\') {
      out.push_back('\\');
      out.push_back(text.front());
    } else if (is_printable(rune.code)) {
      out.append(text.substr(0, rune.bytes));
    } else {
      append_escape(out, rune.code);
    }
    text.remove_prefix(rune.bytes);
  }
  out.push_back('"');
}

std::string go_quote(Slice text) {
  std::string out;
  append_go_quote(out, text);
  return out;
}

}  // namespace petrel
