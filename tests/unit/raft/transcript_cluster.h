// A cluster driven by a script, one command a line, for transcripts. Nothing happens by itself:
// time passes by `tick`, messages arrive by `deliver`. The trace says what every command caused.
//
//   nodes N [learner N...]      options NAME=VALUE...        tick NODE COUNT
//   campaign NODE               propose NODE TEXT            deliver [COUNT]
//   cut A B | mend              crash NODE | start NODE      forget NODE (memory log restarts)
//   damage NODE FIRST           transfer FROM TO             member NODE voters=1,2 learners=3
//   compact NODE                read NODE CONTEXT            suspect NODE DEAD
//   hold NODE | sync NODE       state
#pragma once

#include "sim/world/raft_message_text.h"

#include "petrel/raft/raft_node.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace petrel::raft {

class TranscriptCluster {
 public:
  std::string run(const std::string& script) {
    std::istringstream lines(script);
    std::string out;
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("> ", 0) != 0) {
        if (line.rfind("# ", 0) == 0 || line.empty()) out += line + "\n";
        continue;
      }
      out += line + "\n";
      trace_.clear();
      std::istringstream words(line.substr(2));
      std::string command;
      words >> command;
      if (!execute(command, words)) trace_ = "  not understood\n";
      out += trace_;
    }
    return out;
  }

 private:
  struct Node {
    std::unique_ptr<RaftNode> raft;
    HardState hard;          // as on disk
    std::vector<Entry> log;  // as on disk, after base
    SnapshotMeta base;
    std::string state = "";  // what was applied, as text
    std::string base_state = "";
    std::string staged;  // of a snapshot that is being received; survives a crash
    SnapshotMeta staged_meta;
    std::deque<Ready> unsynced;
    bool is_holding = false;
    RaftRole role = RaftRole::kFollower;
    LogIndex commit = 0;
  };

  void say(const std::string& text) { trace_ += "  " + text + "\n"; }

  static uint64_t number(std::istringstream& words) {
    uint64_t value = 0;
    words >> value;
    return value;
  }

  bool execute(const std::string& command, std::istringstream& words) {
    if (command == "nodes") return make_nodes(words);
    if (command == "options") return set_options(words);
    if (command == "deliver") return deliver(words);
    if (command == "state") return print_state();
    if (command == "mend") {
      cuts_.clear();
      return true;
    }
    const NodeId node = number(words);
    if (nodes_.count(node) == 0) return false;
    if (command == "cut") {
      const NodeId other = number(words);
      cuts_.insert({node, other});
      cuts_.insert({other, node});
      return true;
    }
    if (command == "start" || command == "forget" || command == "damage") {
      return start_again(command, node, words);
    }
    if (command == "crash") {
      nodes_[node].raft.reset();
      nodes_[node].unsynced.clear();
      nodes_[node].is_holding = false;
      return true;
    }
    return nodes_[node].raft != nullptr && execute_at(command, node, words);
  }

  bool execute_at(const std::string& command, NodeId id, std::istringstream& words) {
    Node& node = nodes_[id];
    if (command == "tick") {
      for (uint64_t count = number(words); count > 0; --count) {
        node.raft->tick(now_ = now_ + Duration::millis(10));
        work(id);
      }
    } else if (command == "campaign") {
      node.raft->campaign();
    } else if (command == "propose") {
      std::string text;
      words >> text;
      const Payload payload = Payload::copy_of(text);
      const auto range = node.raft->propose(std::span(&payload, 1));
      say(range.is_ok() ? "at " + std::to_string(range->first)
                        : std::string(errc_name(range.error().code)));
    } else if (command == "transfer") {
      report(node.raft->transfer_leadership(number(words)));
    } else if (command == "read") {
      report(node.raft->read_index(number(words)));
    } else if (command == "suspect") {
      node.raft->on_node_suspected(number(words), 0);
    } else if (command == "compact") {
      compact(id);
    } else if (command == "member") {
      change_members(node, words);
    } else if (command == "hold") {
      node.is_holding = true;
    } else if (command == "sync") {
      node.is_holding = false;
      while (!node.unsynced.empty()) finish_oldest(id);
    } else {
      return false;
    }
    work(id);
    return true;
  }

  void report(const Status& status) {
    say(status.is_ok() ? "ok"
                       : std::string(errc_name(status.error().code)) + " " + status.error().detail);
  }

  bool make_nodes(std::istringstream& words) {
    const uint64_t count = number(words);
    std::vector<Member> members;
    for (NodeId id = 1; id <= count; ++id) members.push_back({.node = id, .roles = kVoter});
    std::string word;
    uint64_t extra = 0;
    while (words >> word) {
      if (word == "extra") extra = number(words);
    }
    for (NodeId id = 1; id <= count + extra; ++id) {
      if (id <= count) nodes_[id].base.membership = Membership(members);
      boot(id, {});
    }
    return true;
  }

  bool set_options(std::istringstream& words) {
    for (std::string word; words >> word;) {
      const size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      const uint64_t value = std::stoull(word.substr(equals + 1));
      if (name == "quiesce")
        options_.quiesce_ticks = static_cast<uint32_t>(value);
      else if (name == "retain")
        options_.retain_bytes = value;
      else if (name == "append")
        options_.append_bytes_max = value;
      else if (name == "window")
        options_.window_messages_max = static_cast<uint32_t>(value);
      else
        return false;
    }
    return true;
  }

  void boot(NodeId id, LogRange damage) {
    Node& node = nodes_[id];
    Restart restart;
    restart.group = 1;
    restart.self = id;
    restart.seed = id;
    restart.hard_state = node.hard;
    restart.base = node.base;
    restart.applied = node.base.index;
    restart.entries = node.log;
    restart.damage = damage;
    restart.partial = node.staged_meta;
    restart.partial_offset = node.staged.size();
    node.state = node.base_state;
    node.raft = std::make_unique<RaftNode>(options_, std::move(restart));
    node.role = RaftRole::kFollower;
    node.commit = node.raft->commit();
  }

  bool start_again(const std::string& command, NodeId id, std::istringstream& words) {
    Node& node = nodes_[id];
    LogRange damage;
    if (command == "forget") {
      const Incarnation life = node.hard.incarnation + 1;
      node.log.clear();
      node.hard = {};
      node.hard.incarnation = life;
      node.base.index = node.base.term = 0;
      node.base_state.clear();
      node.staged.clear();
      node.staged_meta = {};
    } else if (command == "damage") {
      damage.first = number(words);
      damage.last = node.base.index + node.log.size();
      node.log.resize(damage.first - node.base.index - 1);
      node.hard.commit = std::min(node.hard.commit, damage.first - 1);
    }
    node.unsynced.clear();
    boot(id, damage);
    work(id);
    return true;
  }

  void compact(NodeId id) {
    Node& node = nodes_[id];
    const LogIndex index = node.raft->applied();
    SnapshotMeta meta{index, *node.raft->term_at(index), index, node.raft->membership_at(index)};
    node.log.erase(node.log.begin(),
                   node.log.begin() + static_cast<std::ptrdiff_t>(index - node.base.index));
    node.base = meta;
    node.base_state = node.state;
    report(node.raft->compact(index));
  }

  static std::vector<NodeId> list_of(const std::string& text) {
    std::vector<NodeId> nodes;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) nodes.push_back(std::stoull(part));
    return nodes;
  }

  void change_members(Node& node, std::istringstream& words) {
    std::vector<Member> members;
    for (std::string word; words >> word;) {
      const bool is_voters = word.rfind("voters=", 0) == 0;
      for (NodeId id : list_of(word.substr(word.find('=') + 1))) {
        members.push_back({.node = id, .roles = is_voters ? kVoter : kLearner});
      }
    }
    const auto index = node.raft->propose_membership(Membership(members));
    say(index.is_ok() ? "at " + std::to_string(*index)
                      : std::string(errc_name(index.error().code)) + ": " + index.error().detail);
  }

  void work(NodeId id) {
    Node& node = nodes_[id];
    while (node.raft->has_ready()) handle(id, node.raft->take_ready());
    if (node.raft->role() != node.role) {
      static constexpr const char* kRoles[] = {"follower", "pre-candidate", "candidate", "leader"};
      node.role = node.raft->role();
      say(std::to_string(id) + " is " + kRoles[static_cast<size_t>(node.role)] + " in term " +
          std::to_string(node.raft->term()));
    }
    if (node.raft->commit() != node.commit) {
      node.commit = node.raft->commit();
      say(std::to_string(id) + " commits up to " + std::to_string(node.commit));
    }
  }

  void handle(NodeId id, Ready ready) {
    Node& node = nodes_[id];
    for (Message& message : ready.send_now) queue(std::move(message));
    for (LogIndex i = ready.apply.first; i <= ready.apply.last; ++i) {
      if (node.raft->entry(i).kind == EntryKind::kData) {
        node.state += std::string(node.raft->entry(i).data.bytes()) + " ";
      }
    }
    if (!ready.apply.is_empty()) node.raft->on_applied(ready.apply.last);
    for (const ReadGrant& read : ready.reads) {
      say(std::to_string(id) + " read " + std::to_string(read.context) +
          (read.refused ? " refused" : " at " + std::to_string(read.index)));
    }
    for (const SnapshotWanted& wanted : ready.snapshots_wanted) supply(node, wanted);
    if (ready.store_chunk != nullptr) store(id, std::move(*ready.store_chunk));
    node.unsynced.push_back(std::move(ready));
    while (!node.is_holding && !node.unsynced.empty()) finish_oldest(id);
  }

  void finish_oldest(NodeId id) {
    Node& node = nodes_[id];
    Ready ready = std::move(node.unsynced.front());
    node.unsynced.pop_front();
    if (ready.hard_state.has_value()) node.hard = *ready.hard_state;
    for (LogIndex i = ready.append.first; i <= ready.append.last; ++i) {
      if (i <= node.base.index) continue;
      node.log.resize(std::min<size_t>(node.log.size(), i - node.base.index - 1));
      node.log.push_back(node.raft->entry(i));
    }
    if (ready.needs_write()) node.raft->on_appended(ready.sequence);
    for (Message& message : ready.send_after) queue(std::move(message));
  }

  void supply(Node& node, const SnapshotWanted& wanted) {
    constexpr size_t kChunk = 4;
    if (node.base.index == 0) return node.raft->on_snapshot_unavailable(wanted.to);
    SnapshotChunk chunk;
    chunk.meta = node.base;
    chunk.offset = wanted.id == node.base.id ? wanted.offset : 0;
    const std::string part = node.base_state.substr(chunk.offset, kChunk);
    chunk.last = chunk.offset + part.size() == node.base_state.size();
    chunk.bytes = Payload::copy_of(part);
    node.raft->on_snapshot_bytes(wanted.to, std::move(chunk));
  }

  void store(NodeId id, SnapshotChunk chunk) {
    Node& node = nodes_[id];
    node.staged_meta = chunk.meta;
    node.staged.resize(chunk.offset);
    node.staged += chunk.bytes.bytes();
    node.raft->on_snapshot_stored(chunk.meta.id, node.staged.size());
    if (!chunk.last) return;
    say(std::to_string(id) + " installs the snapshot at " + std::to_string(chunk.meta.index));
    node.base = chunk.meta;
    node.staged_meta = {};
    node.state = node.base_state = std::exchange(node.staged, {});
    node.log.clear();
    node.raft->on_snapshot_installed(chunk.meta.id);
  }

  void queue(Message message) { messages_.push_back(std::move(message)); }

  bool deliver(std::istringstream& words) {
    uint64_t left = number(words);
    if (left == 0) left = 1000;
    for (; left > 0 && !messages_.empty(); --left) {
      Message message = std::move(messages_.front());
      messages_.pop_front();
      const NodeId to = message.to;
      const bool is_lost = cuts_.count({message.from, to}) != 0 || nodes_.count(to) == 0 ||
                           nodes_[to].raft == nullptr;
      say(sim::describe(message) + (is_lost ? " LOST" : ""));
      if (is_lost) continue;
      nodes_[to].raft->step(std::move(message));
      work(to);
    }
    return true;
  }

  bool print_state() {
    for (auto& [id, node] : nodes_) {
      if (node.raft == nullptr) {
        say(std::to_string(id) + " is down");
        continue;
      }
      const RaftView view = node.raft->view();
      std::string line = std::to_string(id) + " term " + std::to_string(view.term) + " log " +
                         std::to_string(view.first) + ".." + std::to_string(view.last) +
                         " commit " + std::to_string(view.commit) + " applied [" + node.state +
                         "] " + node.raft->membership().text();
      if (view.is_quiesced) line += " asleep";
      if (!view.is_trusted) line += " untrusted";
      if (!view.damage.is_empty()) {
        line +=
            " needs " + std::to_string(view.damage.first) + ".." + std::to_string(view.damage.last);
      }
      say(line);
    }
    return true;
  }

  RaftOptions options_;
  std::map<NodeId, Node> nodes_;
  std::deque<Message> messages_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  Instant now_{1'000'000'000};
  std::string trace_;
};

}  // namespace petrel::raft
