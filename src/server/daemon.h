// A server as a process: from the command line to the exit code, with signals in between.
//
// Thread: main. Source: spec operations.md sections 3 and 4.
#pragma once

namespace petrel::server {

// What main does.
int run_daemon(int argc, char** argv);

}  // namespace petrel::server
