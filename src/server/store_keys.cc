#include "server/store_keys.h"

#include <sodium.h>

namespace petrel::server {

namespace {

// In front of what is sealed; no description begins like this.
constexpr Slice kMagic = "petrel sealed 1\n";
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* bytes_of(Slice text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// HMAC-SHA-256 of the purpose under what the configuration says.
std::string derive(const std::string& secret, Slice purpose) {
  if (secret.empty()) return {};
  std::string key(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(Slice(secret)), secret.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(purpose), purpose.size());
  crypto_auth_hmacsha256_final(&state, bytes_of(key));
  return key;
}

bool open_with(const std::string& key, Slice sealed, std::string& raw) {
  if (key.empty() || sealed.size() < kNonceBytes + kTagBytes) return false;
  raw.resize(sealed.size() - kNonceBytes - kTagBytes);
  const Slice box = sealed.substr(kNonceBytes);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(raw), nullptr, nullptr, bytes_of(box),
                                                    box.size(), bytes_of(kMagic), kMagic.size(),
                                                    bytes_of(sealed), bytes_of(Slice(key))) == 0;
}

}  // namespace

StoreKeys::StoreKeys(const conf::JetStreamOptions& options)
    : store_(derive(options.key, "petrel store")),
      previous_store_(derive(options.prev_key, "petrel store")),
      journal_(derive(options.key, "petrel journal")),
      previous_journal_(derive(options.prev_key, "petrel journal")),
      file_(derive(options.key, "petrel file")),
      previous_file_(derive(options.prev_key, "petrel file")) {}

std::vector<std::string> StoreKeys::journals() const {
  std::vector<std::string> keys;
  if (!journal_.empty()) keys.push_back(journal_);
  if (!previous_journal_.empty()) keys.push_back(previous_journal_);
  return keys;
}

std::string StoreKeys::seal(Slice bytes) const {
  if (file_.empty()) return std::string(bytes);
  std::string sealed(kNonceBytes + bytes.size() + kTagBytes, '\0');
  randombytes_buf(sealed.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      bytes_of(sealed) + kNonceBytes, nullptr, bytes_of(bytes), bytes.size(), bytes_of(kMagic),
      kMagic.size(), nullptr, bytes_of(Slice(sealed)), bytes_of(Slice(file_)));
  return std::string(kMagic) + sealed;
}

bool StoreKeys::is_current(Slice bytes) const {
  const bool is_sealed = bytes.starts_with(kMagic);
  if (file_.empty() || !is_sealed) return file_.empty() != is_sealed;
  std::string raw;
  return open_with(file_, bytes.substr(kMagic.size()), raw);
}

Result<std::string> StoreKeys::open(Slice bytes) const {
  if (!bytes.starts_with(kMagic)) return std::string(bytes);
  const Slice sealed = bytes.substr(kMagic.size());
  std::string raw;
  if (open_with(file_, sealed, raw) || open_with(previous_file_, sealed, raw)) return raw;
  return Error{Errc::kUnsupported, "encrypted with a key that is not configured"};
}

}  // namespace petrel::server
