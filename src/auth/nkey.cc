#include "petrel/auth/nkey.h"

#include "auth/base64.h"

#include <sodium.h>

namespace petrel::auth {

namespace {

constexpr Slice kBoxVersion = "xkv1";

const uint8_t* bytes_of(Slice text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

}  // namespace

bool verify_signature(const NkeyBytes& key, Slice message, Slice signature) {
  if (signature.size() != crypto_sign_BYTES) return false;
  return crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(),
                                     key.data()) == 0;
}

bool verify_signature(Slice public_nkey, NkeyKind kind, Slice message, Slice signature) {
  const auto key = decode_public_nkey(public_nkey, kind);
  return key && verify_signature(*key, message, signature);
}

bool verify_nonce(Slice public_nkey, NkeyKind kind, Slice nonce, Slice signature_text) {
  auto signature = decode_base64_url(signature_text);
  if (!signature) signature = decode_base64(signature_text);
  return signature && verify_signature(public_nkey, kind, nonce, *signature);
}

SigningKey SigningKey::from_seed(const NkeyBytes& seed) {
  SigningKey key;
  crypto_sign_seed_keypair(key.public_.data(), key.secret_.data(), seed.data());
  return key;
}

SigningKey::~SigningKey() {
  sodium_memzero(secret_.data(), secret_.size());
}

std::string SigningKey::sign(Slice message) const {
  std::array<uint8_t, crypto_sign_BYTES> signature;
  crypto_sign_detached(signature.data(), nullptr, bytes_of(message), message.size(),
                       secret_.data());
  return std::string(signature.begin(), signature.end());
}

CurveKey CurveKey::from_seed(const NkeyBytes& seed) {
  CurveKey key;
  key.secret_ = seed;
  crypto_scalarmult_base(key.public_.data(), key.secret_.data());
  return key;
}

CurveKey::~CurveKey() {
  sodium_memzero(secret_.data(), secret_.size());
}

std::optional<std::string> CurveKey::seal(Slice plain, const NkeyBytes& to,
                                          const Nonce& nonce) const {
  std::string out(kBoxVersion);
  out.append(nonce.begin(), nonce.end());
  const size_t head = out.size();
  out.resize(head + crypto_box_MACBYTES + plain.size());
  const int failed = crypto_box_easy(reinterpret_cast<uint8_t*>(out.data()) + head, bytes_of(plain),
                                     plain.size(), nonce.data(), to.data(), secret_.data());
  if (failed != 0) return std::nullopt;
  return out;
}

std::optional<std::string> CurveKey::open(Slice sealed, const NkeyBytes& from) const {
  const size_t head = kBoxVersion.size() + kNonceBytes;
  if (sealed.size() < head + crypto_box_MACBYTES || sealed.substr(0, 4) != kBoxVersion) {
    return std::nullopt;
  }
  const Slice box = sealed.substr(head);
  std::string plain(box.size() - crypto_box_MACBYTES, '\0');
  const int failed =
      crypto_box_open_easy(reinterpret_cast<uint8_t*>(plain.data()), bytes_of(box), box.size(),
                           bytes_of(sealed) + kBoxVersion.size(), from.data(), secret_.data());
  if (failed != 0) return std::nullopt;
  return plain;
}

}  // namespace petrel::auth
