#include "server/identity.h"

#include "petrel/base/check.h"

#include <sodium.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace petrel::server {

namespace {

constexpr uint8_t kServerPrefix = 13 << 3;  // 'N'
constexpr uint8_t kCurvePrefix = 23 << 3;   // 'X'

// CRC-16/XMODEM, as nkeys uses it.
uint16_t crc16(std::span<const uint8_t> bytes) {
  uint16_t crc = 0;
  for (const uint8_t byte : bytes) {
    crc = static_cast<uint16_t>(crc ^ (byte << 8));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
  }
  return crc;
}

std::string base32(std::span<const uint8_t> bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  uint32_t buffer = 0;
  int bits = 0;
  for (const uint8_t byte : bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text.push_back(kAlphabet[(buffer >> bits) & 31]);
    }
  }
  if (bits > 0) text.push_back(kAlphabet[(buffer << (5 - bits)) & 31]);
  return text;
}

std::string encode(uint8_t prefix, std::span<const uint8_t> key) {
  std::vector<uint8_t> raw{prefix};
  raw.insert(raw.end(), key.begin(), key.end());
  const uint16_t crc = crc16(raw);
  raw.push_back(static_cast<uint8_t>(crc & 0xff));
  raw.push_back(static_cast<uint8_t>(crc >> 8));
  return base32(raw);
}

}  // namespace

Identity make_identity() {
  PETREL_CHECK(sodium_init() >= 0);
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> sign_public;
  std::array<uint8_t, crypto_sign_SECRETKEYBYTES> sign_secret;
  crypto_sign_keypair(sign_public.data(), sign_secret.data());
  std::array<uint8_t, crypto_box_PUBLICKEYBYTES> box_public;
  std::array<uint8_t, crypto_box_SECRETKEYBYTES> box_secret;
  crypto_box_keypair(box_public.data(), box_secret.data());
  return {encode(kServerPrefix, sign_public), encode(kCurvePrefix, box_public)};
}

uint64_t random_seed() {
  PETREL_CHECK(sodium_init() >= 0);
  uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return seed;
}

}  // namespace petrel::server
