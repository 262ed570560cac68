// Message: everything one replica of a group says to another. One flat value for all kinds, so that
// a queue of them is a plain vector. Fields that a kind does not use stay zero and are not sent.
// Thread: values. Wire form: docs/formats/raft-wire.md.
#pragma once

#include "petrel/raft/entry.h"
#include "petrel/raft/membership.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace petrel::raft {

enum class MessageKind : uint8_t {
  kPreVote = 1,  // would you vote for me in `term`?
  kPreVoteReply = 2,
  kVote = 3,
  kVoteReply = 4,
  kAppend = 5,       // entries after (index, log_term)
  kAppendReply = 6,  // index: everything up to here matches; rejected: index/log_term are the hint
  kHeartbeat = 7,
  kHeartbeatReply = 8,
  kSnapshotChunk = 9,
  kSnapshotReply = 10,
  kTimeoutNow = 11,  // leader transfer: campaign at once
  kForward = 12,     // payloads that a follower was asked to propose
  kReadIndex = 13,   // a follower asks for a read index
  kReadIndexReply = 14,
  kUnknownGroup = 15,  // the receiver has no replica of this group
};
inline constexpr uint8_t kMessageKindMax = 15;

enum MessageFlag : uint8_t {
  kRejected = 1,
  kForced = 2,     // part of a leader transfer: may disturb a living leader
  kUntrusted = 4,  // the sender's incarnation is not the one of the membership: do not count it
  kQuiesce = 8,    // heartbeat: stop ticking; reply: cannot, keep the group awake
  kDamaged = 16,   // the sender's log has a hole
  kRemoved = 32,   // pre-vote reply: the membership committed at `index` has no place for you
};

// Where a snapshot stands in the log and who is a member there. `id` names the bytes: the same id
// at two leaders means the same bytes, so a transfer may be resumed.
struct SnapshotMeta {
  LogIndex index = 0;
  Term term = 0;
  uint64_t id = 0;
  Membership membership;
  friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

// A piece of a snapshot. Pieces of one snapshot are contiguous; `last` marks the end.
struct SnapshotChunk {
  SnapshotMeta meta;
  uint64_t offset = 0;
  bool last = false;
  Payload bytes;
};

struct Message {
  MessageKind kind = MessageKind::kHeartbeat;
  uint8_t flags = 0;
  Incarnation incarnation = 0;  // of the sender
  GroupId group = 0;
  NodeId from = kNoNode;
  NodeId to = kNoNode;
  Term term = 0;
  Term log_term = 0;
  LogIndex index = 0;
  LogIndex commit = 0;
  LogIndex last = 0;     // the sender's last index
  uint64_t round = 0;    // heartbeat round, echoed by replies; ties reads and leases to a moment
  int64_t sent_ns = 0;   // the leader's clock when the round began, echoed
  uint64_t context = 0;  // of a read; course of an append; next offset in a snapshot reply
  std::vector<Entry> entries;
  std::unique_ptr<SnapshotChunk> chunk;

  bool has(MessageFlag flag) const { return (flags & flag) != 0; }
};

}  // namespace petrel::raft
