// What the operating system says about the server process: processor time and memory.
// Thread: any. Errors end the load generator: a figure that could not be read is no figure.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace petrel::bench {

// Prints "load: <text>" to standard error and exits with code 1.
[[noreturn]] void fail(const std::string& text);

int64_t monotonic_ns();

// User and system time of all threads of the process, dead ones included, in nanoseconds.
int64_t process_cpu_ns(pid_t pid);

// Resident memory of the process in bytes: everything, and what it does not share with a file.
struct ProcessMemory {
  int64_t resident_bytes = 0;
  int64_t private_bytes = 0;
};
ProcessMemory process_memory(pid_t pid);

}  // namespace petrel::bench
