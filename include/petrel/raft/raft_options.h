// Settings of Raft groups. Shared by all groups of a loop: a RaftNode keeps a reference.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>

namespace petrel::raft {

struct RaftOptions {
  // Ticks are 10 ms in the server. A follower campaigns after election_ticks..2 * election_ticks -
  // 1 ticks without its leader, and helps no other candidate before election_ticks have passed.
  uint32_t election_ticks = 15;
  uint32_t heartbeat_ticks = 5;
  Duration tick = Duration::millis(10);
  // A lease ends this long after the leader sent the round that a majority answered.
  // REQUIRES: less than election_ticks * tick, by more than the worst drift of two clocks.
  Duration lease = Duration::millis(75);
  // A leader with nothing to say for this many ticks lets its group sleep. 0: never.
  uint32_t quiesce_ticks = 0;
  // Each level below kPriorityTop waits this many ticks longer before it campaigns.
  uint32_t priority_ticks = 5;

  uint64_t append_bytes_max = 256U << 10;  // entries of one message, one entry at least
  uint64_t window_bytes_max = 4U << 20;    // unanswered entries per follower
  uint32_t window_messages_max = 64;
  uint64_t uncommitted_bytes_max = 32U << 20;  // then propose() answers kFull
  uint64_t log_bytes_max = 128U << 20;  // then propose() answers kFull and appends are refused
  uint64_t retain_bytes = 4U << 20;     // kept after compaction for slow followers
  uint64_t apply_bytes_max = 4U << 20;  // entries given out by one Ready
  uint32_t reads_max = 1024;            // reads waiting for a round
  uint64_t promote_lag_max = 1024;      // entries a returning learner may lack to be promoted
  bool forward_proposals = false;       // a follower passes proposals to its leader
};

inline constexpr uint8_t kPriorityTop = 3;

}  // namespace petrel::raft
