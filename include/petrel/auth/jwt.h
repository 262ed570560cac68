// JWTs of operator mode: read, with the signature checked against the issuer they name. Whether
// that issuer is trusted is not known here.
//
// Thread: pure functions, any thread.
// Limits: a token of at most 1 MiB, nesting of at most 10,000 levels (read without recursion).
// Errors: the texts of nats-server (`expected 3 chunks`, `not user claim`, ...).
// Source: spec auth.md 4; documentation of github.com/nats-io/jwt/v2.
#pragma once

#include "petrel/auth/jwt_claims.h"
#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <string>
#include <vector>

namespace petrel::auth {

inline constexpr size_t kJwtBytesMax = 1 << 20;
inline constexpr Slice kJwtPrefix = "eyJ";

Result<OperatorClaims> decode_operator_claims(Slice token);
Result<AccountClaims> decode_account_claims(Slice token);
Result<UserClaims> decode_user_claims(Slice token);
Result<ActivationClaims> decode_activation_claims(Slice token);
Result<AuthResponseClaims> decode_auth_response_claims(Slice token);
Result<GenericClaims> decode_generic_claims(Slice token);

// What is wrong with claims that were read. Time matters to those that may become right or wrong
// without a new signature.
struct Issue {
  std::string text = {};
  bool is_blocking = true;
  bool is_time = false;
};
using Issues = std::vector<Issue>;

// `now`: Unix seconds.
Issues validate(const OperatorClaims& claims, int64_t now);
Issues validate(const AccountClaims& claims, int64_t now);
Issues validate(const UserClaims& claims, int64_t now);
Issues validate(const AuthResponseClaims& claims, int64_t now);
// The first issue that forbids the use of the claims, null if there is none.
const Issue* first_blocking(const Issues& issues, bool with_time);

// Whether every token of `subject` lies inside `other`.
bool is_contained_in(const std::string& subject, const std::string& other);

}  // namespace petrel::auth
