// Progress: what a leader knows about one follower, and how much it may still send to it.
//
//   kProbe      one message with entries at a time, until one is accepted
//   kReplicate  pipelined, up to a window of bytes and messages
//   kSnapshot   the entries it needs are gone: chunks of a snapshot, one at a time
//
// Owner: RaftCore while it leads. Thread: owner only.
#pragma once

#include "petrel/raft/entry.h"

#include <cstdint>
#include <vector>

namespace petrel::raft {

enum class ProgressState : uint8_t { kProbe, kReplicate, kSnapshot };

// Unanswered append messages: last index and bytes of each, oldest first.
class Window {
 public:
  void add(LogIndex last, uint64_t bytes);
  void free_up_to(LogIndex index);
  void clear();
  bool is_empty() const { return first_ == sent_.size(); }
  uint64_t bytes() const { return bytes_; }
  size_t messages() const { return sent_.size() - first_; }

 private:
  struct Sent {
    LogIndex last;
    uint64_t bytes;
  };
  std::vector<Sent> sent_;
  size_t first_ = 0;
  uint64_t bytes_ = 0;
};

struct Progress {
  NodeId node = kNoNode;
  LogIndex match = 0;
  LogIndex next = 1;
  LogIndex told_commit = 0;
  uint64_t course = 0;  // raised when sending starts anew; answers name the course they belong to
  uint64_t probe_round = 0;  // the round in which the last probe left
  uint64_t acked_round = 0;
  int64_t acked_sent_ns = INT64_MIN;  // when the newest answered round was sent
  uint32_t silent_ticks = 0;          // since anything was heard
  uint32_t stalled_ticks = 0;         // since an unanswered append made progress
  Incarnation incarnation = 0;
  ProgressState state = ProgressState::kProbe;
  bool probe_sent = false;
  bool is_untrusted = false;
  bool is_damaged = false;
  bool quiesce_refused = false;
  // Snapshot under way.
  bool chunk_wanted = false;
  uint64_t snapshot_id = 0;
  LogIndex snapshot_index = 0;
  uint64_t snapshot_offset = 0;
  Window window;

  void become_probe();
  void become_replicate();
  void become_snapshot();
};

}  // namespace petrel::raft
