#include "petrel/auth/nonce.h"

#include "auth/base64.h"

#include <sodium.h>

#include <array>

namespace petrel::auth {

namespace {
constexpr size_t kNonceBytes = 11;
}  // namespace

std::string NonceMaker::nonce_of(uint64_t cid) const {
  std::array<uint8_t, crypto_generichash_BYTES> hash;
  std::array<uint8_t, sizeof cid> number;
  for (size_t i = 0; i < number.size(); ++i) number[i] = static_cast<uint8_t>(cid >> (8 * i));
  crypto_generichash(hash.data(), hash.size(), number.data(), number.size(), secret_.data(),
                     secret_.size());
  return encode_base64_url({reinterpret_cast<const char*>(hash.data()), kNonceBytes});
}

}  // namespace petrel::auth
