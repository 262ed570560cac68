// Hides passwords and tokens that stand in the command line, from `ps` and from monitoring.
//
// Thread: main, after the arguments were read. Source: spec operations.md section 1.
#pragma once

namespace petrel::server {

// Overwrites the process's own arguments with conf::redact_arguments of them. A text longer than
// the secret is cut, because the arguments cannot grow where they stand.
void redact_process_arguments(int argc, char** argv);

}  // namespace petrel::server
