// ShortWait: whether a loop looks for events a while before it sleeps. A request and its reply
// follow each other within microseconds, and falling asleep and being woken costs more than that.
//
// Looks only after turns that did little, and not much longer than usual until something comes:
// whenever nothing came in time, it leaves more and more turns out before it tries again.
// Owner: one loop. Thread: the loop's.
#pragma once

#include "petrel/base/time.h"

#include <algorithm>
#include <cstdint>

namespace petrel::net {

class ShortWait {
 public:
  static constexpr Duration kLongest = Duration::micros(50);

  // Before a wait: the turn read so many bytes.
  bool is_worth_it(size_t turn_bytes) {
    if (turn_bytes == 0 || turn_bytes > kLittleBytes) return false;
    if (turns_left_out_ == 0) return true;
    --turns_left_out_;
    return false;
  }
  // How long the next look may take: what came so far came sooner.
  Duration longest() const { return std::clamp(usual_ * 4, kShortest, kLongest); }
  // After a look of `spent`.
  void note(bool has_paid, Duration spent) {
    // A single miss says little; after two it looks as long as it can again.
    if (has_paid) {
      usual_ = usual_ + (spent - usual_) / 8;
    } else if (misses_ > 0) {
      usual_ = kLongest;
    }
    misses_ = has_paid ? 0 : std::min(misses_ + 1, kMissesMax);
    turns_left_out_ = has_paid ? 0 : 1U << misses_;
  }

 private:
  static constexpr size_t kLittleBytes = 4096;
  static constexpr Duration kShortest = Duration::micros(20);
  static constexpr uint32_t kMissesMax = 10;

  Duration usual_ = kLongest;  // looks that paid took
  uint32_t misses_ = 0;
  uint32_t turns_left_out_ = 0;
};

}  // namespace petrel::net
