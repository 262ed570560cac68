// PullQueue: the pull requests that wait at a consumer, in the order they are served.
//
// Owner: the consumer. Thread: the home loop. Limits: max_waiting requests, more are refused.
// Source: spec consumers.md section 5.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>
#include <list>
#include <memory>
#include <string>

namespace petrel::jetstream {

// What a request says about its priority group.
struct PullPriority {
  std::string group;
  std::string id;
  int64_t min_pending = 0;
  int64_t min_ack_pending = 0;
  int64_t priority = 0;
};

struct WaitingPull {
  std::string reply = {};
  int64_t batch = 0;  // messages left
  int64_t bytes = 0;  // left; 0: no limit
  uint64_t delivered = 0;
  Instant received = {};
  Instant expires = {};    // ns 0: never
  Instant beat_next = {};  // ns 0: no heartbeats
  Duration heartbeat = {};
  bool no_wait = false;
  std::unique_ptr<PullPriority> priority = {};  // null: the request was no JSON
};

class PullQueue {
 public:
  using List = std::list<WaitingPull>;
  using Place = List::iterator;

  bool is_empty() const { return waiting_.empty(); }
  size_t size() const { return waiting_.size(); }
  Place begin() { return waiting_.begin(); }
  Place end() { return waiting_.end(); }
  List::const_iterator begin() const { return waiting_.begin(); }
  List::const_iterator end() const { return waiting_.end(); }
  WaitingPull& front() { return waiting_.front(); }

  void push(WaitingPull pull);
  // Behind all of equal and better priority.
  void push_by_priority(WaitingPull pull);
  Place erase(Place place);
  void pop() { erase(waiting_.begin()); }
  // The first goes to the end.
  void rotate();
  // The first goes behind all of its priority.
  void rotate_in_priority();

  // Requests that end when nothing is there.
  size_t no_wait_count() const { return no_wait_; }

 private:
  Place place_of(int64_t priority);

  List waiting_;
  List spare_;  // nodes to use again
  size_t no_wait_ = 0;
};

}  // namespace petrel::jetstream
