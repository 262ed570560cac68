// What connections and subscriptions cost: connects per second, memory of idle ones, processor
// time of an idle server, time and memory of a start.
// Thread: one.
#pragma once

#include "client.h"
#include "process.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace petrel::bench {

struct ConnectResult {
  uint64_t connections = 0;
  int64_t elapsed_ns = 0;
  int64_t server_cpu_ns = 0;
};
// Connects, waits for PONG, closes: `parallel` at a time.
ConnectResult run_connects(const Endpoint& server, pid_t server_pid, uint32_t count,
                           uint32_t parallel);

struct MemoryResult {
  uint64_t count = 0;
  ProcessMemory before;
  ProcessMemory after;
};
// Memory with `count` idle connections, and with `count` subscriptions on one connection.
MemoryResult run_idle_connections(const Endpoint& server, pid_t server_pid, uint32_t count);
MemoryResult run_subscriptions(const Endpoint& server, pid_t server_pid, uint32_t count);

// Processor time per second while `connections` are open and nothing happens.
int64_t run_idle_cpu(const Endpoint& server, pid_t server_pid, uint32_t connections,
                     double seconds);

struct StartResult {
  int64_t info_ns = 0;  // from exec to the first byte of INFO
  ProcessMemory memory;
};
// Starts `command` (which must listen on `server`), waits for INFO, measures, stops it.
StartResult run_start(const Endpoint& server, const std::vector<std::string>& command);

}  // namespace petrel::bench
