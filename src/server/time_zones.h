// TimeZones: the time of day in places of the world, by the zone files of this machine.
//
// Owner: AuthService. Thread: any.
#pragma once

#include "petrel/auth/local_clock.h"

namespace petrel::server {

class TimeZones final : public auth::LocalClock {
 public:
  std::optional<int64_t> offset_seconds(Slice zone, WallTime at) const override;
};

}  // namespace petrel::server
