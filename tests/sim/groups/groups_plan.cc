#include "sim/groups/groups_plan.h"

#include "petrel/base/prng.h"

namespace petrel::sim {

GroupsPlan GroupsPlan::of_seed(uint64_t seed) {
  Prng prng(seed * 2 + 77);
  const auto often = [&] { return prng.chance(600); };
  GroupsPlan plan;
  Plan& group = plan.group;
  group.seed = seed;
  group.nodes = prng.chance(500) ? 3 : prng.chance(600) ? 5 : 7;
  group.voters = group.nodes > 3 && prng.chance(400) ? 5 : 3;
  plan.groups = 10 + static_cast<uint32_t>(prng.below(40));
  if (prng.chance(250)) plan.groups = 200 + static_cast<uint32_t>(prng.below(400));
  if (prng.chance(40)) plan.groups = 1000 + static_cast<uint32_t>(prng.below(2000));
  group.crashes = often();
  group.pauses = often();
  group.partitions = often();
  group.clocks = prng.chance(400);
  group.memberships = group.nodes > group.voters && often();
  group.transfers = often();
  group.checkpoints = often();
  group.priorities = prng.chance(300);
  plan.resets = often();
  plan.corrupts = prng.chance(400);
  plan.balances = often();
  if (often()) group.network.drop_per_mille = static_cast<uint32_t>(prng.below(60));
  if (often()) group.network.duplicate_per_mille = static_cast<uint32_t>(prng.below(60));
  if (often()) group.network.reorder_per_mille = static_cast<uint32_t>(prng.below(150));
  if (prng.chance(300)) group.network.delay_max = Duration::millis(15);
  if (often()) group.disk.slow_per_mille = static_cast<uint32_t>(prng.below(10));
  if (prng.chance(400)) group.disk.fail_per_mille = 1;
  group.raft.quiesce_ticks = 20;
  if (often()) group.raft.retain_bytes = 300;
  group.raft.forward_proposals = prng.chance(300);
  group.fault_every = Duration::millis(100 + static_cast<int64_t>(prng.below(600)));
  group.client_every = Duration::millis(10 + static_cast<int64_t>(prng.below(40)));
  plan.multi.raft = group.raft;
  if (prng.chance(250)) plan.multi.link_bytes_max = 8 << 10;
  if (prng.chance(300)) plan.multi.frame_bytes_aim = 1 << 10;
  group.damage = !group.memberships && prng.chance(500);
  group.misdirects = group.damage && prng.chance(500);
  if (group.damage) group.crashes = true;
  return plan;
}

std::string GroupsPlan::text() const {
  std::string out = std::to_string(groups) + " groups of " + group.text();
  if (resets) out += ", resets";
  if (corrupts) out += ", damaged frames";
  if (balances) out += ", balance";
  return out;
}

}  // namespace petrel::sim
