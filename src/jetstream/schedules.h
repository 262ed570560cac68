// Schedules: messages that make the stream publish others at a time.
//
// Owner: StreamCore. Thread: the home loop. One schedule per subject. Only the leader fires; a
// fired message says in its headers when the schedule fires next, so that every replica knows.
// Resolution: 250 ms, as nats-server's.
// Source: spec streams.md section 6.
#pragma once

#include "jetstream/publish_headers.h"
#include "jetstream/time_zone.h"

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace petrel::jetstream {

class StreamCore;
struct Candidate;
struct Verdict;

class Schedules {
 public:
  explicit Schedules(StreamCore& core) : core_(core) {}

  // Of a published message; the rollup header that a schedule needs is added.
  Verdict check(PublishHeaders& headers, Candidate& candidate);

  // When the schedule of a message that was stored elsewhere fires next; ns 0: it is none.
  WallTime next_of(Slice subject, Slice header);

  // --- applied entries ---
  void on_stored(uint64_t sequence, Slice subject, WallTime due);
  void on_fired(Slice subject, Slice next);
  void on_removed(uint64_t sequence);
  void on_purged(uint64_t first);
  std::string snapshot() const;
  void restore(Slice snapshot);

  // --- the leader's ---
  void run(WallTime now);
  WallTime next_due() const;  // ns 0: none

 private:
  struct Schedule {
    uint64_t sequence = 0;
    WallTime due = {};
  };
  Verdict check_schedule(PublishHeaders& headers, Candidate& candidate);
  Verdict check_scheduler(const PublishHeaders& headers, Candidate& candidate);
  // Null: the name is none of the database. `none`: no zone given.
  const TimeZone* zone_of(Slice name);
  bool is_in_stream(Slice subject) const;
  // False: a message must be read first, or the group takes nothing now.
  bool fire(const std::string& subject, const Schedule& schedule, WallTime now);
  void drop(const std::string& subject);

  StreamCore& core_;
  std::unordered_map<std::string, Schedule> by_subject_;
  std::map<uint64_t, std::string> by_sequence_;
  std::set<std::pair<int64_t, std::string>> by_time_;
  std::map<std::string, TimeZone, std::less<>> zones_;
  std::unordered_map<std::string, uint64_t> fired_;  // index of what was proposed, by subject
};

}  // namespace petrel::jetstream
