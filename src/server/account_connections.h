// Closes the newest connections of an account until the others fit its limit.
//
// Used when an account's JWT or the configuration was changed. Thread: control; the loops run.
// Source: spec auth.md 4 (limits of accounts).
#pragma once

#include "server/auth_environment.h"

#include "petrel/auth/account.h"

namespace petrel::server {

void close_excess_connections(AuthEnvironment& environment, const auth::Account& account);

}  // namespace petrel::server
