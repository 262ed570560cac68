// SubjectIndex: which subscribers want a subject. One per account, shared by all loops.
//
// Literal subjects live in a hash table, wildcards in a trie. Readers hold a shared lock, writers
// an exclusive one. A loop keeps results in its own cache and asks `is_current` before it uses
// one: no lock, a few loads.
// Thread: any. Limits: 10 million subscriptions within 250 bytes each.
// Source: architecture section 3.3, spec protocol.md section 7.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace petrel::subject {

struct QueueGroup;

// Names a subscription object of one loop. A stale generation means it is gone.
struct Subscriber {
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint16_t loop = 0;
  uint16_t flags = 0;
  friend bool operator==(const Subscriber&, const Subscriber&) = default;
};

// The subscribers of one subject. Reused between calls so that matching does not allocate.
struct MatchResult {
  struct Group {
    uint32_t begin = 0;  // members[begin, end)
    uint32_t end = 0;
    std::string queue = {};
  };
  std::vector<Subscriber> plain;
  std::vector<Subscriber> members;
  std::vector<Group> groups;  // one per queue name, whatever subjects its members subscribed to
  // Every subject that differs only in its last token has this same result, as long as the stamp
  // of the shared prefix stays current: all matches end in a wildcard there and no literal
  // subscription exists below the prefix.
  bool shareable = false;
  void clear();
  bool empty() const { return plain.empty() && groups.empty(); }

  // What the index remembers while it matches; without meaning afterwards.
  struct Branch {
    const void* node = nullptr;
    Slice rest = {};
  };
  std::vector<Branch> branches;
  std::vector<const QueueGroup*> matched_groups;
};

// What a cached result depends on. Opaque to callers.
struct InterestStamp {
  uint64_t version = 0;  // of the whole index when last found current
  uint32_t slots[4] = {};
  uint32_t values[4] = {};
  uint32_t count = 0;
};

class SubjectIndex {
 public:
  // `seed` keeps strangers from choosing subjects that fall into one place of the tables.
  explicit SubjectIndex(uint64_t seed = 0);
  ~SubjectIndex();
  SubjectIndex(const SubjectIndex&) = delete;
  SubjectIndex& operator=(const SubjectIndex&) = delete;

  // REQUIRES: is_valid_subject(subject); the subscriber does not stand there yet. Queue empty: a
  // plain subscription.
  void insert(Slice subject, Slice queue, Subscriber subscriber);
  // False when there is no such subscription.
  bool remove(Slice subject, Slice queue, Subscriber subscriber);

  // Fills `result` with the interest in a published subject, and `stamp` with what it depends on
  // (taken before the match, so that a concurrent change makes it stale). Wildcard characters of
  // the subject are taken as they are; a subject with an empty token interests nobody.
  void match(Slice subject, MatchResult& result, InterestStamp& stamp) const;
  // Whether somebody subscribes to exactly this; queue empty: without a queue.
  bool has_exact(Slice subject, Slice queue) const;
  // The stamp of a result that is kept for all subjects `prefix.<one token>`
  // (MatchResult::shareable). Take it before the match it is kept with.
  InterestStamp shared_stamp(Slice prefix) const;
  // Whether a result with this stamp may still be used. Refreshes the stamp's version.
  bool is_current(InterestStamp& stamp) const {
    const uint64_t version = version_.load(std::memory_order_acquire);
    if (stamp.version == version) [[likely]]
      return true;
    return is_unchanged(stamp, version);
  }

  struct Stats {
    uint64_t subscriptions = 0;
    uint64_t inserts = 0;
    uint64_t removes = 0;
    uint64_t matches = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  bool is_unchanged(InterestStamp& stamp, uint64_t version) const;

  std::atomic<uint64_t> version_{1};  // grows with every change, after the slots
  std::unique_ptr<Impl> impl_;
};

}  // namespace petrel::subject
