// What this process uses: processor time, memory, threads; and how it was called.
// Thread: any.
#pragma once

#include "petrel/base/time.h"
#include "petrel/monitor/pages.h"

#include <string>
#include <vector>

namespace petrel::server {

struct CpuSample {
  Instant at = {};
  Duration used = {};  // by all threads
};
CpuSample cpu_sample();
monitor::ProcessMemory process_memory();
std::vector<monitor::ThreadView> process_threads();
// As it stands in the process table, secrets hidden.
std::vector<std::string> process_arguments();

}  // namespace petrel::server
