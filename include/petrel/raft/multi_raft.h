// MultiRaft: all Raft groups of one loop. It ticks the groups that are awake, merges what they send
// to one node into frames, watches nodes instead of groups, and wakes groups whose leader's node is
// gone.
//
// Owner: a loop. Thread: owner only. No I/O: the driver carries frames and handles each Ready as
// ready.h says, handing `send_now` and (when durable) `send_after` to send().
// Limits: `link_bytes_max` per peer, beyond which messages are dropped and counted (Raft repeats
// them). Errors: frames that cannot be believed are refused with a counter and change nothing.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/base/result.h"
#include "petrel/raft/failure_detector.h"
#include "petrel/raft/raft_node.h"
#include "petrel/raft/wire.h"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace petrel::raft {

struct MultiRaftOptions {
  RaftOptions raft;
  FailureDetectorOptions detector;
  Duration beat = Duration::millis(50);  // a frame at least this often to every peer
  uint64_t link_bytes_max = 64U << 20;
  uint64_t frame_bytes_aim = 1U << 20;
  // When a node dies the groups it led campaign spread over this many ticks, each 50 groups one
  // more.
  uint32_t stagger_ticks_max = 20;
};

struct MultiRaftCounters {
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t messages_in = 0;
  uint64_t messages_out = 0;
  uint64_t refused_frames = 0;    // damaged, of an unknown node, for another node, of an old epoch
  uint64_t refused_groups = 0;    // for groups that are not here
  uint64_t dropped_messages = 0;  // the link was full
  uint64_t suspicions = 0;
};

struct OutFrame {
  NodeId to = kNoNode;
  std::string bytes;
};

class MultiRaft {
 public:
  // `epoch` grows with every start of the process. REQUIRES: options outlive this.
  MultiRaft(const MultiRaftOptions& options, NodeId self, uint64_t epoch);
  ~MultiRaft();

  void add_peer(NodeId node);
  RaftNode& add_group(Restart restart);  // group and self are taken from it
  void remove_group(GroupId group);
  // Null: not here. After calling into a node: touch().
  RaftNode* find(GroupId group);
  void touch(GroupId group);

  void tick(Instant now);
  Status on_frame(NodeId from, const BlockRef& block, Slice bytes);
  void on_link_reset(NodeId node);

  // The next group with work. False: none.
  bool next_ready(GroupId& group, Ready& ready);
  void send(Message message);
  std::vector<OutFrame> take_frames();

  size_t awake_groups() const { return awake_.size(); }
  bool is_suspected(NodeId node) const;
  const MultiRaftCounters& counters() const { return counters_; }

 private:
  struct Group {
    explicit Group(RaftNode node) : raft(std::move(node)) {}
    RaftNode raft;
    bool is_awake = false;
    bool is_dirty = false;
  };
  struct Link {
    Link(NodeId peer, const FailureDetectorOptions& patience) : node(peer), detector(patience) {}
    NodeId node;
    FailureDetector detector;
    std::vector<Message> queue;
    uint64_t queue_bytes = 0;
    uint64_t epoch = 0;  // of the peer, as last heard
    uint64_t beat = 0;
    Instant sent;
    bool is_beat_due = true;
  };

  Link* find_link(NodeId node);
  void touch(GroupId id, Group& group);
  void on_epoch(Link& link, uint64_t epoch);
  void on_suspected(NodeId node);
  uint32_t stagger_slots(NodeId node) const;
  uint32_t stagger_of(GroupId id, const RaftNode& raft, NodeId dead, uint32_t slots) const;
  void receive(Message message);

  const MultiRaftOptions* options_;
  NodeId self_;
  uint64_t epoch_;
  Instant now_;
  Instant watched_;  // time as the detectors count it: no tick is longer than two
  std::unordered_map<GroupId, std::unique_ptr<Group>> groups_;
  std::vector<Link> links_;
  std::vector<std::pair<GroupId, Group*>> awake_;
  std::vector<std::pair<GroupId, Group*>> dirty_;
  MultiRaftCounters counters_;
};

}  // namespace petrel::raft
