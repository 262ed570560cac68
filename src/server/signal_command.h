// `--signal COMMAND[=PID]`: sends a signal to a running server.
//
// Thread: control. Errors: nats-server's texts. Source: spec operations.md sections 3 and 4.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/command_line.h"

#include <functional>
#include <string>
#include <vector>

namespace petrel::server {

// What the command touches, so that a test needs no processes.
struct ProcessTable {
  // Pids of all servers but ourselves, ascending.
  std::function<std::vector<int>()> servers;
  // 0, or an errno.
  std::function<int(int pid, int signal)> send;
};

// The processes whose name contains "nats-server" (as pgrep finds them) or is "petrel".
ProcessTable system_processes();

Status send_signal_command(const conf::SignalRequest& request, const ProcessTable& processes);

}  // namespace petrel::server
