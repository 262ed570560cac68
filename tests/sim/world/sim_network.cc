#include "sim/world/sim_network.h"

#include <algorithm>

namespace petrel::sim {

SimNetwork::SimNetwork(uint32_t nodes, const NetworkOptions& options, uint64_t seed)
    : nodes_(nodes),
      options_(options),
      prng_(seed),
      cut_(static_cast<size_t>(nodes) * nodes),
      last_arrival_(static_cast<size_t>(nodes) * nodes) {}

Duration SimNetwork::random_between(Duration low, Duration high) {
  const auto span = static_cast<uint64_t>(high.ns - low.ns) + 1;
  return Duration{low.ns + static_cast<int64_t>(prng_.below(span))};
}

Deliveries SimNetwork::send(uint32_t from, uint32_t to, Instant now) {
  Deliveries deliveries;
  ++counts_.sent;
  if (is_cut(from, to)) {
    ++counts_.cut;
    return deliveries;
  }
  if (prng_.chance(options_.drop_per_mille)) {
    ++counts_.dropped;
    return deliveries;
  }
  deliveries.count = prng_.chance(options_.duplicate_per_mille) ? 2 : 1;
  counts_.duplicated += deliveries.count - 1;
  for (uint32_t i = 0; i < deliveries.count; ++i) {
    const Instant arrival = now + random_between(options_.delay_min, options_.delay_max);
    if (i > 0 || prng_.chance(options_.reorder_per_mille)) {
      ++counts_.overtakeable;
      deliveries.at[i] = arrival + random_between(Duration{0}, options_.reorder_max);
      continue;
    }
    Instant& last = last_arrival_[from * nodes_ + to];
    last = std::max(last, arrival);
    deliveries.at[i] = last;
  }
  return deliveries;
}

void SimNetwork::cut(uint32_t from, uint32_t to) {
  cut_[from * nodes_ + to] = true;
}
void SimNetwork::mend(uint32_t from, uint32_t to) {
  cut_[from * nodes_ + to] = false;
}
void SimNetwork::mend_all() {
  std::fill(cut_.begin(), cut_.end(), false);
}

void SimNetwork::partition(uint32_t side) {
  for (uint32_t a = 0; a < nodes_; ++a) {
    for (uint32_t b = 0; b < nodes_; ++b) {
      if (((side >> a) & 1) != ((side >> b) & 1)) cut(a, b);
    }
  }
}

void SimNetwork::partition_with_bridge(uint32_t side, uint32_t bridge) {
  partition(side);
  for (uint32_t other = 0; other < nodes_; ++other) {
    mend(bridge, other);
    mend(other, bridge);
  }
}

void SimNetwork::isolate(uint32_t node) {
  for (uint32_t other = 0; other < nodes_; ++other) {
    if (other == node) continue;
    cut(node, other);
    cut(other, node);
  }
}

}  // namespace petrel::sim
