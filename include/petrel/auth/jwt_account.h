// From the claims of an account to the Account that the rest of the server knows.
//
// Thread: pure functions, any thread. Source: spec auth.md 4, protocol.md 12.
#pragma once

#include "petrel/auth/jwt_user.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::auth {

struct AccountMaking {
  const OperatorTrust& trust;
  int64_t now = 0;  // Unix seconds
  bool strict_permissions = true;
  // Another account, null: not known (yet).
  std::function<std::shared_ptr<const JwtAccount>(const std::string&)> find = {};
};

// `claims` as they are: whether they may be used is check_account_claims' matter. Imports that the
// exporter does not grant are left out and named in `problems`.
std::shared_ptr<const JwtAccount> make_jwt_account(AccountClaims claims, std::string token,
                                                   const AccountMaking& making,
                                                   std::vector<std::string>* problems);

// "": nothing is wrong with the claims that would make them useless. `with_time`: expired ones are
// wrong, too. Mappings must be possible, which validate() does not ask.
std::string check_account_claims(const AccountClaims& claims, int64_t now, bool with_time);

}  // namespace petrel::auth
