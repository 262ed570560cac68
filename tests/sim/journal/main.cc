// sim_journal --seed N [--trace] | --seeds A..B
#include "journal_world.h"
#include "sim/world/run_seeds.h"

int main(int argc, char** argv) {
  return petrel::sim::run_seeds<petrel::sim::JournalWorld>(argc, argv);
}
