#include "petrel/raft/multi_raft.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

namespace {

constexpr size_t kGroupsPerStaggerTick = 50;
constexpr int64_t kWatchedTicksMax = 2;  // of one tick

uint64_t message_bytes(const Message& message) {
  uint64_t bytes = sizeof(Message);
  for (const Entry& entry : message.entries) bytes += entry_cost(entry);
  if (message.chunk != nullptr) bytes += message.chunk->bytes.size();
  return bytes;
}

}  // namespace

MultiRaft::MultiRaft(const MultiRaftOptions& options, NodeId self, uint64_t epoch)
    : options_(&options), self_(self), epoch_(epoch) {}
MultiRaft::~MultiRaft() = default;

void MultiRaft::add_peer(NodeId node) {
  if (node == self_ || find_link(node) != nullptr) return;
  links_.emplace_back(node, options_->detector);
}

RaftNode& MultiRaft::add_group(Restart restart) {
  const GroupId id = restart.group;
  PETREL_CHECK(restart.self == self_);
  auto [place, is_new] = groups_.emplace(id, nullptr);
  PETREL_CHECK(is_new);
  place->second = std::make_unique<Group>(RaftNode(options_->raft, std::move(restart)));
  touch(id, *place->second);
  return place->second->raft;
}

void MultiRaft::remove_group(GroupId group) {
  const auto is_it = [&](const auto& entry) { return entry.first == group; };
  std::erase_if(awake_, is_it);
  std::erase_if(dirty_, is_it);
  groups_.erase(group);
}

RaftNode* MultiRaft::find(GroupId group) {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second->raft;
}

void MultiRaft::touch(GroupId group) {
  const auto found = groups_.find(group);
  if (found != groups_.end()) touch(group, *found->second);
}

void MultiRaft::touch(GroupId id, Group& group) {
  if (!group.is_dirty && group.raft.has_ready()) {
    group.is_dirty = true;
    dirty_.emplace_back(id, &group);
  }
  if (!group.is_awake && !group.raft.is_quiesced()) {
    group.is_awake = true;
    awake_.emplace_back(id, &group);
  }
}

MultiRaft::Link* MultiRaft::find_link(NodeId node) {
  for (Link& link : links_) {
    if (link.node == node) return &link;
  }
  return nullptr;
}

bool MultiRaft::is_suspected(NodeId node) const {
  return std::any_of(links_.begin(), links_.end(), [&](const Link& link) {
    return link.node == node && link.detector.is_suspected();
  });
}

// Costs what is awake: sleeping groups are not looked at.
void MultiRaft::tick(Instant now) {
  // A clock that jumps, or a process that stood still, is no silence of the others: leases rest on
  // patience that was really spent.
  const Duration passed = std::max(now, now_) - now_;
  watched_ = watched_ + std::min(passed, options_->raft.tick * kWatchedTicksMax);
  now_ = now_ + passed;
  for (Link& link : links_) {
    if (now_ - link.sent >= options_->beat) link.is_beat_due = true;
    if (link.detector.begins_to_suspect(watched_)) on_suspected(link.node);
  }
  size_t kept = 0;
  for (size_t i = 0; i < awake_.size(); ++i) {
    auto [id, group] = awake_[i];
    group->raft.tick(now_);
    touch(id, *group);
    if (group->raft.is_quiesced()) {
      group->is_awake = false;
    } else {
      awake_[kept++] = awake_[i];
    }
  }
  awake_.resize(kept);
}

// Over how many ticks the groups that `node` leads spread their campaigns.
uint32_t MultiRaft::stagger_slots(NodeId node) const {
  const auto led =
      static_cast<size_t>(std::count_if(groups_.begin(), groups_.end(), [&](const auto& entry) {
        return entry.second->raft.leader() == node;
      }));
  return static_cast<uint32_t>(
      std::min<size_t>(led / kGroupsPerStaggerTick, options_->stagger_ticks_max) + 1);
}

// Rare and proportional to the groups: the sleeping ones that the node led are woken one after
// another.
void MultiRaft::on_suspected(NodeId node) {
  ++counters_.suspicions;
  const uint32_t slots = stagger_slots(node);
  for (auto& [id, group] : groups_) {
    group->raft.on_node_suspected(node, stagger_of(id, group->raft, node, slots));
    touch(id, *group);
  }
}

