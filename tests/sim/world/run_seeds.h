// run_seeds: the command line of a simulation: `--seed N [--trace]` or `--seeds A..B`.
//
// Thread: main. A World is made from (seed, trace) and its run() says what went wrong, "" if
// nothing.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace petrel::sim {

template <typename World>
bool run_seed(uint64_t seed, bool trace) {
  World world(seed, trace);
  const std::string error = world.run();
  if (error.empty()) return true;
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), error.c_str());
  return false;
}

// Returns the exit code: 0 when no seed failed.
template <typename World>
int run_seeds(int argc, char** argv) {
  uint64_t first = 1;
  uint64_t last = 200;
  bool trace = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--trace") == 0) trace = true;
    if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      first = last = std::strtoull(argv[++i], nullptr, 10);
    }
    if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
      const std::string range = argv[++i];
      first = std::strtoull(range.c_str(), nullptr, 10);
      last = std::strtoull(range.c_str() + range.find("..") + 2, nullptr, 10);
    }
  }
  std::printf("seeds %llu..%llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(last));
  uint64_t failed = 0;
  for (uint64_t seed = first; seed <= last; ++seed) failed += run_seed<World>(seed, trace) ? 0 : 1;
  std::printf("%llu of %llu seeds failed\n", static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(last - first + 1));
  return failed == 0 ? 0 : 1;
}

}  // namespace petrel::sim
