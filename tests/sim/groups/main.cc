// sim_groups: runs seeds of many Raft groups on the same nodes under faults; see seed_runner.h.
#include "sim/groups/groups_world.h"
#include "sim/raft/seed_runner.h"

#include <cstdio>
#include <string>

namespace {

using petrel::sim::GroupsPlan;
using petrel::sim::GroupsWorld;
using petrel::sim::SeedOrder;
using petrel::sim::SeedResult;

SeedResult run(const SeedOrder& order) {
  const GroupsPlan plan = GroupsPlan::of_seed(order.seed);
  GroupsWorld::Trace trace;
  if (order.wants_trace) {
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(order.seed),
                plan.text().c_str());
    trace = [](const std::string& line) { std::puts(line.c_str()); };
  }
  GroupsWorld world(plan, trace);
  SeedResult result;
  result.failure = world.run();
  result.plan = plan.text();
  result.virtual_seconds = static_cast<double>(world.now().ns) / 1e9;
  result.events = world.events();
  result.acknowledged = world.acknowledgements();
  result.faults = world.faults();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  return petrel::sim::run_seed_command(argc, argv, run);
}
