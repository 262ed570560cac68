// sim_explore: every history of three replicas up to a number of steps.
//   sim_explore [--depth N | --deep] [--scenario NAME]
// tests/sim/mutants/run.py links all sources of this folder into sim_raft, which has a main
// already: this one exists only in the target sim_explore.
#ifdef PETREL_SIM_EXPLORE

#include "sim/raft/explore.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool run(const petrel::sim::Scenario& scenario, uint32_t depth) {
  const auto begun = std::chrono::steady_clock::now();
  const petrel::sim::Explored found = petrel::sim::explore(scenario, depth);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%s, depth %u: %llu states, %llu steps taken, %.1f s: %s\n", scenario.name.c_str(),
              depth, static_cast<unsigned long long>(found.states),
              static_cast<unsigned long long>(found.transitions), took.count(),
              found.failure.empty() ? "nothing found" : ("FAILED: " + found.failure).c_str());
  if (found.with_lease + found.with_snapshot + found.with_joint > 0) {
    std::printf("  of these with a lease %llu, with a snapshot installed %llu, joint %llu\n",
                static_cast<unsigned long long>(found.with_lease),
                static_cast<unsigned long long>(found.with_snapshot),
                static_cast<unsigned long long>(found.with_joint));
  }
  for (const std::string& line : found.history) std::printf("  %s\n", line.c_str());
  std::fflush(stdout);
  return found.failure.empty();
}

int usage() {
  std::fputs("usage: sim_explore [--depth N | --deep] [--scenario NAME]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t depth = 0;  // 0: each scenario's own
  std::string only;
  bool is_deep = false;
  for (int i = 1; i < argc; i += 2) {
    if (std::strcmp(argv[i], "--deep") == 0) {
      is_deep = true;
      --i;
      continue;
    }
    if (i + 1 == argc) return usage();
    if (std::strcmp(argv[i], "--depth") == 0) {
      depth = static_cast<uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
    } else if (std::strcmp(argv[i], "--scenario") == 0) {
      only = argv[i + 1];
    } else {
      return usage();
    }
  }
  bool is_known = false;
  bool has_passed = true;
  for (const petrel::sim::Scenario& scenario : petrel::sim::Scenario::all()) {
    if (!only.empty() && scenario.name != only) continue;
    is_known = true;
    const uint32_t own = is_deep ? scenario.deep : scenario.depth;
    has_passed = run(scenario, depth == 0 ? own : depth) && has_passed;
  }
  if (!is_known) return usage();
  return has_passed ? 0 : 1;
}

#endif
