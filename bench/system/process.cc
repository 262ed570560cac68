#include "process.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <time.h>

namespace petrel::bench {

void fail(const std::string& text) {
  std::fprintf(stderr, "load: %s\n", text.c_str());
  std::exit(1);
}

namespace {

int64_t clock_ns(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) fail("the clock of the process cannot be read");
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

int64_t process_cpu_ns(pid_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(pid, &clock) != 0) fail("no process " + std::to_string(pid));
  return clock_ns(clock);
}

ProcessMemory process_memory(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  ProcessMemory memory;
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line);
    std::string name;
    int64_t kilobytes = 0;
    fields >> name >> kilobytes;
    if (name == "VmRSS:") memory.resident_bytes = kilobytes * 1024;
    if (name == "RssAnon:") memory.private_bytes = kilobytes * 1024;
  }
  if (memory.resident_bytes == 0) fail("no memory figures for process " + std::to_string(pid));
  return memory;
}

}  // namespace petrel::bench
