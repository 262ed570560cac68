// Authenticator: who a connection is. Immutable snapshot of the configured users; a reload makes a
// new one.
//
// The answer comes at once, or names a password hash that takes time to check (bcrypt): the caller
// has it checked elsewhere and continues with the result. No call blocks.
// Thread: any. Source: spec auth.md, config.md 5.
#pragma once

#include "petrel/auth/account.h"
#include "petrel/auth/jwt_identity.h"
#include "petrel/auth/permissions.h"
#include "petrel/base/block.h"
#include "petrel/base/time.h"
#include "petrel/conf/options.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace petrel::auth {

struct User {
  std::string name;                                // "" for a token or an anonymous user
  std::string password;                            // plain or bcrypt
  std::shared_ptr<const Permissions> permissions;  // null: everything
  std::vector<std::string> connection_types;       // empty: all
  AccountPtr account = {};                         // null: $G
  int32_t max_payload = -1;                        // -1: no limit of its own
  int32_t max_subscriptions = -1;
  std::shared_ptr<const JwtIdentity> identity = {};  // null: no key, no JWT
  std::optional<WallTime> ends = {};                 // the connection, whatever it does
};

struct Credentials {
  Slice user;
  Slice password;
  Slice token;
};

struct Verdict {
  enum class Kind : uint8_t { kAccepted, kRejected, kVerifyPassword };
  Kind kind = Kind::kRejected;
  std::shared_ptr<const User> user;  // kAccepted; with kVerifyPassword: if the password is right
  std::string password_hash;         // kVerifyPassword
  std::string password;              // kVerifyPassword: what the client sent
};

class Authenticator {
 public:
  // Users of accounts that `accounts` does not have are in $G.
  explicit Authenticator(const conf::Options& options,
                         const std::shared_ptr<const AccountSnapshot>& accounts = nullptr);

  // Whether a client must present credentials.
  bool is_required() const { return required_; }
  bool has_no_auth_user() const { return no_auth_user_ != nullptr; }
  // The same, but only what the configuration says: INFO still asks others for credentials.
  bool announces_no_auth_user() const { return no_auth_user_ != nullptr && !is_no_auth_implied_; }
  // Null: the list of users does not have this one.
  std::shared_ptr<const User> find_user(Slice user) const;
  // Decides over a client connection.
  Verdict authenticate(const Credentials& credentials) const;

  // Whether two passwords are equal, in time that does not depend on where they differ.
  static bool equal_in_constant_time(Slice a, Slice b);
  static bool is_bcrypt(Slice password);

 private:
  void add_users(const std::vector<conf::UserOptions>& users,
                 const std::optional<conf::PermissionOptions>& default_permissions, bool strict,
                 const AccountPtr& account);
  void choose_no_auth_user(const conf::Options& options,
                           const std::shared_ptr<const AccountSnapshot>& accounts);
  Verdict check_password(const std::shared_ptr<const User>& user, Slice expected, Slice got) const;

  bool required_ = false;
  bool is_no_auth_implied_ = false;
  std::string token_;
  std::shared_ptr<const User> token_user_;
  std::shared_ptr<const User> single_user_;
  std::shared_ptr<const User> no_auth_user_;
  std::map<std::string, std::shared_ptr<const User>, std::less<>> users_;
};

}  // namespace petrel::auth
