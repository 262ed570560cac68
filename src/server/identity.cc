#include "server/identity.h"

#include "petrel/base/check.h"

#include <sodium.h>

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

uint64_t random_seed() {
  PETREL_CHECK(sodium_init() >= 0);
  uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return seed;
}

}  // namespace petrel::server
