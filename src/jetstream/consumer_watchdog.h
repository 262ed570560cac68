// Watchdog: notices a consumer that has messages and somebody who waits for them, and delivers
// nothing for a second (promise P11).
//
// Owner: the consumer. Thread: the home loop.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>

namespace petrel::jetstream {

class Watchdog {
 public:
  static constexpr Duration kPatience = Duration::seconds(1);

  // True once for each time that it stands still for longer than a second.
  bool look(bool is_waiting, uint64_t deliveries, Instant now) {
    if (!is_waiting || deliveries != deliveries_) {
      deliveries_ = deliveries;
      since_ = is_waiting ? now : Instant{};
      is_told_ = false;
      return false;
    }
    if (since_.ns == 0) since_ = now;
    if (is_told_ || now - since_ < kPatience) return false;
    is_told_ = true;
    return true;
  }
  // When it wants to look again; ns INT64_MAX: not at all.
  Instant next() const {
    return since_.ns == 0 || is_told_ ? Instant{INT64_MAX} : since_ + kPatience;
  }

 private:
  Instant since_ = {};
  uint64_t deliveries_ = 0;
  bool is_told_ = false;
};

}  // namespace petrel::jetstream
