// SimClock: one node's monotonic clock. It runs at its own rate, may jump forward, and may stand
// still. It never goes back, as CLOCK_MONOTONIC never does. Thread: one.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>

namespace petrel::sim {

class SimClock {
 public:
  // The node's time at the world's time `now`. REQUIRES: now does not go back.
  Instant read(Instant now) {
    advance(now);
    return Instant{local_ns_};
  }

  // 1000 is exact; 1200 runs 20 % fast.
  void set_rate(Instant now, uint32_t per_mille) {
    advance(now);
    rate_per_mille_ = per_mille;
  }
  void jump(Instant now, Duration forward) {
    advance(now);
    local_ns_ += forward.ns;
  }
  void freeze_until(Instant now, Instant until) {
    advance(now);
    frozen_until_ = until;
  }

  // How long the world waits while this clock moves on by `local`, at today's rate.
  Duration world_time(Duration local) const {
    return Duration{local.ns * 1000 / static_cast<int64_t>(rate_per_mille_)};
  }

 private:
  void advance(Instant now) {
    const Instant from = frozen_until_ > at_ ? frozen_until_ : at_;
    if (now > from) local_ns_ += (now.ns - from.ns) * static_cast<int64_t>(rate_per_mille_) / 1000;
    if (now > at_) at_ = now;
  }

  Instant at_;
  Instant frozen_until_;
  int64_t local_ns_ = 1'000'000'000;
  uint32_t rate_per_mille_ = 1000;
};

}  // namespace petrel::sim
