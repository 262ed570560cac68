// sim_store --seed N [--trace] | --seeds A..B
#include "sim/world/run_seeds.h"
#include "store_world.h"

int main(int argc, char** argv) {
  return petrel::sim::run_seeds<petrel::sim::StoreWorld>(argc, argv);
}
