// What consensus costs without disk and network: three replicas of a group in one process.
#include "petrel/raft/multi_raft.h"
#include "petrel/raft/raft_node.h"

#include <benchmark/benchmark.h>

#include <array>
#include <malloc.h>
#include <memory>
#include <vector>

namespace petrel::raft {
namespace {

constexpr size_t kNodes = 3;

// Three replicas whose messages arrive at once and whose writes are durable at once.
class Trio {
 public:
  explicit Trio(const RaftOptions& options) {
    const std::array<NodeId, kNodes> voters = {1, 2, 3};
    for (NodeId node = 1; node <= kNodes; ++node) {
      Restart restart;
      restart.group = 1;
      restart.self = node;
      restart.seed = node;
      restart.base.membership = Membership::of_voters(voters);
      nodes_.emplace_back(options, std::move(restart));
    }
    nodes_[0].campaign();
    settle();
  }

  RaftNode& leader() { return nodes_[0]; }

  void settle() {
    bool has_moved = true;
    while (has_moved) {
      has_moved = false;
      for (RaftNode& node : nodes_) {
        while (node.has_ready()) {
          has_moved = true;
          turn(node);
        }
      }
    }
  }

  void compact() {
    for (RaftNode& node : nodes_) {
      if (!node.compact(node.applied())) std::abort();
    }
  }

 private:
  void turn(RaftNode& node) {
    Ready ready = node.take_ready();
    for (Message& message : ready.send_now) deliver(std::move(message));
    if (ready.needs_write()) node.on_appended(ready.sequence);
    for (Message& message : ready.send_after) deliver(std::move(message));
    if (!ready.apply.is_empty()) node.on_applied(ready.apply.last);
  }
  void deliver(Message message) { nodes_[message.to - 1].step(std::move(message)); }

  std::vector<RaftNode> nodes_;
};

void commit_batch(benchmark::State& state) {
  RaftOptions options;
  options.retain_bytes = 0;
  Trio trio(options);
  const std::vector<Payload> batch(static_cast<size_t>(state.range(0)),
                                   Payload::copy_of(std::string(128, 'x')));
  uint64_t entries = 0;
  for (auto _ : state) {
    if (!trio.leader().propose(batch)) state.SkipWithError("refused");
    trio.settle();
    entries += batch.size();
    if (trio.leader().commit() != trio.leader().applied()) state.SkipWithError("not committed");
    if (entries % 4096 < batch.size()) trio.compact();
  }
  state.SetItemsProcessed(static_cast<int64_t>(entries));
  state.counters["per_entry"] = benchmark::Counter(
      static_cast<double>(entries), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(commit_batch)->Arg(1)->Arg(16)->Arg(256);

// Many groups on three nodes, with frames between them.
class Cluster {
 public:
  Cluster(const MultiRaftOptions& options, GroupId groups) : options_(options) {
    const std::array<NodeId, kNodes> voters = {1, 2, 3};
    for (NodeId node = 1; node <= kNodes; ++node) {
      nodes_.push_back(std::make_unique<MultiRaft>(options_, node, 1));
      for (NodeId peer : voters) nodes_.back()->add_peer(peer);
    }
    before_ = mallinfo2().uordblks;
    for (GroupId group = 1; group <= groups; ++group) {
      for (NodeId node = 1; node <= kNodes; ++node) {
        Restart restart;
        restart.group = group;
        restart.self = node;
        restart.seed = group * 8 + node;
        restart.base.membership = Membership::of_voters(voters);
        nodes_[node - 1]->add_group(std::move(restart));
      }
      nodes_[0]->find(group)->campaign();
      nodes_[0]->touch(group);
    }
  }

  // Runs ticks until all groups sleep; false when they do not.
  bool run_until_asleep() {
    for (int i = 0; i < 1000; ++i) {
      tick();
      bool is_asleep = true;
      for (const auto& node : nodes_) is_asleep = is_asleep && node->awake_groups() == 0;
      if (is_asleep) return true;
    }
    return false;
  }

  void tick() {
    now_ = now_ + Duration::millis(10);
    for (auto& node : nodes_) node->tick(now_);
    for (int round = 0; round < 6; ++round) {
      for (auto& node : nodes_) work(*node);
      for (auto& node : nodes_) carry(*node);
    }
  }

  MultiRaft& node(NodeId node) { return *nodes_[node - 1]; }
  Instant now() const { return now_; }
  size_t bytes() const { return mallinfo2().uordblks - before_; }

 private:
  void work(MultiRaft& node) {
    GroupId group = 0;
    Ready ready;
    while (node.next_ready(group, ready)) {
      RaftNode& raft = *node.find(group);
      for (Message& message : ready.send_now) node.send(std::move(message));
      if (ready.needs_write()) raft.on_appended(ready.sequence);
      for (Message& message : ready.send_after) node.send(std::move(message));
      if (!ready.apply.is_empty()) {
        raft.on_applied(ready.apply.last);
        if (!raft.compact(ready.apply.last)) std::abort();
      }
      node.touch(group);
    }
  }
  void carry(MultiRaft& node) {
    NodeId from = 1;
    while (nodes_[from - 1].get() != &node) ++from;
    for (OutFrame& frame : node.take_frames()) {
      if (!nodes_[frame.to - 1]->on_frame(from, BlockRef(), frame.bytes)) std::abort();
    }
  }

  MultiRaftOptions options_;
  std::vector<std::unique_ptr<MultiRaft>> nodes_;
  Instant now_{1'000'000'000};
  size_t before_ = 0;
};

MultiRaftOptions sleepy() {
  MultiRaftOptions options;
  options.raft.quiesce_ticks = 20;
  options.raft.retain_bytes = 0;
  return options;
}

void tick_idle_groups(benchmark::State& state) {
  Cluster cluster(sleepy(), static_cast<GroupId>(state.range(0)));
  if (!cluster.run_until_asleep()) state.SkipWithError("groups do not fall asleep");
  state.counters["bytes_per_replica"] =
      static_cast<double>(cluster.bytes()) / (static_cast<double>(state.range(0)) * kNodes);
  Instant now = cluster.now();
  for (auto _ : state) {
    now = now + Duration::micros(1);  // peers stay alive
    cluster.node(1).tick(now);
  }
}
BENCHMARK(tick_idle_groups)->Arg(10'000)->Iterations(20'000)->Unit(benchmark::kMicrosecond);

void encode_and_decode_frame(benchmark::State& state) {
  std::vector<Message> messages(static_cast<size_t>(state.range(0)));
  for (Message& message : messages) {
    message.kind = MessageKind::kAppend;
    message.group = 77;
    message.from = 1;
    message.to = 2;
    message.term = message.log_term = 9;
    message.index = 123'456;
    message.entries.push_back(
        {.term = 9, .index = 123'457, .data = Payload::copy_of(std::string(128, 'x'))});
  }
  for (auto _ : state) {
    const std::string bytes = encode_frame(messages, {.epoch = 1});
    const Result<Frame> frame = decode_frame(BlockRef(), bytes);
    if (!frame) state.SkipWithError("not readable");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(encode_and_decode_frame)->Arg(1)->Arg(256);

}  // namespace
}  // namespace petrel::raft
