#include "server/identity.h"

#include "petrel/base/check.h"

#include <sodium.h>

#include <array>
#include <string_view>
#include <vector>

namespace petrel::server {

namespace {

NkeyBytes random_bytes() {
  NkeyBytes bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace

Identity make_identity() {
  PETREL_CHECK(sodium_init() >= 0);
  const auth::SigningKey sign = auth::SigningKey::from_seed(random_bytes());
  const auth::CurveKey curve = auth::CurveKey::from_seed(random_bytes());
  return {encode_public_nkey(NkeyKind::kServer, sign.public_key()),
          encode_public_nkey(NkeyKind::kCurve, curve.public_key()), sign, curve, random_bytes()};
}

std::string short_hash(const std::string& name) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  std::vector<unsigned char> bytes(name.begin(), name.end());
  crypto_hash_sha256(hash.data(), bytes.data(), bytes.size());
  std::string text;
  for (size_t i = 0; i < 8; ++i) text.push_back(kDigits[hash[i] % kDigits.size()]);
  return text;
}

uint64_t random_seed() {
  PETREL_CHECK(sodium_init() >= 0);
  uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return seed;
}

}  // namespace petrel::server
