// Expiry: which messages are to go because of their age or their own time to live, and the markers
// that take the place of the last message of a subject.
//
// Owner: StreamCore. Thread: the home loop. No timer per message: a list per tenth of a
// second, so that a message goes at most that much after its time.
// The leader proposes, entries remove. Limits: at most 1,000 messages per entry.
// Source: spec streams.md section 3 (max_age, TTL expiry, delete marker).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace petrel::jetstream {

class StreamCore;

class Expiry {
 public:
  explicit Expiry(StreamCore& core) : core_(core) {}

  // --- applied entries ---
  // `ttl_seconds` -1: exempt from max_age.
  void on_stored(uint64_t sequence, WallTime time, int64_t ttl_seconds);
  std::string snapshot() const;
  void restore(Slice snapshot);

  // --- the leader's ---
  // Proposes what is due. Returns whether more is due at once.
  bool run(WallTime now);
  // When something is due; ns 0: never.
  WallTime next_due() const;

 private:
  bool run_age(WallTime now);
  bool run_ttl(WallTime now);
  // Proposes the removal of `sequences` with the markers that follow from it. False: not now.
  bool propose(const std::vector<uint64_t>& sequences);
  // Whether the message may be followed by a marker. `is_pending`: it must be read first.
  bool deserves_marker(uint64_t sequence, bool& is_pending);

  StreamCore& core_;
  std::map<int64_t, std::vector<uint64_t>> due_;  // tenth of a second -> sequences
  std::set<uint64_t> never_;
  uint64_t age_from_ = 0;        // everything below was looked at
  uint64_t proposed_index_ = 0;  // wait for it before more is proposed
};

}  // namespace petrel::jetstream
