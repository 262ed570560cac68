// NonceMaker: the nonce of a connection, which a client signs. Derived from the connection's number
// by a secret that lives as long as the server, so that nobody can guess one and no connection has
// to keep its own.
//
// Immutable. Thread: any. Source: spec protocol.md 2 (11 bytes in base64 for URLs).
#pragma once

#include "petrel/base/nkey_text.h"

#include <cstdint>
#include <string>

namespace petrel::auth {

class NonceMaker {
 public:
  explicit NonceMaker(const NkeyBytes& secret) : secret_(secret) {}
  // 15 characters; the same for the same connection.
  std::string nonce_of(uint64_t cid) const;

 private:
  const NkeyBytes secret_;
};

}  // namespace petrel::auth
