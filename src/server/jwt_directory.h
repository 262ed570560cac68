// JwtDirectory: account JWTs as files DIR/ACCOUNT.jwt, as nats-server keeps them.
//
// Owner: AccountResolver. Thread: the one that decides over accounts.
// Limits: `limit` files; a cache forgets the one that was not used for the longest time.
// Errors: nats-server's texts. Source: spec auth.md 4.1.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"
#include "petrel/base/time.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace petrel::server {

class JwtDirectory {
 public:
  enum class Deletion : uint8_t { kNone, kRename, kRemove };
  struct Options {
    std::string dir = {};
    int64_t limit = 0;  // 0: none
    bool is_cache = false;
    Duration ttl = {};  // cache; 0: files stay
    Deletion deletion = Deletion::kNone;
  };
  using Hash = std::array<uint8_t, 32>;

  // Makes the directory if it is missing.
  static Result<std::unique_ptr<JwtDirectory>> open(const Options& options, WallTime now);

  std::optional<std::string> load(const std::string& account, WallTime now);
  // False: it stands there already.
  Result<bool> save(const std::string& account, const std::string& token, WallTime now);
  // Only what was issued later than what stands there.
  Result<bool> save_if_newer(const std::string& account, const std::string& token, WallTime now);
  // Also when there is none.
  Status remove(const std::string& account);
  // All that have not expired, in order of names.
  void for_each(WallTime now,
                const std::function<void(const std::string&, const std::string&)>& visit) const;
  // XOR of the SHA-256 of all JWTs.
  const Hash& hash() const { return hash_; }
  // Removes what was not used within ttl.
  void expire(WallTime now);
  // Looks again at what stands in the directory; returns the accounts whose JWT is another one.
  std::vector<std::string> reread(WallTime now);

 private:
  struct Entry {
    Hash hash = {};
    uint64_t used = 0;
    WallTime last_use = {};
  };
  explicit JwtDirectory(const Options& options) : options_(options) {}
  std::string path_of(const std::string& account) const;
  void track(const std::string& account, const std::string& token, WallTime now);
  void untrack(const std::string& account);
  Status make_room();

  const Options options_;
  std::map<std::string, Entry> entries_;
  Hash hash_ = {};
  uint64_t uses_ = 0;
};

}  // namespace petrel::server
