// Texts that claim to be keys, signatures or sealed boxes.
#include "auth/base64.h"

#include "petrel/auth/nkey.h"
#include "petrel/base/check.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace petrel;
  const Slice input(reinterpret_cast<const char*>(bytes), size);
  for (const NkeyKind kind : {NkeyKind::kOperator, NkeyKind::kServer, NkeyKind::kCluster,
                              NkeyKind::kAccount, NkeyKind::kUser, NkeyKind::kCurve}) {
    if (const auto key = decode_public_nkey(input, kind)) {
      PETREL_CHECK(decode_public_nkey(encode_public_nkey(kind, *key), kind) == key);
    }
    if (const auto seed = decode_seed(input, kind)) {
      PETREL_CHECK(decode_seed(encode_seed(kind, *seed), kind) == seed);
    }
  }
  PETREL_CHECK(!auth::verify_nonce(input, NkeyKind::kUser, "nonce", input));
  static const auth::CurveKey key = auth::CurveKey::from_seed(NkeyBytes{1});
  PETREL_CHECK(!key.open(input, key.public_key()));
  const auto plain = auth::decode_base64_url(input);
  if (plain) PETREL_CHECK(*auth::decode_base64_url(auth::encode_base64_url(*plain)) == *plain);
  return 0;
}
