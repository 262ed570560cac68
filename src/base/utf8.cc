#include "petrel/base/utf8.h"

namespace petrel {

namespace {

uint32_t sequence_bytes(unsigned char first) {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

bool is_scalar(char32_t code) {
  return code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
}

}  // namespace

Rune decode_rune(Slice text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {first, 1, true};
  const uint32_t bytes = sequence_bytes(first);
  if (bytes == 0 || text.size() < bytes) return {};
  char32_t code = first & (0x7fU >> bytes);
  for (uint32_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    code = (code << 6) | (next & 0x3fU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[bytes] || !is_scalar(code)) return {};
  return {code, bytes, true};
}

void append_rune(std::string& out, char32_t code) {
  if (!is_scalar(code)) code = kReplacementRune;
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&put, &code](int shift) { put(0x80U | ((code >> shift) & 0x3fU)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0U | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    put(0xe0U | (code >> 12));
    tail(6);
    tail(0);
  } else {
    put(0xf0U | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace petrel
