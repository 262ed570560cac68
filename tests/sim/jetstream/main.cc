// sim_jetstream --seed N [--trace] | --seeds A..B
#include "sim/world/run_seeds.h"
#include "stream_sim.h"

int main(int argc, char** argv) {
  return petrel::sim::run_seeds<petrel::sim::StreamSim>(argc, argv);
}
