// sim_raft: runs seeds of one Raft group under faults; see seed_runner.h.
#include "sim/raft/plan.h"
#include "sim/raft/raft_world.h"
#include "sim/raft/seed_runner.h"

#include <cstdio>
#include <string>

namespace {

using petrel::sim::Plan;
using petrel::sim::RaftWorld;
using petrel::sim::SeedOrder;
using petrel::sim::SeedResult;

double seconds(int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

SeedResult run(const SeedOrder& order) {
  const Plan plan = order.is_sleepy ? Plan::sleepy_of_seed(order.seed) : Plan::of_seed(order.seed);
  petrel::sim::Trace trace;
  if (order.wants_trace) {
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(order.seed),
                plan.text().c_str());
    trace = [](const std::string& line) { std::puts(line.c_str()); };
  }
  RaftWorld world(plan, trace);
  SeedResult result;
  result.failure = world.run();
  result.plan = plan.text();
  result.virtual_seconds = seconds(world.now().ns);
  result.slept_seconds = seconds(world.slept().ns);
  result.events = world.events();
  result.acknowledged = world.checker().acknowledgements();
  result.faults = world.faults();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  return petrel::sim::run_seed_command(argc, argv, run);
}
