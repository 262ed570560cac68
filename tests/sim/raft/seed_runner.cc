#include "sim/raft/seed_runner.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace petrel::sim {

namespace {

struct Options {
  uint64_t first = 0;
  uint64_t last = 0;
  bool is_single = false;
  bool wants_trace = false;
  bool keeps_going = false;
  bool is_sleepy = false;
  bool counts_faults = false;
};

uint64_t running_seed = 0;

// A broken invariant inside the core aborts: the seed is said before the process ends.
void on_abort(int) {
  std::printf("seed %llu: FAILED: stopped by a check\n",
              static_cast<unsigned long long>(running_seed));
  std::fflush(stdout);
}

int usage(const char* name) {
  std::fprintf(stderr,
               "usage: %s --seed N [--trace] [--sleepy] | --seeds A..B [--keep-going] [--sleepy] "
               "[--faults]\n",
               name);
  return 2;
}

bool parse(int argc, char** argv, Options& options) {
  if (argc < 3) return false;
  char* rest = nullptr;
  options.first = options.last = std::strtoull(argv[2], &rest, 10);
  options.is_single = std::strcmp(argv[1], "--seed") == 0;
  if (!options.is_single) {
    if (std::strcmp(argv[1], "--seeds") != 0 || std::strncmp(rest, "..", 2) != 0) return false;
    options.last = std::strtoull(rest + 2, nullptr, 10);
  }
  for (int i = 3; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--trace") {
      options.wants_trace = true;
    } else if (option == "--keep-going") {
      options.keeps_going = true;
    } else if (option == "--sleepy") {
      options.is_sleepy = true;
    } else if (option == "--faults") {
      options.counts_faults = true;
    } else {
      return false;
    }
  }
  return true;
}

void add(SeedResult& totals, const SeedResult& result) {
  totals.virtual_seconds += result.virtual_seconds;
  totals.slept_seconds += result.slept_seconds;
  totals.events += result.events;
  totals.acknowledged += result.acknowledged;
  add_counts(totals.faults, result.faults);
}

SeedResult run_one(const RunSeed& run, const Options& options, uint64_t seed) {
  running_seed = seed;
  SeedResult result =
      run({.seed = seed, .wants_trace = options.wants_trace, .is_sleepy = options.is_sleepy});
  if (!result.failure.empty()) {
    std::printf("seed %llu: FAILED at %.4f s: %s\n  plan: %s\n",
                static_cast<unsigned long long>(seed), result.virtual_seconds,
                result.failure.c_str(), result.plan.c_str());
    std::fflush(stdout);
  }
  return result;
}

int run_single(const RunSeed& run, const Options& options) {
  const SeedResult result = run_one(run, options, options.first);
  const bool has_passed = result.failure.empty();
  if (options.counts_faults) print_counts(result.faults);
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(options.first),
              has_passed ? "nothing found" : "FAILED");
  return has_passed ? 0 : 1;
}

int run_many(const RunSeed& run, const Options& options) {
  std::printf("seeds %llu..%llu\n", static_cast<unsigned long long>(options.first),
              static_cast<unsigned long long>(options.last));
  std::fflush(stdout);
  SeedResult totals;
  uint64_t failed = 0;
  const auto begun = std::chrono::steady_clock::now();
  uint64_t seed = options.first;
  for (; seed <= options.last; ++seed) {
    const SeedResult result = run_one(run, options, seed);
    add(totals, result);
    failed += result.failure.empty() ? 0 : 1;
    if (failed > 0 && !options.keeps_going) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf(
      "seeds %llu..%llu: %llu failed, %.0f s of virtual time (%.0f s of it asleep) in %.1f s "
      "(%.0f x), %llu events, %llu acknowledged\n",
      static_cast<unsigned long long>(options.first),
      static_cast<unsigned long long>(std::min(seed, options.last)),
      static_cast<unsigned long long>(failed), totals.virtual_seconds, totals.slept_seconds,
      took.count(), totals.virtual_seconds / std::max(took.count(), 1e-9),
      static_cast<unsigned long long>(totals.events),
      static_cast<unsigned long long>(totals.acknowledged));
  size_t never = 0;
  if (options.counts_faults) never = print_counts(totals.faults);
  if (never > 0) std::printf("%zu faults never happened\n", never);
  return failed == 0 && never == 0 ? 0 : 1;
}

}  // namespace

int run_seed_command(int argc, char** argv, const RunSeed& run) {
  std::signal(SIGABRT, on_abort);
  Options options;
  if (!parse(argc, argv, options)) return usage(argv[0]);
  return options.is_single ? run_single(run, options) : run_many(run, options);
}

}  // namespace petrel::sim
