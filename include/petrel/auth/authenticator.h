// Authenticator: who a connection is. Immutable snapshot of the configured users; a reload makes a
// new one.
//
// The answer comes at once, or names a password hash that takes time to check (bcrypt): the caller
// has it checked elsewhere and continues with the result. No call blocks.
// Thread: any. Source: spec auth.md, config.md 5.
#pragma once

#include "petrel/auth/account.h"
#include "petrel/auth/distinguished_name.h"
#include "petrel/auth/jwt_identity.h"
#include "petrel/auth/permissions.h"
#include "petrel/base/block.h"
#include "petrel/base/time.h"
#include "petrel/conf/options.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace petrel::auth {

struct User {
  std::string name;                                // "" for a token or an anonymous user
  std::string password;                            // plain or bcrypt
  std::shared_ptr<const Permissions> permissions;  // null: everything
  std::vector<std::string> connection_types;       // empty: all
  bool proxy_required = false;                     // comes through a trusted proxy only
  AccountPtr account = {};                         // null: $G
  int32_t max_payload = -1;                        // -1: no limit of its own
  int32_t max_subscriptions = -1;
  std::shared_ptr<const JwtIdentity> identity = {};  // null: no key, no JWT
  bool takes_default_permissions = false;            // of its account, whatever they are
  std::optional<WallTime> ends = {};                 // the connection, whatever it does
};

struct Credentials {
  Slice user = {};
  Slice password = {};
  Slice token = {};
  Slice nkey = {};
  Slice jwt = {};
  Slice signature = {};                              // of the nonce
  Slice proxy_signature = {};                        // of the nonce, by a proxy
  Slice nonce = {};                                  // what this connection was given
  const CertificateIdentity* certificate = nullptr;  // null: the client showed none
};

enum class AuthFault : uint8_t { kViolation, kProxyNotTrusted, kProxyRequired };

struct Verdict {
  // kAskElsewhere: a JWT or an auth callout service decides.
  enum class Kind : uint8_t { kAccepted, kRejected, kVerifyPassword, kAskElsewhere };
  Kind kind = Kind::kRejected;
  std::shared_ptr<const User> user;  // kAccepted; with kVerifyPassword: if the password is right
  std::string password_hash;         // kVerifyPassword
  std::string password;              // kVerifyPassword: what the client sent
  std::shared_ptr<const User> found = {};  // whom the configuration names, let in or not
  bool asks_if_wrong = false;  // kVerifyPassword: a callout service decides over the rest
  std::string reason = {};     // why not, for those who debug
  AuthFault fault = AuthFault::kViolation;  // kRejected
  std::string proxy_key = {};               // of the trusted proxy it came through
  bool proxy_required = false;              // kAskElsewhere: the user found asks for one
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
  bool has_callout() const { return callout_.has_value(); }
  // Whether connections are given a nonce to sign.
  bool needs_nonce() const { return operator_mode_ || !nkeys_.empty() || !proxies_.empty(); }
  // Null: no user has this key.
  std::shared_ptr<const User> find_nkey(Slice nkey) const;
  // Null: the list of users does not have this one.
  std::shared_ptr<const User> find_user(Slice user) const;
  // Whether the user comes from the client's certificate, whatever CONNECT says.
  bool maps_certificates() const { return maps_certificates_; }
  // Null: no user has one of its names.
  std::shared_ptr<const User> find_by_certificate(const CertificateIdentity& certificate) const;
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
  Verdict authenticate_user(const Credentials& credentials) const;
  Verdict check_nkey(const std::shared_ptr<const User>& user, const Credentials& credentials) const;
  // The trusted proxy that signed the nonce. False: one signed it, but none that is trusted.
  bool find_proxy(const Credentials& credentials, std::string& key) const;
  std::shared_ptr<const User> user_without_credentials(const Credentials& credentials) const;
  bool is_auth_user(const std::shared_ptr<const User>& user) const;
  // Whether a callout service decides although (or because) the configuration says this.
  bool is_delegated(const Verdict& verdict) const;
  // certificate_users.cc
  void map_certificates();
  Verdict authenticate_certificate(const Credentials& credentials) const;
  std::shared_ptr<const User> find_named(const std::string& name) const;
  std::shared_ptr<const User> find_by_subject(const DistinguishedName& subject) const;
  Verdict check_password(const std::shared_ptr<const User>& user, Slice expected, Slice got) const;

  bool required_ = false;
  bool maps_certificates_ = false;
  bool is_no_auth_implied_ = false;
  std::string token_;
  std::shared_ptr<const User> token_user_;
  std::shared_ptr<const User> single_user_;
  std::shared_ptr<const User> no_auth_user_;
  std::map<std::string, std::shared_ptr<const User>, std::less<>> users_;
  std::map<std::string, std::shared_ptr<const User>, std::less<>> nkeys_;
  std::vector<std::string> proxies_;  // keys of trusted proxies
  std::optional<conf::AuthCalloutOptions> callout_;
  bool operator_mode_ = false;
  bool proxy_required_ = false;  // of the single user and the token
  // With maps_certificates(): those whose name is a distinguished one.
  std::vector<std::pair<DistinguishedName, std::shared_ptr<const User>>> named_users_;
};

}  // namespace petrel::auth
