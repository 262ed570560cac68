// Ready: the work a RaftNode asks its driver to do, durability order included.
//
// The driver, for each Ready in order:
//   1. sends `send_now`;
//   2. writes `hard_state` and the entries `append` (writing index i discards all at and above i);
//   3. applies the entries `apply`, any time, and reports on_applied;
//   4. when 2 and every earlier Ready are durable: calls on_appended(sequence) and sends
//   `send_after`.
// A volatile group skips the writing and does 4 at once. Several Readys may be in flight.
// Entries are read with RaftNode::entry(i) before the next call into the node.
#pragma once

#include "petrel/raft/message.h"

#include <optional>
#include <vector>

namespace petrel::raft {

// A read may be answered once `index` is applied.
struct ReadGrant {
  uint64_t context = 0;
  LogIndex index = 0;
  bool refused = false;  // no longer leader or no leader known: ask again
};

// The leader needs bytes of a snapshot for a peer; answered by RaftNode::on_snapshot_bytes.
struct SnapshotWanted {
  NodeId to = kNoNode;
  uint64_t id = 0;  // 0: the owner chooses its newest snapshot
  uint64_t offset = 0;
};

struct Ready {
  uint64_t sequence = 0;
  std::optional<HardState> hard_state;
  LogRange append;
  LogRange apply;
  std::vector<Message> send_now;
  std::vector<Message> send_after;
  std::vector<ReadGrant> reads;
  std::vector<SnapshotWanted> snapshots_wanted;
  // Bytes of a snapshot to be kept aside durably; answered by on_snapshot_stored. The last one is
  // also to be installed, replacing state and log; answered by on_snapshot_installed.
  std::unique_ptr<SnapshotChunk> store_chunk;

  bool needs_write() const { return hard_state.has_value() || !append.is_empty(); }
};

}  // namespace petrel::raft
