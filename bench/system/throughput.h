// Publishers and subscribers at full speed: what one message costs the server.
// Every message is counted: a delivery too few or too many ends the run with an error.
// Thread: one.
#pragma once

#include "client.h"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace petrel::bench {

enum class Interest : uint8_t {
  kNone,   // nobody subscribes
  kAll,    // every subscriber gets every subject, by one wildcard when there are several
  kEach,   // every subscriber gets every subject, by one subscription per subject
  kOwn,    // subscriber i gets subject i only
  kQueue,  // all subscribers form one queue group
};

struct ThroughputOptions {
  uint32_t publishers = 1;
  uint32_t subscribers = 1;
  uint32_t subjects = 1;
  Interest interest = Interest::kAll;
  uint32_t payload_bytes = 16;
  bool headers = false;   // a header block of 36 bytes before the payload
  bool lockstep = false;  // publisher i sends its next message when subscriber i has the last
  uint32_t background_subscriptions = 0;  // subscriptions nobody publishes to, on one connection
  double warm_up_seconds = 0.2;
  double seconds = 1.0;
  int64_t window_bytes = 4 << 20;  // frames under way to one subscriber
  double patience_seconds = 20;    // without a delivery: messages are lost
};

struct ThroughputResult {
  uint64_t published = 0;
  uint64_t delivered = 0;
  uint64_t published_in_all = 0;  // with the warm-up
  int64_t elapsed_ns = 0;
  int64_t server_cpu_ns = 0;
  int64_t client_cpu_ns = 0;
};

ThroughputResult run_throughput(const Endpoint& server, pid_t server_pid,
                                const ThroughputOptions& options);

}  // namespace petrel::bench
