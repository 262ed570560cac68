// How many processors this process may really use: affinity mask, CPU quota of the cgroup,
// GOMAXPROCS. Thread: control.
#pragma once

#include "petrel/conf/options.h"

#include <cstdint>
#include <string>

namespace petrel::server {

inline constexpr int kLoopsMax = 16;

// Processors of a cgroup's quota, rounded up; 0: no quota. `root` holds what /sys/fs/cgroup does.
int cgroup_cpus(const std::string& root);

// The number of loops to run when the configuration names none: 1 to kLoopsMax.
uint16_t default_loop_count();
// The number of loops to run.
uint16_t loop_count(const conf::Options& options);

}  // namespace petrel::server
