// Points in time as Go's encoding/json writes them: RFC 3339 with as many digits as needed.
// Thread: pure functions, any thread. Source: Go time documentation (RFC3339Nano).
#pragma once

#include "petrel/base/time.h"

#include <string>

namespace petrel {

// "2026-01-02T03:04:05.06Z"
std::string go_time(WallTime time);

}  // namespace petrel
