// seed_runner: the command line of the Raft simulations.
//   --seed N [--trace]           one seed, with its trace
//   --seeds A..B [OPTION]...     all of them; stops at the first that fails
//     --keep-going               does not stop
//     --sleepy                   days of sleep between the faults (one group only)
//     --faults                   counts what happened; fails when a fault never did
// Thread: main.
#pragma once

#include "sim/world/fault_counts.h"

#include <cstdint>
#include <functional>
#include <string>

namespace petrel::sim {

struct SeedResult {
  std::string failure;  // empty: nothing was found wrong
  std::string plan;
  double virtual_seconds = 0;
  double slept_seconds = 0;  // of these, without chaos
  uint64_t events = 0;
  uint64_t acknowledged = 0;
  FaultCounts faults;
};

struct SeedOrder {
  uint64_t seed = 0;
  bool wants_trace = false;
  bool is_sleepy = false;
};

using RunSeed = std::function<SeedResult(const SeedOrder& order)>;

// The exit code of the process.
int run_seed_command(int argc, char** argv, const RunSeed& run);

}  // namespace petrel::sim
