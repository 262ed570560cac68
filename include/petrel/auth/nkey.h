// Signatures and boxes of nkeys: Ed25519 and Curve25519 through libsodium.
//
// Thread: values, any thread. Secret halves are wiped when a key goes.
// Errors: a key or signature of another length is a wrong one, never a crash.
// Source: spec auth.md 4 and 5; nkeys documentation (xkv1).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/nkey_text.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace petrel::auth {

// `signature`: 64 raw bytes.
bool verify_signature(const NkeyBytes& key, Slice message, Slice signature);
// The same for the text of a public key of that kind.
bool verify_signature(Slice public_nkey, NkeyKind kind, Slice message, Slice signature);
// The signature of a nonce as a client sends it: base64 for URLs, or with padding.
bool verify_nonce(Slice public_nkey, NkeyKind kind, Slice nonce, Slice signature_text);

class SigningKey {
 public:
  static SigningKey from_seed(const NkeyBytes& seed);
  ~SigningKey();
  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;

  const NkeyBytes& public_key() const { return public_; }
  std::string sign(Slice message) const;

 private:
  SigningKey() = default;
  NkeyBytes public_;
  std::array<uint8_t, 64> secret_;
};

class CurveKey {
 public:
  static constexpr size_t kNonceBytes = 24;
  using Nonce = std::array<uint8_t, kNonceBytes>;

  // A curve seed is the secret key itself.
  static CurveKey from_seed(const NkeyBytes& seed);
  ~CurveKey();
  CurveKey(const CurveKey&) = default;
  CurveKey& operator=(const CurveKey&) = default;

  const NkeyBytes& public_key() const { return public_; }
  // "xkv1", the nonce and the box. Nothing when the other's key is of no use. `nonce`: never
  // used before with this pair of keys.
  std::optional<std::string> seal(Slice plain, const NkeyBytes& to, const Nonce& nonce) const;
  std::optional<std::string> open(Slice sealed, const NkeyBytes& from) const;

 private:
  CurveKey() = default;
  NkeyBytes public_;
  NkeyBytes secret_;
};

}  // namespace petrel::auth
