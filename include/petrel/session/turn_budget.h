// TurnBudget: how much of one turn of a loop the connections of one account may take while others
// want it as well. What goes beyond waits for the next turn, so nobody waits for more than one
// such share of each other account.
//
// Work is counted in bytes read and delivered. An account that is alone has long turns, because
// few large writes cost less than many small ones; for a while after a second one said something
// turns are short.
// Owner: Shard. Thread: its loop.
#pragma once

#include "petrel/base/time.h"
#include "petrel/router/account_interest.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace petrel::session {

class TurnBudget {
 public:
  struct Limits {
    uint64_t alone = 8 << 20;
    uint64_t shared = 512 << 10;
    friend bool operator==(const Limits&, const Limits&) = default;
  };

  void set_limits(const Limits& limits) { limits_ = limits; }
  void begin_turn() { ++turn_; }
  // Input of the account is about to be handled.
  void note_input(const router::AccountInterest& account, Instant now) {
    if (&account == last_) return;
    if (last_ != nullptr) shared_until_ = now + kMemory;
    last_ = &account;
  }
  // Whether several accounts are active.
  bool is_shared(Instant now) const { return now < shared_until_; }
  // What the account may still do in this turn; 0: it waits for the next one.
  uint64_t left(router::AccountTraffic& own, Instant now) const {
    const uint64_t limit = is_shared(now) ? limits_.shared : limits_.alone;
    const uint64_t used = own.turn == turn_ ? own.turn_bytes : 0;
    return limit > used ? limit - used : 0;
  }
  // Whether a connection of the account is read now, or what it sends is left in its socket. Those
  // who waited longest come first. `waits_since` is the connection's own, 0 in the beginning.
  bool admit(router::AccountTraffic& own, uint64_t& waits_since, Instant now) {
    const bool may_read = own.deferred == 0 && left(own, now) != 0;
    if (may_read && waiting_.empty()) [[likely]]
      return true;
    Waiting& waiting = waiting_[&own];
    if (waiting.turn != turn_) {
      waiting.turn = turn_;
      waiting.first = std::exchange(waiting.first_seen, kNever);
    }
    const bool is_first =
        waiting.first == kNever || (waits_since != 0 && waits_since <= waiting.first);
    if (is_first && may_read) {
      waits_since = 0;
      if (waiting.first == kNever && waiting.first_seen == kNever) waiting_.erase(&own);
      return true;
    }
    if (waits_since == 0) waits_since = turn_;
    waiting.first_seen = std::min(waiting.first_seen, waits_since);
    return false;
  }
  void use(router::AccountTraffic& own, uint64_t bytes) const {
    if (own.turn != turn_) {
      own.turn = turn_;
      own.turn_bytes = 0;
    }
    own.turn_bytes += bytes;
  }

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr Duration kMemory = Duration::seconds(1);

  // Connections of an account that were not read when they wanted to be: since which turn the first
  // of them, as known before `turn` and as seen in it.
  struct Waiting {
    uint64_t turn = 0;
    uint64_t first = kNever;
    uint64_t first_seen = kNever;
  };

  Limits limits_;
  std::unordered_map<const router::AccountTraffic*, Waiting> waiting_;
  uint64_t turn_ = 1;
  const router::AccountInterest* last_ = nullptr;
  Instant shared_until_{};
};

}  // namespace petrel::session
