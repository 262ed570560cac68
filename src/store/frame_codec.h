// FrameCodec: compresses and encrypts what one store writes, and the way back.
//
// Owner: a FileStore. Thread: its home loop.
// Encryption is XChaCha20-Poly1305 with nonces that are never used twice: a seed that is fresh at
// each start, then a counter. What is opened may have been sealed with the key before.
// Source: docs/formats/segment.md; architecture section 4 and D11.
#pragma once

#include "store/segment_format.h"

#include "petrel/store/message_store.h"

#include <cstdint>
#include <string>

namespace petrel::store {

class FrameCodec {
 public:
  FrameCodec(Compression compression, Encryption encryption);

  // Appends head and stored bytes of a frame. `head` gives kind, segment and offset. Returns the
  // head as it was written.
  FrameHead encode(FrameHead head, Slice raw, std::string& out);
  // Fills `raw`, which holds head.raw_bytes. False: damaged, or no key fits.
  bool decode(const FrameHead& head, Slice stored, char* raw) const;

  // Bytes that belong to no frame; `about` has to be the same on both sides.
  std::string seal(Slice bytes, Slice about);
  bool open(Slice bytes, Slice about, std::string& raw) const;

  // What tells keys apart; 0: not encrypted.
  uint32_t key_id() const { return key_id_; }
  bool has_key(uint32_t id) const { return id == 0 || id == key_id_ || id == previous_key_id_; }

 private:
  std::string encrypt(Slice bytes, Slice about);
  bool decrypt(Slice bytes, Slice about, std::string& raw) const;
  static bool decrypt_with(const std::string& key, Slice bytes, Slice about, std::string& raw);

  const Compression compression_;
  const Encryption encryption_;
  uint32_t key_id_ = 0;
  uint32_t previous_key_id_ = 0;
  uint64_t sealed_ = 0;  // how many times a nonce was used
};

}  // namespace petrel::store
