#include "auth/base64.h"

namespace petrel::auth {

namespace {

constexpr Slice kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int digit_of(char c, bool is_url) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (is_url ? '-' : '+')) return 62;
  if (c == (is_url ? '_' : '/')) return 63;
  return -1;
}

Error illegal_at(size_t position) {
  return {Errc::kInvalidArgument, "illegal base64 data at input byte " + std::to_string(position)};
}

}  // namespace

Result<std::string> decode_base64_url(Slice text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t pending = 0;
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || text[i] == '\r') continue;
    const int digit = digit_of(text[i], true);
    if (digit < 0) return illegal_at(i);
    pending = (pending << 6 | static_cast<uint32_t>(digit)) & 0xFFFF;
    const size_t place = digits++ % 4;
    if (place > 0) out.push_back(static_cast<char>(pending >> (6 - 2 * place) & 0xFF));
  }
  if (digits % 4 == 1) return illegal_at(text.size());
  return out;
}

Result<std::string> decode_base64(Slice text) {
  std::string url;
  size_t padding = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || c == '\r') continue;
    if (c == '=' && padding < 2) {
      ++padding;
      continue;
    }
    if (padding > 0 || digit_of(c, false) < 0) return illegal_at(i);
    url.push_back(c == '+' ? '-' : c == '/' ? '_' : c);
  }
  if ((url.size() + padding) % 4 != 0) return illegal_at(text.size());
  return decode_base64_url(url);
}

std::string encode_base64_url(Slice bytes) {
  std::string out;
  uint32_t pending = 0;
  int bits = 0;
  for (const char c : bytes) {
    pending = (pending << 8 | static_cast<uint8_t>(c)) & 0xFFFF;
    for (bits += 8; bits >= 6;) {
      bits -= 6;
      out.push_back(kUrlAlphabet[pending >> bits & 63]);
    }
  }
  if (bits > 0) out.push_back(kUrlAlphabet[pending << (6 - bits) & 63]);
  return out;
}

}  // namespace petrel::auth
