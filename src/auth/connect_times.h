// The times of day at which a user may be connected.
// Thread: pure functions, any thread.
#pragma once

#include "petrel/auth/jwt_claims.h"
#include "petrel/auth/local_clock.h"

#include <optional>

namespace petrel::auth {

struct ConnectWindow {
  bool is_open = false;
  std::optional<Duration> remaining;  // until it closes; not set: it does not
};

// REQUIRES: limits that validate() accepted.
ConnectWindow connect_window(const UserLimits& limits, WallTime now, const LocalClock& clock);

}  // namespace petrel::auth
