#include "store/frame_codec.h"

#include "store/byte_codec.h"

#include "petrel/base/check.h"
#include "petrel/base/crc32c.h"
#include "petrel/store/snappy_block.h"

#include <sodium.h>

#include <cstring>
#include <utility>

namespace petrel::store {
namespace {

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kSeedBytes = 16;
// Smaller frames are not worth the time.
constexpr size_t kCompressBytesMin = 128;

const unsigned char* as_bytes(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

uint32_t id_of(const std::string& key) {
  if (key.empty()) return 0;
  PETREL_CHECK(key.size() == kEncryptionKeyBytes);
  constexpr Slice kPurpose = "petrel key id";
  unsigned char digest[crypto_generichash_BYTES];
  crypto_generichash(digest, sizeof(digest), as_bytes(kPurpose.data()), kPurpose.size(),
                     as_bytes(key.data()), key.size());
  uint32_t id = 0;
  std::memcpy(&id, digest, sizeof(id));
  return id == 0 ? 1 : id;
}

// What a frame is bound to: it decrypts in no other place.
std::string place_of(const FrameHead& head) {
  ByteWriter out;
  out.fixed(static_cast<uint8_t>(head.kind));
  out.fixed(head.segment);
  out.fixed(head.offset);
  return out.take();
}

}  // namespace

FrameCodec::FrameCodec(Compression compression, Encryption encryption)
    : compression_(compression),
      encryption_(std::move(encryption)),
      key_id_(id_of(encryption_.key)),
      previous_key_id_(id_of(encryption_.previous_key)) {
  PETREL_CHECK(encryption_.key.empty() || encryption_.nonce_seed.size() == kSeedBytes);
}

std::string FrameCodec::encrypt(Slice bytes, Slice about) {
  std::string out = encryption_.nonce_seed;
  out.resize(kNonceBytes + bytes.size() + kTagBytes);
  store_le(out.data() + kSeedBytes, ++sealed_);
  unsigned long long written = 0;
  auto* cipher = reinterpret_cast<unsigned char*>(out.data() + kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      cipher, &written, as_bytes(bytes.data()), bytes.size(), as_bytes(about.data()), about.size(),
      nullptr, as_bytes(out.data()), as_bytes(encryption_.key.data()));
  return out;
}

bool FrameCodec::decrypt_with(const std::string& key, Slice bytes, Slice about, std::string& raw) {
  if (key.empty() || bytes.size() < kNonceBytes + kTagBytes) return false;
  raw.resize(bytes.size() - kNonceBytes - kTagBytes);
  unsigned long long written = 0;
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             reinterpret_cast<unsigned char*>(raw.data()), &written, nullptr,
             as_bytes(bytes.data() + kNonceBytes), bytes.size() - kNonceBytes,
             as_bytes(about.data()), about.size(), as_bytes(bytes.data()),
             as_bytes(key.data())) == 0;
}

bool FrameCodec::decrypt(Slice bytes, Slice about, std::string& raw) const {
  return decrypt_with(encryption_.key, bytes, about, raw) ||
         decrypt_with(encryption_.previous_key, bytes, about, raw);
}

FrameHead FrameCodec::encode(FrameHead head, Slice raw, std::string& out) {
  std::string compressed;
  std::string encrypted;
  Slice stored = raw;
  head.encoding = 0;
  if (compression_ == Compression::kS2 && raw.size() >= kCompressBytesMin) {
    compressed = snappy_compress(raw);
    if (compressed.size() < raw.size()) {
      head.encoding |= kFrameCompressed;
      stored = compressed;
    }
  }
  if (key_id_ != 0) {
    encrypted = encrypt(stored, place_of(head));
    head.encoding |= kFrameEncrypted;
    stored = encrypted;
  }
  head.raw_bytes = static_cast<uint32_t>(raw.size());
  head.stored_bytes = static_cast<uint32_t>(stored.size());
  head.slot_bytes = head.stored_bytes;
  const bool has_own_checksums = head.encoding == 0 && head.kind == FrameKind::kRecords;
  head.stored_crc = has_own_checksums ? 0 : crc32c(stored);
  char bytes[kFrameHeadBytes];
  write_frame_head(head, bytes);
  out.append(bytes, sizeof(bytes)).append(stored);
  return head;
}

bool FrameCodec::decode(const FrameHead& head, Slice stored, char* raw) const {
  if (stored.size() < head.stored_bytes) return false;
  stored = stored.substr(0, head.stored_bytes);
  if (head.stored_crc != 0 && crc32c(stored) != head.stored_crc) return false;
  std::string plain;
  if ((head.encoding & kFrameEncrypted) != 0) {
    if (!decrypt(stored, place_of(head), plain)) return false;
    stored = plain;
  }
  if ((head.encoding & kFrameCompressed) != 0) {
    return snappy_decompress(stored, raw, head.raw_bytes);
  }
  if (stored.size() != head.raw_bytes) return false;
  if (!stored.empty()) std::memcpy(raw, stored.data(), stored.size());
  return true;
}

std::string FrameCodec::seal(Slice bytes, Slice about) {
  return key_id_ == 0 ? std::string(bytes) : encrypt(bytes, about);
}

bool FrameCodec::open(Slice bytes, Slice about, std::string& raw) const {
  return decrypt(bytes, about, raw);
}

}  // namespace petrel::store
