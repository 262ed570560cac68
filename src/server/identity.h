// The server's own keys, new at each start: an nkey that names it and a curve key for encrypted
// answers. Text forms as nkeys define them: prefix, key, CRC-16, base32.
#pragma once

#include "petrel/auth/nkey.h"

#include <cstdint>
#include <string>

namespace petrel::server {

struct Identity {
  std::string id;    // "N" + 55 characters
  std::string xkey;  // "X" + 55 characters
  auth::SigningKey signing_key;
  auth::CurveKey curve_key;
  NkeyBytes nonce_secret;
};

Identity make_identity();

// Eight letters and digits that lead back to the server of this name in subjects.
std::string short_hash(const std::string& name);

// Unknown to everybody else, unlike the identity.
uint64_t random_seed();

}  // namespace petrel::server
