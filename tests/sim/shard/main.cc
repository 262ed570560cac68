// sim_shard --seed N [--trace] | --seeds A..B
#include "shard_world.h"
#include "sim/world/run_seeds.h"

int main(int argc, char** argv) {
  return petrel::sim::run_seeds<petrel::sim::ShardWorld>(argc, argv);
}
