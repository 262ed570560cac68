// Requests and replies through the server: how long a round trip takes.
// Closed loop: `in_flight` requests, the next when a reply came. Open loop: requests leave at a
// fixed rate and are timed from the moment they were due, so a stalled server cannot hide.
// Thread: one.
#pragma once

#include "client.h"

#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace petrel::bench {

struct RequestOptions {
  uint32_t in_flight = 1;
  double rate = 0;  // requests per second; 0: closed loop
  uint32_t payload_bytes = 16;
  double warm_up_seconds = 0.2;
  double seconds = 1.0;
};

struct RequestResult {
  uint64_t requests = 0;
  int64_t elapsed_ns = 0;
  int64_t server_cpu_ns = 0;
  std::vector<int64_t> latencies_ns;  // sorted
};

RequestResult run_requests(const Endpoint& server, pid_t server_pid, const RequestOptions& options);

}  // namespace petrel::bench
