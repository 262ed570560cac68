// Reads {"allow":[..],"deny":[..]} of CONNECT and INFO. Thread: pure function, any thread.
#pragma once

#include "petrel/proto/connect_info.h"

#include <optional>

namespace petrel::proto {

// REQUIRES: value is a valid JSON value. False if it has another type; null clears `out`; lists
// that are not named keep what they hold.
bool read_permission(Slice value, std::optional<SubjectPermission>& out);

}  // namespace petrel::proto
