// sim_full_disk --seed N [--trace] | --seeds A..B: the disk is full after N / 2 growing writes, and
// stays full over a power failure when N is odd.
#include "full_disk.h"
#include "sim/world/run_seeds.h"

int main(int argc, char** argv) {
  return petrel::sim::run_seeds<petrel::sim::FullDisk>(argc, argv);
}
