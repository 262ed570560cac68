// PlanCache: a loop's results of matching, ready to deliver: local subscriptions with their frame
// prefixes already formatted, targets of other loops grouped by loop, queue groups.
//
// Owner: one Router. Thread: its loop.
// Limits: 32,768 plans in sets of eight, the least recently used of a set goes first; plans with
// very many targets are not kept. A subject enters on its second use, so that subjects used once
// (replies) evict nothing. Whether a plan is still true is the SubjectIndex's business (stamps).
// Source: architecture section 3.3.
#pragma once

#include "petrel/router/account_links.h"
#include "petrel/router/delivery_batch.h"
#include "petrel/router/receiver.h"
#include "petrel/subject/subject_index.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace petrel::router {

struct DeliveryPlan {
  struct Local {
    uint32_t slot;
    uint32_t generation;
    uint32_t prefix_offset;
    uint32_t prefix_bytes;  // "HMSG subject sid "; 0: format it when delivering
  };
  struct Run {  // remote_targets[begin, end) belong to one loop
    uint32_t begin;
    uint32_t end;
    uint16_t loop;
  };
  struct Member {
    Local local;  // prefix only when it is of this loop
    uint16_t loop;
  };
  struct Group {
    uint32_t begin;  // members[begin, end)
    uint32_t end;
    std::string queue;
  };
  struct Import {
    std::shared_ptr<const ServiceLink>
        link;  // a request; null: an answer, for the portal of `loop`
    uint16_t loop;
  };

  std::vector<Local> local;
  std::vector<Target> remote_targets;
  std::vector<Run> remote_runs;
  std::vector<Member> members;
  std::vector<Group> groups;
  std::vector<Import> imports;
  std::string prefixes;
  // Plain subscriptions only, each of this loop on a connection of its own: what connections get
  // does not depend on which of them is served first.
  bool is_spread = false;

  Slice prefix_of(const Local& entry) const {
    return Slice(prefixes).substr(entry.prefix_offset, entry.prefix_bytes);
  }
  void clear();
  bool is_empty() const { return target_count() == 0 && imports.empty(); }
  size_t target_count() const { return local.size() + remote_targets.size() + members.size(); }
};

struct PlanEntry {
  const AccountInterest* account = nullptr;
  std::string key;  // the subject, or the prefix shared by all subjects `key.<one token>`
  bool is_shared = false;
  uint64_t hash = 0;
  uint32_t used_at = 0;
  subject::InterestStamp stamp;
  DeliveryPlan plan;
};

class PlanCache {
 public:
  PlanCache();
  ~PlanCache();
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  static uint64_t hash_of(const AccountInterest& account, Slice key, bool is_shared);
  // Null when absent. The entry may be stale.
  PlanEntry* find(uint64_t hash, const AccountInterest& account, Slice key, bool is_shared);
  // True from the second time on that `hash` is asked for within a while.
  bool wants(uint64_t hash);
  // A place for a new plan; an old one may have been thrown out for it.
  PlanEntry& insert(uint64_t hash, const AccountInterest& account, Slice key, bool is_shared);

  static constexpr size_t kTargetsMax = 65536;  // larger plans are not worth their memory

 private:
  static constexpr size_t kSets = 4096;
  static constexpr size_t kWays = 8;
  static constexpr size_t kSeen = 8192;
  struct Way {
    uint64_t hash;
    PlanEntry* entry;
  };
  static constexpr size_t kTableBytes = kSets * kWays * sizeof(Way) + kSeen * sizeof(uint32_t);
  Way* set_of(uint64_t hash) { return &ways_[(hash % kSets) * kWays]; }

  Way* ways_;       // calloc: untouched pages cost nothing
  uint32_t* seen_;  // behind the ways: fingerprints of hashes asked for once
  uint32_t clock_ = 0;
};

}  // namespace petrel::router
