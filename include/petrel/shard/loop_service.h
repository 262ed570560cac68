// LoopService: something besides connections that lives on a loop: the streams whose home it is,
// the requests of the system account.
//
// Owner: Shard. Thread: its loop.
#pragma once

#include "petrel/base/time.h"
#include "petrel/router/router.h"

namespace petrel::shard {

class LoopService {
 public:
  virtual ~LoopService() = default;
  // The time of the turn that begins: endpoints take messages before run.
  virtual void set_time(Instant /*now*/, WallTime /*wall_now*/) {}
  // Once per turn, after all input, in bounded steps: handles what its endpoints took and what
  // came due, and may route messages. Returns when it wants to run again at the latest
  // (Instant of `now`: at once, in the next turn).
  virtual Instant run(router::Router& router, Instant now, WallTime wall_now) = 0;
};

}  // namespace petrel::shard
