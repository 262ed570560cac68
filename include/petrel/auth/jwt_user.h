// Lets a user in who shows a JWT: everything that has to be right about the user, the account and
// the proof that the key is his.
//
// Thread: pure functions, any thread. Takes some hundred microseconds (signatures): not for a loop
// with many clients. Errors: what nats-server logs; the client only learns "Authorization
// Violation". Source: spec auth.md 4.
#pragma once

#include "petrel/auth/account.h"
#include "petrel/auth/authenticator.h"
#include "petrel/auth/jwt_claims.h"
#include "petrel/auth/local_clock.h"
#include "petrel/auth/operator_trust.h"
#include "petrel/base/result.h"

#include <memory>
#include <set>
#include <string>

namespace petrel::auth {

// An account in operator mode. Immutable; an update makes a new one.
struct JwtAccount {
  AccountClaims claims = {};
  std::string token = {};
  AccountPtr account = {};  // what the claims mean for the rest of the server
  std::shared_ptr<const Permissions> default_permissions = {};
  bool is_strict = false;      // users must be signed by a signing key
  bool is_incomplete = false;  // an import waits for its exporter
  int64_t imports_end = 0;     // Unix seconds; 0: no import was granted for a time

  // Whether that key may sign users of this account; `scope`: what it may give them, null: all.
  bool has_issuer(const std::string& key, const UserScope** scope) const;
};

// What an update did to the keys that sign an account's users.
struct SignerChange {
  bool any = false;
  std::set<std::string> altered = {};  // keys whose scope is another one now
};
SignerChange compare_signers(const JwtAccount& before, const JwtAccount& after);

// What a client shows besides the JWT.
struct ClientProof {
  std::string nonce = {};
  std::string signature = {};
  std::string ip = {};
  std::string connection_type = "STANDARD";
  bool is_trusted_proxy = false;
};

struct Admission {
  std::shared_ptr<const User> user = {};  // null: not let in
  std::string reason = {};                // why not, for the log
  bool is_error = false;     // the reason is an error, not only of interest to debuggers
  bool lacks_proxy = false;  // the user must come through a trusted proxy
};

struct AdmissionRules {
  const LocalClock& clock;
  WallTime now;
  bool strict_permissions = true;
};

// The claims of a token that is no longer or not yet valid are an error.
Result<UserClaims> read_user(Slice token, WallTime now);
// Whether the account may still be used and the user may use it.
// REQUIRES: the account's issuer is trusted.
Admission admit_user(const UserClaims& claims, const JwtAccount& account, const ClientProof& proof,
                     const AdmissionRules& rules);
// The same for a user that an auth callout service made: no proof of a key is asked for.
// REQUIRES: `claims.limits` with its scope applied.
Admission admit_callout_user(const UserClaims& claims, const AccountPtr& account,
                             const ClientProof& proof, const AdmissionRules& rules);

// What a scope makes of a user. Errors: the user is none of that scope.
Result<UserLimits> scoped_limits(const UserScope& scope, const UserClaims& user,
                                 const AccountClaims& account);
// Not set: nothing is said about permissions.
std::optional<conf::PermissionOptions> permission_options(const PermissionClaims& claims);

}  // namespace petrel::auth
