// Plan: what one seed does. Every class of faults and every feature is switched by the seed, so
// that some runs have few of them and some have all (S3).
#pragma once

#include "sim/world/sim_disk.h"
#include "sim/world/sim_network.h"

#include "petrel/base/time.h"
#include "petrel/raft/raft_options.h"

#include <cstdint>
#include <string>

namespace petrel::sim {

struct Plan {
  uint64_t seed = 0;
  uint32_t nodes = 3;
  uint32_t voters = 3;
  Duration chaos = Duration::seconds(15);  // faults happen
  Duration calm = Duration::seconds(10);   // then everything must heal in this time
  raft::RaftOptions raft;
  NetworkOptions network;
  DiskOptions disk;
  Duration fault_every = Duration::millis(600);
  Duration client_every = Duration::millis(20);
  bool is_volatile = false;
  bool crashes = false;
  bool pauses = false;
  bool partitions = false;
  bool clocks = false;
  bool damage = false;
  bool memberships = false;
  bool transfers = false;
  bool checkpoints = false;
  bool priorities = false;
  bool wire = false;  // messages travel encoded
  bool misdirects = false;
  // After each episode of chaos and calm the group sleeps for this long.
  uint32_t episodes = 1;
  Duration sleep;

  static Plan of_seed(uint64_t seed);
  // The same faults in a group that sleeps for days between them.
  static Plan sleepy_of_seed(uint64_t seed);
  std::string text() const;
};

}  // namespace petrel::sim
