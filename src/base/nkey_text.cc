#include "petrel/base/nkey_text.h"

#include <algorithm>
#include <vector>

namespace petrel {
namespace {

constexpr unsigned kSeedPrefix = 18 << 3;
constexpr size_t kKeyBytes = 32;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

uint16_t crc16(const std::vector<uint8_t>& bytes, size_t count) {
  uint16_t crc = 0;
  for (size_t i = 0; i < count; ++i) {
    crc = static_cast<uint16_t>(crc ^ (bytes[i] << 8));
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (crc & 0x8000) != 0;
      crc = static_cast<uint16_t>(crc << 1);
      if (carry) crc = static_cast<uint16_t>(crc ^ 0x1021);
    }
  }
  return crc;
}

// A last group that holds no whole byte is not base32.
bool is_possible_length(size_t size) {
  const size_t rest = size % 8;
  return rest != 1 && rest != 3 && rest != 6;
}

// Prefix and key, checked and without the CRC.
std::optional<std::vector<uint8_t>> decode(std::string_view text) {
  if (!is_possible_length(text.size())) return std::nullopt;
  std::vector<uint8_t> bytes;
  unsigned pending = 0;
  int bits = 0;
  for (const char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    pending = (pending << 5 | static_cast<unsigned>(digit)) & 0xFFFF;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<uint8_t>(pending >> bits));
  }
  if (bytes.size() < 4) return std::nullopt;
  const size_t body = bytes.size() - 2;
  const unsigned expected = bytes[body] | static_cast<unsigned>(bytes[body + 1]) << 8;
  if (crc16(bytes, body) != expected) return std::nullopt;
  bytes.resize(body);
  return bytes;
}

NkeyBytes key_at(const std::vector<uint8_t>& bytes, size_t offset) {
  NkeyBytes key;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), kKeyBytes, key.begin());
  return key;
}

// `raw`: the prefix; takes the key and its CRC behind it.
std::string encode(std::vector<uint8_t> raw, const NkeyBytes& key) {
  raw.insert(raw.end(), key.begin(), key.end());
  const uint16_t crc = crc16(raw, raw.size());
  raw.push_back(static_cast<uint8_t>(crc & 0xFF));
  raw.push_back(static_cast<uint8_t>(crc >> 8));
  std::string text;
  unsigned pending = 0;
  int bits = 0;
  for (const uint8_t byte : raw) {
    pending = (pending << 8 | byte) & 0xFFFF;
    for (bits += 8; bits >= 5;) {
      bits -= 5;
      text.push_back(kAlphabet[pending >> bits & 31]);
    }
  }
  if (bits > 0) text.push_back(kAlphabet[pending << (5 - bits) & 31]);
  return text;
}

bool is_public_prefix(unsigned prefix) {
  for (const NkeyKind kind : {NkeyKind::kOperator, NkeyKind::kServer, NkeyKind::kCluster,
                              NkeyKind::kAccount, NkeyKind::kUser, NkeyKind::kCurve}) {
    if (prefix == static_cast<unsigned>(kind)) return true;
  }
  return false;
}

}  // namespace

bool is_public_nkey(std::string_view text, NkeyKind kind) {
  const auto bytes = decode(text);
  return bytes && (bytes->front() & 0xF8u) == static_cast<unsigned>(kind);
}

bool is_public_nkey(std::string_view text) {
  const auto bytes = decode(text);
  return bytes && is_public_prefix(bytes->front()) && bytes->size() == 1 + kKeyBytes;
}

std::optional<NkeyBytes> decode_public_nkey(std::string_view text, NkeyKind kind) {
  const auto bytes = decode(text);
  if (!bytes || bytes->size() != 1 + kKeyBytes) return std::nullopt;
  if (bytes->front() != static_cast<unsigned>(kind)) return std::nullopt;
  return key_at(*bytes, 1);
}

std::optional<NkeyBytes> decode_seed(std::string_view text, NkeyKind kind) {
  const auto bytes = decode(text);
  if (!bytes || bytes->size() != 2 + kKeyBytes) return std::nullopt;
  const unsigned first = (*bytes)[0];
  const unsigned second = (*bytes)[1];
  const unsigned of = ((first & 7u) << 5 | (second & 0xF8u) >> 3) & 0xFFu;
  if ((first & 0xF8u) != kSeedPrefix || of != static_cast<unsigned>(kind)) return std::nullopt;
  return key_at(*bytes, 2);
}

bool is_user_seed(std::string_view text) {
  return decode_seed(text, NkeyKind::kUser).has_value();
}

std::optional<NkeyKind> public_nkey_kind(std::string_view text) {
  const auto bytes = decode(text);
  if (!bytes || bytes->size() != 1 + kKeyBytes || !is_public_prefix(bytes->front())) {
    return std::nullopt;
  }
  return static_cast<NkeyKind>(bytes->front());
}

std::string encode_public_nkey(NkeyKind kind, const NkeyBytes& key) {
  return encode({static_cast<uint8_t>(kind)}, key);
}

std::string encode_seed(NkeyKind kind, const NkeyBytes& seed) {
  const unsigned of = static_cast<unsigned>(kind);
  return encode({static_cast<uint8_t>(kSeedPrefix | of >> 5), static_cast<uint8_t>(of << 3)}, seed);
}

}  // namespace petrel
