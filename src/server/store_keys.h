// StoreKeys: the keys of a store directory, made of what the configuration says, and the sealing of
// the small files that belong to no store (descriptions of streams).
//
// Thread: any, after it was made. Cipher: XChaCha20-Poly1305 whatever `cipher` says; the files are
// Petrel's own. A key of one purpose says nothing about the others.
// Errors: kUnsupported: sealed with a key that is not configured.
// Source: docs/formats/stream-directory.md.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"
#include "petrel/conf/options_jetstream.h"

#include <string>
#include <vector>

namespace petrel::server {

class StoreKeys {
 public:
  StoreKeys() = default;
  explicit StoreKeys(const conf::JetStreamOptions& options);

  bool is_encrypted() const { return !store_.empty(); }
  // 32 bytes; empty: not encrypted.
  const std::string& store() const { return store_; }
  const std::string& previous_store() const { return previous_store_; }
  const std::string& journal() const { return journal_; }
  // What a journal that is read may be encrypted with.
  std::vector<std::string> journals() const;

  // As it is without a key.
  std::string seal(Slice bytes) const;
  // What was not sealed is given back as it is.
  Result<std::string> open(Slice bytes) const;
  // Whether seal() would leave it at that.
  bool is_current(Slice bytes) const;

 private:
  std::string store_;
  std::string previous_store_;
  std::string journal_;
  std::string previous_journal_;
  std::string file_;
  std::string previous_file_;
};

}  // namespace petrel::server
