#include "conf/digest.h"

#include "petrel/base/check.h"

#include <openssl/evp.h>

namespace petrel::conf {

std::string sha256_digest(std::string_view text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  const int done = EVP_Digest(text.data(), text.size(), bytes, &length, EVP_sha256(), nullptr);
  PETREL_CHECK(done == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "sha256:";
  for (unsigned int i = 0; i < length; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 0xF];
  }
  return out;
}

}  // namespace petrel::conf
