// sim_store --seed N [--trace] | --seeds A..B
#include "store_world.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

bool run_seed(uint64_t seed, bool trace) {
  petrel::sim::StoreWorld world(seed, trace);
  const std::string error = world.run();
  if (error.empty()) return true;
  std::printf("seed %llu: FAILED %s\n", static_cast<unsigned long long>(seed), error.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
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
  for (uint64_t seed = first; seed <= last; ++seed) failed += run_seed(seed, trace) ? 0 : 1;
  std::printf("%llu of %llu seeds failed\n", static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(last - first + 1));
  return failed == 0 ? 0 : 1;
}
