// PushState: what only push consumers need: interest, flow control, heartbeats, pace.
//
// Owner: the consumer. Thread: the home loop.
// Source: spec consumers.md section 6.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>
#include <string>

namespace petrel::jetstream {

struct FlowWindow {
  static constexpr int64_t kLimit = 32 << 20;
  int64_t window = 0;  // 0: no flow control
  int64_t pending = 0;
  int64_t asked = 0;  // bytes that the outstanding request answers for
  std::string reply;  // of the outstanding request; empty: none

  void begin() { *this = {.window = kLimit / 16, .pending = 0, .asked = 0, .reply = {}}; }
  bool is_full() const { return window > 0 && pending > window; }
  // What a delivery adds; true: a request has to be sent.
  bool add(int64_t bytes);
  // The client has handled everything before the request.
  void answered();
};

// Lets `bytes_per_second` pass, and at most `burst` at once.
struct RateLimit {
  uint64_t bytes_per_second = 0;  // 0: no limit
  int64_t burst = 0;
  double tokens = 0;
  Instant updated = {};

  void begin(uint64_t bits_per_second, int64_t burst_bytes, Instant now);
  // Takes them; how long the sender has to wait.
  Duration take(int64_t bytes, Instant now);
};

struct PushState {
  bool is_active = false;
  Instant inactive_since = {};
  Instant look_at = {INT64_MAX};  // when interest is looked for again
  Duration look_pause = {};
  FlowWindow flow;
  RateLimit rate;
  Instant ready_at = {};  // rate limit or pace: not before
  Instant beat_at = {INT64_MAX};
  // Replay at the original pace until this sequence.
  uint64_t replay_until = 0;
  int64_t replay_last_ns = 0;
  uint64_t paced = 0;  // the sequence whose pause is in ready_at
};

}  // namespace petrel::jetstream
