// A message as one line, for traces and transcripts: "append 2->3 term 4 at 7/3 commit 7 entries
// 2".
#pragma once

#include "petrel/raft/message.h"

#include <string>

namespace petrel::sim {

inline std::string describe(const raft::Message& message) {
  static constexpr const char* kNames[] = {"?",
                                           "pre-vote",
                                           "pre-vote-reply",
                                           "vote",
                                           "vote-reply",
                                           "append",
                                           "append-reply",
                                           "heartbeat",
                                           "heartbeat-reply",
                                           "snapshot-chunk",
                                           "snapshot-reply",
                                           "timeout-now",
                                           "forward",
                                           "read-index",
                                           "read-index-reply",
                                           "unknown-group"};
  std::string out = kNames[static_cast<uint8_t>(message.kind)];
  out += " " + std::to_string(message.from) + "->" + std::to_string(message.to);
  const auto add = [&](const char* name, uint64_t value) {
    if (value != 0) out += std::string(" ") + name + " " + std::to_string(value);
  };
  add("term", message.term);
  if (message.index != 0 || message.log_term != 0) {
    out += " at " + std::to_string(message.index) + "/" + std::to_string(message.log_term);
  }
  add("commit", message.commit);
  add("last", message.last);
  add("entries", message.entries.size());
  add("life", message.incarnation);
  if (message.kind == raft::MessageKind::kSnapshotReply) {
    out += " next " + std::to_string(message.context);
  }
  if (message.chunk != nullptr) {
    add("snapshot", message.chunk->meta.index);
    out += " offset " + std::to_string(message.chunk->offset);
    if (message.chunk->last) out += " last";
  }
  if (message.has(raft::kRejected)) out += " rejected";
  if (message.has(raft::kForced)) out += " forced";
  if (message.has(raft::kUntrusted)) out += " untrusted";
  if (message.has(raft::kQuiesce)) out += " quiesce";
  if (message.has(raft::kDamaged)) out += " damaged";
  if (message.has(raft::kRemoved)) out += " removed";
  return out;
}

}  // namespace petrel::sim
