// SIGQUIT: writes the stacks of all threads to standard error and ends the process with exit code
// 2, as nats-server (a Go program) does.
//
// Thread: install once, from main, before other threads start.
#pragma once

namespace petrel::server {

void install_stack_dump();

}  // namespace petrel::server
