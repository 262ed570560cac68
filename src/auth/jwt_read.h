// The "nats" part of each kind of JWT, read into its claims.
// Thread: pure functions, any thread. False: a value has the wrong type.
#pragma once

#include "petrel/auth/jwt_claims.h"
#include "petrel/base/block.h"

namespace petrel::auth {

// The whole payload without "nats", and the fields of version 1 that stood beside it.
bool read_common(Slice payload, Claims& claims);

bool read_claims(Slice payload, OperatorClaims& claims);
bool read_claims(Slice payload, AccountClaims& claims);
bool read_claims(Slice payload, UserClaims& claims);
bool read_claims(Slice payload, ActivationClaims& claims);
bool read_claims(Slice payload, AuthResponseClaims& claims);
bool read_claims(Slice payload, GenericClaims& claims);

}  // namespace petrel::auth
