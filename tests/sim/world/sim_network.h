// SimNetwork: decides what happens to a packet between two nodes: lost, delivered once or twice,
// and when. It holds no packets, so streams and whole nodes can use it for whatever they send.
// Nodes are 0..nodes-1. Same seed, same decisions. Thread: one.
#pragma once

#include "petrel/base/prng.h"
#include "petrel/base/time.h"

#include <array>
#include <cstdint>
#include <vector>

namespace petrel::sim {

struct NetworkOptions {
  uint32_t drop_per_mille = 0;
  uint32_t duplicate_per_mille = 0;
  uint32_t reorder_per_mille = 0;  // this packet may be overtaken; all others keep their order
  Duration delay_min = Duration::micros(100);
  Duration delay_max = Duration::micros(400);
  Duration reorder_max = Duration::millis(80);
};

// When the copies of one packet arrive.
struct Deliveries {
  std::array<Instant, 2> at;
  uint32_t count = 0;
};

// What happened to packets so far.
struct NetworkCounts {
  uint64_t sent = 0;
  uint64_t cut = 0;  // lost to a partition
  uint64_t dropped = 0;
  uint64_t duplicated = 0;
  uint64_t overtakeable = 0;  // set free from the order of their direction
};

class SimNetwork {
 public:
  SimNetwork(uint32_t nodes, const NetworkOptions& options, uint64_t seed);

  Deliveries send(uint32_t from, uint32_t to, Instant now);

  void set_options(const NetworkOptions& options) { options_ = options; }
  void cut(uint32_t from, uint32_t to);  // one way
  void mend(uint32_t from, uint32_t to);
  void mend_all();
  bool is_cut(uint32_t from, uint32_t to) const { return cut_[from * nodes_ + to]; }
  // Two sides that do not hear each other; bit i of `side` says where node i is.
  void partition(uint32_t side);
  // Two sides that only `bridge` connects.
  void partition_with_bridge(uint32_t side, uint32_t bridge);
  void isolate(uint32_t node);
  const NetworkCounts& counts() const { return counts_; }

 private:
  Duration random_between(Duration low, Duration high);

  uint32_t nodes_;
  NetworkOptions options_;
  Prng prng_;
  std::vector<bool> cut_;
  NetworkCounts counts_;
  std::vector<Instant> last_arrival_;  // per direction: packets keep their order
};

}  // namespace petrel::sim