// All nodes give a group the same slot. Of the voters that are left one goes first, by group, so
// that they do not split the vote.
uint32_t MultiRaft::stagger_of(GroupId id, const RaftNode& raft, NodeId dead,
                               uint32_t slots) const {
  const uint64_t mixed = hash_mix(id, 0x9e3779b97f4a7c15ULL);
  const auto spread = static_cast<uint32_t>(mixed % slots);
  std::vector<NodeId> left;
  for (const Member& member : raft.membership().members()) {
    if (member.is_voter() && member.node != dead) left.push_back(member.node);
  }
  const auto mine = std::find(left.begin(), left.end(), self_);
  if (mine == left.end()) return spread;
  const size_t rank = (static_cast<size_t>(mine - left.begin()) + id) % left.size();
  // The next in rank waits until the first must have been heard.
  return spread + static_cast<uint32_t>(rank) * (options_->stagger_ticks_max / 2 + 1);
}

void MultiRaft::on_link_reset(NodeId node) {
  for (auto& [id, group] : groups_) {
    group->raft.on_link_reset(node);
    touch(id, *group);
  }
}

void MultiRaft::on_epoch(Link& link, uint64_t epoch) {
  const bool has_restarted = link.epoch != 0;
  link.epoch = epoch;
  if (!has_restarted) return;
  const uint32_t slots = stagger_slots(link.node);
  for (auto& [id, group] : groups_) {
    if (group->raft.membership().find(link.node) == nullptr) continue;
    group->raft.on_node_restarted(link.node, stagger_of(id, group->raft, link.node, slots));
    touch(id, *group);
  }
}

Status MultiRaft::on_frame(NodeId from, const BlockRef& block, Slice bytes) {
  Link* link = find_link(from);
  Result<Frame> frame = decode_frame(block, bytes);
  if (!frame || link == nullptr || frame->info.from != from || frame->info.to != self_ ||
      frame->info.epoch < link->epoch || frame->info.epoch == 0) {
    ++counters_.refused_frames;
    return frame ? Error{Errc::kProtocolViolation, "frame of another node or time"} : frame.error();
  }
  ++counters_.frames_in;
  if (frame->info.epoch > link->epoch) on_epoch(*link, frame->info.epoch);
  link->detector.on_heard(watched_);
  for (Message& message : frame->messages) receive(std::move(message));
  return Status::ok();
}

void MultiRaft::receive(Message message) {
  ++counters_.messages_in;
  const auto found = groups_.find(message.group);
  if (found != groups_.end()) {
    found->second->raft.step(std::move(message));
    return touch(found->first, *found->second);
  }
  ++counters_.refused_groups;
  if (message.kind == MessageKind::kUnknownGroup) return;
  Message reply;
  reply.kind = MessageKind::kUnknownGroup;
  reply.group = message.group;
  reply.from = self_;
  reply.to = message.from;
  send(std::move(reply));
}

bool MultiRaft::next_ready(GroupId& group, Ready& ready) {
  while (!dirty_.empty()) {
    auto [id, found] = dirty_.back();
    dirty_.pop_back();
    found->is_dirty = false;
    if (!found->raft.has_ready()) continue;
    group = id;
    ready = found->raft.take_ready();
    touch(id, *found);
    return true;
  }
  return false;
}

void MultiRaft::send(Message message) {
  Link* link = find_link(message.to);
  if (link == nullptr) return;
  const uint64_t bytes = message_bytes(message);
  if (link->queue_bytes + bytes > options_->link_bytes_max) {
    ++counters_.dropped_messages;
    return;
  }
  link->queue_bytes += bytes;
  link->queue.push_back(std::move(message));
}

std::vector<OutFrame> MultiRaft::take_frames() {
  std::vector<OutFrame> frames;
  for (Link& link : links_) {
    size_t first = 0;
    while (first < link.queue.size() || link.is_beat_due) {
      uint64_t bytes = 0;
      size_t last = first;
      while (last < link.queue.size() && last - first < kFrameMessagesMax &&
             bytes < options_->frame_bytes_aim) {
        bytes += message_bytes(link.queue[last++]);
      }
      const FrameInfo info{.epoch = epoch_, .beat = ++link.beat, .from = self_, .to = link.node};
      const std::span<const Message> batch(link.queue.data() + first, last - first);
      frames.push_back({link.node, encode_frame(batch, info)});
      counters_.messages_out += batch.size();
      ++counters_.frames_out;
      link.is_beat_due = false;
      link.sent = now_;
      first = last;
    }
    link.queue.clear();
    link.queue_bytes = 0;
  }
  return frames;
}

}  // namespace petrel::raft
