#include "petrel/base/go_json.h"

#include "petrel/base/utf8.h"

namespace petrel {

namespace {

void escape_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
    case '\\':
      out.push_back('\\');
      out.push_back(c);
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr Slice kHex = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out.push_back(kHex[code >> 4]);
  out.push_back(kHex[code & 0xf]);
}

// Stands for itself.
bool is_plain(char c) {
  const auto code = static_cast<unsigned char>(c);
  return code >= ' ' && code < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

}  // namespace

void append_go_json_string(std::string& out, Slice text) {
  out.push_back('"');
  while (true) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Rune rune = decode_rune(text);
    if (!rune.valid) {
      out += "\\ufffd";
    } else if (rune.code < 0x80) {
      escape_ascii(out, text.front());
    } else if (rune.code == 0x2028) {
      out += "\\u2028";
    } else if (rune.code == 0x2029) {
      out += "\\u2029";
    } else {
      out.append(text.substr(0, rune.bytes));
    }
    text.remove_prefix(rune.bytes);
  }
  out.push_back('"');
}

}  // namespace petrel
