#include "sim/raft/plan.h"

#include "petrel/base/prng.h"

namespace petrel::sim {

Plan Plan::of_seed(uint64_t seed) {
  Prng prng(seed * 2 + 1);
  Plan plan;
  plan.seed = seed;
  const auto often = [&] { return prng.chance(600); };
  plan.voters = prng.chance(600) ? 3 : prng.chance(700) ? 5 : 7;
  plan.nodes = plan.voters;
  plan.is_volatile = prng.chance(200);
  plan.crashes = often();
  plan.pauses = often();
  plan.partitions = often();
  plan.clocks = prng.chance(300);
  plan.memberships = prng.chance(400);
  plan.damage = !plan.memberships && !plan.is_volatile && prng.chance(500);
  plan.transfers = often();
  plan.checkpoints = often();
  plan.priorities = prng.chance(300);
  plan.wire = prng.chance(300);
  if (plan.memberships) plan.nodes += 2;
  if (plan.damage) plan.crashes = true;
  if (often()) plan.network.drop_per_mille = static_cast<uint32_t>(prng.below(100));
  if (often()) plan.network.duplicate_per_mille = static_cast<uint32_t>(prng.below(100));
  if (often()) plan.network.reorder_per_mille = static_cast<uint32_t>(prng.below(200));
  if (prng.chance(300)) plan.network.delay_max = Duration::millis(20);
  if (often()) plan.disk.slow_per_mille = static_cast<uint32_t>(prng.below(20));
  if (prng.chance(300)) plan.disk.fail_per_mille = 2;
  if (prng.chance(300)) plan.disk.sync_max = Duration::millis(20);
  if (plan.is_volatile) plan.disk.fail_per_mille = 0;
  if (prng.chance(300)) plan.raft.quiesce_ticks = 20;
  if (prng.chance(300)) plan.raft.append_bytes_max = 200;
  if (prng.chance(300)) plan.raft.window_messages_max = 2;
  if (prng.chance(500)) plan.raft.retain_bytes = 500;
  plan.raft.forward_proposals = prng.chance(300);
  plan.fault_every = Duration::millis(100 + static_cast<int64_t>(prng.below(1500)));
  plan.client_every =
      Duration::millis(prng.chance(200) ? 400 : 5 + static_cast<int64_t>(prng.below(40)));
  plan.misdirects = plan.damage && prng.chance(500);
  return plan;
}

Plan Plan::sleepy_of_seed(uint64_t seed) {
  Plan plan = of_seed(seed);
  Prng prng(seed * 2 + 1'000'001);
  plan.raft.quiesce_ticks = 20;
  plan.episodes = 4;
  plan.sleep = Duration::hours(24 + static_cast<int64_t>(prng.below(192)));
  return plan;
}

std::string Plan::text() const {
  std::string out = std::to_string(voters) + " voters of " + std::to_string(nodes) + " nodes";
  const auto add = [&](bool on, const char* name) {
    if (on) out += std::string(", ") + name;
  };
  add(is_volatile, "memory logs");
  add(crashes, "crashes");
  add(pauses, "pauses");
  add(partitions, "partitions");
  add(clocks, "clocks");
  add(damage, "damage");
  add(misdirects, "misdirected writes");
  add(memberships, "memberships");
  add(transfers, "transfers");
  add(checkpoints, "checkpoints");
  add(priorities, "priorities");
  add(wire, "wire");
  add(raft.quiesce_ticks != 0, "quiescence");
  add(network.drop_per_mille != 0, "drops");
  add(network.duplicate_per_mille != 0, "duplicates");
  add(network.reorder_per_mille != 0, "reordering");
  add(disk.slow_per_mille != 0, "slow disks");
  add(disk.fail_per_mille != 0, "failing disks");
  return out;
}

}  // namespace petrel::sim
