// LocalClock: what the time of day is elsewhere. The rules of time zones are files, so the server
// brings them.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <optional>

namespace petrel::auth {

class LocalClock {
 public:
  virtual ~LocalClock() = default;
  // Seconds to add to UTC at that moment. `zone`: a name such as "Europe/Berlin", "": where the
  // server is. Nothing: no such zone.
  virtual std::optional<int64_t> offset_seconds(Slice zone, WallTime at) const = 0;
};

}  // namespace petrel::auth
