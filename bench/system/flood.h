// A tenant that takes what it can get: publishes without end to subscribers of its own, and throws
// away what they receive. Whoever started it kills it.
// Thread: one.
#pragma once

#include "client.h"

#include <cstdint>

namespace petrel::bench {

struct FloodOptions {
  uint32_t publishers = 4;
  uint32_t subscribers = 10;
  uint32_t payload_bytes = 128;
};

[[noreturn]] void run_flood(const Endpoint& server, const FloodOptions& options);

}  // namespace petrel::bench
