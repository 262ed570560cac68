// What a scoped signing key gives to a user: its template with {{name()}}, {{tag(x)}} and so on
// replaced.
// Thread: pure functions, any thread. Limits: kExpansionsMax subjects in one list.
// Errors: an operation that does not exist, a denied subject that cannot be made.
// Source: spec auth.md 4.
#pragma once

#include "petrel/auth/jwt_claims.h"
#include "petrel/base/result.h"

#include <string>
#include <vector>

namespace petrel::auth {

inline constexpr size_t kExpansionsMax = 4096;

Result<UserLimits> apply_template(const UserLimits& limits, const UserClaims& user,
                                  const AccountClaims& account);

}  // namespace petrel::auth
