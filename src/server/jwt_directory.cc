#include "server/jwt_directory.h"

#include "server/whole_file.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/nkey_text.h"

#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr const char* kExtension = ".jwt";
constexpr size_t kFileBytesMax = auth::kJwtBytesMax;

Error failed(std::string text) {
  return {Errc::kIo, std::move(text)};
}

JwtDirectory::Hash hash_of(const std::string& token) {
  JwtDirectory::Hash hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const uint8_t*>(token.data()), token.size());
  return hash;
}

}  // namespace

Result<std::unique_ptr<JwtDirectory>> JwtDirectory::open(const Options& options, WallTime now) {
  std::error_code error;
  std::filesystem::create_directories(options.dir, error);
  if (error || !std::filesystem::is_directory(options.dir, error)) {
    return failed("the path [" + options.dir + "] is not a directory");
  }
  std::unique_ptr<JwtDirectory> directory(new JwtDirectory(options));
  static_cast<void>(directory->reread(now));
  return directory;
}

std::vector<std::string> JwtDirectory::reread(WallTime now) {
  const std::map<std::string, Entry> before = std::exchange(entries_, {});
  hash_ = {};
  std::vector<std::string> changed;
  std::error_code error;
  std::filesystem::directory_iterator files(options_.dir, error);
  if (error) return changed;
  for (const auto& file : files) {
    if (file.path().extension() != kExtension) continue;
    const std::string account = file.path().stem();
    if (!is_public_nkey(account)) continue;
    const auto token = read_whole_file(file.path(), kFileBytesMax);
    if (!token) continue;
    track(account, *token, now);
    const auto old = before.find(account);
    if (options_.is_cache || (old != before.end() && old->second.hash != hash_of(*token))) {
      changed.push_back(account);
    }
  }
  return changed;
}

std::string JwtDirectory::path_of(const std::string& account) const {
  if (!is_public_nkey(account)) return "";
  return options_.dir + "/" + account + kExtension;
}

void JwtDirectory::track(const std::string& account, const std::string& token, WallTime now) {
  untrack(account);
  Entry& entry = entries_[account];
  entry.hash = hash_of(token);
  entry.used = ++uses_;
  entry.last_use = now;
  for (size_t i = 0; i < hash_.size(); ++i) hash_[i] ^= entry.hash[i];
}

void JwtDirectory::untrack(const std::string& account) {
  const auto found = entries_.find(account);
  if (found == entries_.end()) return;
  for (size_t i = 0; i < hash_.size(); ++i) hash_[i] ^= found->second.hash[i];
  entries_.erase(found);
}

std::optional<std::string> JwtDirectory::load(const std::string& account, WallTime now) {
  const std::string path = path_of(account);
  if (path.empty()) return std::nullopt;
  auto token = read_whole_file(path, kFileBytesMax);
  const auto found = entries_.find(account);
  if (token && found != entries_.end()) {
    found->second.used = ++uses_;
    found->second.last_use = now;
  }
  return token;
}

Status JwtDirectory::make_room() {
  if (options_.limit <= 0 || static_cast<int64_t>(entries_.size()) < options_.limit) return {};
  if (!options_.is_cache) return failed("jwt store is full");
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(),
                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
  const std::string account = oldest->first;
  if (::unlink(path_of(account).c_str()) != 0 && errno != ENOENT) {
    return failed("remove " + account + ": " + std::strerror(errno));
  }
  untrack(account);
  return {};
}

Result<bool> JwtDirectory::save(const std::string& account, const std::string& token,
                                WallTime now) {
  const std::string path = path_of(account);
  if (path.empty()) return failed("invalid public key");
  if (token.empty()) return failed("invalid JWT");
  const auto found = entries_.find(account);
  if (found != entries_.end() && found->second.hash == hash_of(token)) {
    found->second.used = ++uses_;
    found->second.last_use = now;
    return false;
  }
  if (found == entries_.end()) PETREL_TRY_STATUS(make_room());
  PETREL_TRY_STATUS(replace_whole_file(path, token));
  track(account, token, now);
  return true;
}

Result<bool> JwtDirectory::save_if_newer(const std::string& account, const std::string& token,
                                         WallTime now) {
  const std::string path = path_of(account);
  if (path.empty()) return failed("invalid public key");
  if (const auto existing = read_whole_file(path, kFileBytesMax)) {
    const auto fresh = auth::decode_generic_claims(token);
    if (!fresh) return fresh.error();
    const auto old = auth::decode_generic_claims(*existing);
    if (old && (old->id == fresh->id || old->issued_at > fresh->issued_at)) return false;
    if (fresh->subject != account) {
      return failed("jwt subject nkey and provided nkey do not match");
    }
  }
  return save(account, token, now);
}

Status JwtDirectory::remove(const std::string& account) {
  if (options_.deletion == Deletion::kNone) return failed("store is not set up to for delete");
  const std::string path = path_of(account);
  const int result = options_.deletion == Deletion::kRename
                         ? ::rename(path.c_str(), (path + ".deleted").c_str())
                         : ::unlink(path.c_str());
  if (result != 0 && errno != ENOENT) return failed("remove " + path + ": " + std::strerror(errno));
  untrack(account);
  return {};
}

void JwtDirectory::for_each(
    WallTime now, const std::function<void(const std::string&, const std::string&)>& visit) const {
  for (const auto& [account, entry] : entries_) {
    const auto token = read_whole_file(path_of(account), kFileBytesMax);
    if (!token || token->empty()) continue;
    const auto claims = auth::decode_generic_claims(*token);
    if (claims && claims->expires > 0 && claims->expires < now.ns / 1'000'000'000) continue;
    visit(account, *token);
  }
}

void JwtDirectory::expire(WallTime now) {
  if (options_.ttl.ns <= 0) return;
  std::vector<std::string> gone;
  for (const auto& [account, entry] : entries_) {
    if (now - entry.last_use >= options_.ttl) gone.push_back(account);
  }
  for (const std::string& account : gone) {
    ::unlink(path_of(account).c_str());
    untrack(account);
  }
}

}  // namespace petrel::server
