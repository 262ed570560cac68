#include "petrel/router/plan_cache.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"
#include "petrel/base/same_bytes.h"

#include <cstdlib>

namespace petrel::router {

void DeliveryPlan::clear() {
  local.clear();
  remote_targets.clear();
  remote_runs.clear();
  members.clear();
  groups.clear();
  imports.clear();
  prefixes.clear();
}

// Together they are large enough to be mapped; a smaller piece of the heap would be written.
PlanCache::PlanCache()
    : ways_(static_cast<Way*>(std::calloc(1, kTableBytes))),
      seen_(reinterpret_cast<uint32_t*>(ways_ + kSets * kWays)) {
  PETREL_CHECK(ways_ != nullptr);
}

PlanCache::~PlanCache() {
  for (size_t i = 0; i < kSets * kWays; ++i) delete ways_[i].entry;
  std::free(ways_);
}

uint64_t PlanCache::hash_of(const AccountInterest& account, Slice key, bool is_shared) {
  const auto seed = reinterpret_cast<uintptr_t>(&account) + (is_shared ? 1 : 0);
  return hash_bytes(key, seed);
}

PlanEntry* PlanCache::find(uint64_t hash, const AccountInterest& account, Slice key,
                           bool is_shared) {
  Way* set = set_of(hash);
  for (size_t i = 0; i < kWays; ++i) {
    PlanEntry* entry = set[i].entry;
    if (entry == nullptr) return nullptr;
    if (set[i].hash == hash && entry->account == &account && entry->is_shared == is_shared &&
        same_bytes(entry->key, key)) {
      entry->used_at = ++clock_;
      return entry;
    }
  }
  return nullptr;
}

bool PlanCache::wants(uint64_t hash) {
  uint32_t& seen = seen_[(hash >> 20) % kSeen];
  const auto fingerprint = static_cast<uint32_t>(hash >> 32) | 1;
  if (seen == fingerprint) return true;
  seen = fingerprint;
  return false;
}

PlanEntry& PlanCache::insert(uint64_t hash, const AccountInterest& account, Slice key,
                             bool is_shared) {
  Way* set = set_of(hash);
  Way* place = &set[0];
  for (size_t i = 0; i < kWays; ++i) {
    if (set[i].entry == nullptr) {
      place = &set[i];
      break;
    }
    // Signed distance: the clock may wrap.
    if (static_cast<int32_t>(set[i].entry->used_at - place->entry->used_at) < 0) place = &set[i];
  }
  if (place->entry == nullptr) place->entry = new PlanEntry;
  place->hash = hash;
  PlanEntry& entry = *place->entry;
  entry.account = &account;
  entry.key.assign(key);
  entry.is_shared = is_shared;
  entry.hash = hash;
  entry.used_at = ++clock_;
  entry.plan.clear();
  return entry;
}

}  // namespace petrel::router
