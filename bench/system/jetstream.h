// Clients of streams at full speed: publishers that wait for acknowledgements, pull and push
// consumers, and requests from a file. Every acknowledgement and every delivery is counted and
// looked at: one too few, one too many, one twice or an error ends the run without a figure.
// Streams and pull consumers exist before (workloads of run.py create them).
// Thread: one.
#pragma once

#include "client.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace petrel::bench {

struct JetStreamOptions {
  // Publishers: connections, each with so many unacknowledged messages.
  uint32_t publishers = 0;
  uint32_t in_flight = 1;
  std::string subject = "bench";
  uint32_t subjects = 1;  // more than one: subject.000 and so on, in an order without runs
  uint32_t payload_bytes = 128;
  uint64_t messages = 0;  // to publish in all, or to expect for each consumer; 0: until `seconds`
  // Pull consumers C0, C1, ... or one consumer "C" that all of them share.
  uint32_t pullers = 0;
  std::string stream = "S";
  uint32_t batch = 256;
  bool ack = false;
  bool shared = false;
  bool exact = false;  // each asks for `messages`, a multiple of `batch`, and no more
  // Push consumers: created by this request when everybody has subscribed; {N} is their number.
  uint32_t pushed = 0;
  std::string create_subject;
  std::string create_config;
  // Requests: "subject TAB payload" lines, over one connection.
  std::string script;
  bool repeat = false;  // until `seconds`, else once
  double warm_up_seconds = 0;
  double seconds = 1.0;
};

struct JetStreamResult {
  uint64_t published = 0;         // acknowledged messages, or answered requests
  uint64_t published_in_all = 0;  // with the warm-up
  uint64_t delivered = 0;
  int64_t elapsed_ns = 0;
  int64_t server_cpu_ns = 0;
  std::vector<int64_t> latencies_ns;  // sorted; of acknowledgements and requests
};

JetStreamResult run_jetstream(const Endpoint& server, pid_t server_pid,
                              const JetStreamOptions& options);

}  // namespace petrel::bench
