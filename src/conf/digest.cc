#include "conf/digest.h"

#include <sodium/crypto_hash_sha256.h>

#include <array>

namespace petrel::conf {

// libsodium's, not OpenSSL's: the latter sets itself up at the first call, which costs a small
// server half a megabyte that it never uses.
std::string sha256_digest(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> bytes;
  crypto_hash_sha256(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "sha256:";
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xF];
  }
  return out;
}

}  // namespace petrel::conf
