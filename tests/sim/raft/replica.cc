#include "sim/raft/replica.h"

#include <algorithm>
#include <utility>

namespace petrel::sim {

namespace {

constexpr raft::LogIndex kCheckpointEvery = 500;

}  // namespace

void add_replica_counts(FaultCounts& total, const ReplicaCounts& counts) {
  total["logs damaged"] += counts.damaged;
  total["damaged logs refilled"] += counts.healed;
  total["memory logs forgotten"] += counts.forgotten;
  total["forgetful replicas readmitted"] += counts.readmitted;
  total["snapshots installed"] += counts.snapshots;
  total["snapshots resumed after a crash"] += counts.resumed;
}

Replica::Replica(const Plan& plan, uint32_t node, raft::GroupId group, ReplicaHost& host,
                 Checker& checker)
    : plan_(&plan),
      node_(node),
      group_(group),
      host_(&host),
      checker_(&checker),
      disk_(plan.disk, plan.seed * 977 + node + (group - 1) * 7919),
      journal_(disk_),
      prng_(plan.seed * 31 + node + (group - 1) * 104729) {}

raft::Restart Replica::restart_from_disk(const raft::Membership& first_membership) {
  raft::Restart restart;
  restart.group = group_;
  restart.self = node_ + 1;
  restart.seed = prng_.next();
  if (plan_->priorities) restart.priority = static_cast<uint8_t>(node_ % 4);
  restart.base.membership = first_membership;
  if (plan_->is_volatile) {
    restart.hard_state.incarnation = life_ - 1;
    return restart;
  }
  Recovered found = journal_.recover();
  restart.hard_state = found.hard;
  restart.damage = found.damage;
  restart.entries = std::move(found.entries);
  if (found.checkpoint.has_value()) {
    restart.base = found.checkpoint->meta;
    checkpoint_ = *std::move(found.checkpoint);
    if (!machine_.load(checkpoint_.state)) checker_->fail("a checkpoint does not load");
  }
  restart.applied = restart.base.index;
  restart.partial = staged_meta_;
  restart.partial_offset = staged_.size();
  return restart;
}

void Replica::start(const raft::Membership& first_membership) {
  ++life_;
  machine_ = StateMachine();
  checkpoint_ = Checkpoint();
  raft::Restart restart = restart_from_disk(first_membership);
  hard_ = restart.hard_state;
  checked_commit_ = restart.applied;
  checked_leader_term_ = 0;
  counts_.resumed += restart.partial_offset > 0;
  raft_ = &host_->boot(*this, std::move(restart));
  disk_.set_options(plan_->disk);
  count_recovery();
  turn();
}

void Replica::crash() {
  raft_ = nullptr;
  waiting_.clear();
  is_syncing_ = false;
  syncing_ = 0;
  ++sync_epoch_;
  disk_.crash();
  if (plan_->is_volatile) {
    staged_.clear();
    staged_meta_ = {};
  }
  if (std::exchange(damage_due_, false)) journal_.damage_old_batch(prng_);
}

void Replica::tick(Instant now) {
  raft_->tick(now);
  turn();
}

void Replica::step(raft::Message message) {
  raft_->step(std::move(message));
  turn();
}

void Replica::turn() {
  while (raft_ != nullptr && raft_->has_ready()) handle(raft_->take_ready());
  if (raft_ != nullptr) check();
}

void Replica::take(raft::Ready ready) {
  handle(std::move(ready));
  turn();
}

void Replica::count_recovery() {
  const raft::RaftView view = raft_->view();
  was_damaged_ = !view.damage.is_empty();
  was_untrusted_ = !view.is_trusted;
  counts_.damaged += was_damaged_;
  counts_.forgotten += was_untrusted_;
}

// A vote is a promise: it stands on the disk before anybody hears of it.
void Replica::send(raft::Message message) {
  const bool is_grant =
      message.kind == raft::MessageKind::kVoteReply && !message.has(raft::kRejected);
  const bool is_own = message.kind == raft::MessageKind::kVote;
  if ((is_grant || is_own) && !plan_->is_volatile) {
    const raft::HardState& durable = journal_.durable_hard();
    const raft::NodeId vote = is_own ? node_ + 1 : message.to;
    const bool is_kept =
        durable.term > message.term || (durable.term == message.term && durable.vote == vote);
    if (!is_kept)
      checker_->fail("node " + std::to_string(node_ + 1) + " votes before it is durable");
  }
  host_->send(std::move(message));
}

void Replica::handle(raft::Ready ready) {
  for (raft::Message& message : ready.send_now) send(std::move(message));
  write(ready);
  check();
  apply(ready.apply);
  for (const raft::ReadGrant& grant : ready.reads) host_->on_read(*this, grant);
  for (const raft::SnapshotWanted& wanted : ready.snapshots_wanted) supply_chunk(wanted);
  if (ready.store_chunk != nullptr) store_chunk(std::move(*ready.store_chunk));
}

void Replica::write(raft::Ready& ready) {
  if (ready.hard_state.has_value()) hard_ = *ready.hard_state;
  const bool needs_write = ready.needs_write();
  if (!plan_->is_volatile) {
    for (raft::LogIndex i = ready.append.first; i <= ready.append.last; ++i) {
      journal_.add(raft_->entry(i));
    }
  }
  if (needs_write || !ready.send_after.empty()) {
    waiting_.push_back({ready.sequence, needs_write, std::move(ready.send_after)});
  }
  if (plan_->is_volatile) return release(waiting_.size());
  start_batch();
}

// One write and sync at a time; what comes meanwhile makes the next batch.
void Replica::start_batch() {
  if (is_syncing_) return;
  const bool needs_write = std::any_of(waiting_.begin(), waiting_.end(),
                                       [](const Waiting& ready) { return ready.needs_write; });
  if (!needs_write) return release(waiting_.size());
  is_syncing_ = true;
  syncing_ = waiting_.size();
  journal_.start_batch(hard_);
  host_->start_sync(*this, sync_epoch_, disk_.sync_delay());
}

void Replica::release(size_t count) {
  for (; count > 0 && !waiting_.empty(); --count) {
    Waiting ready = std::move(waiting_.front());
    waiting_.pop_front();
    if (ready.needs_write) raft_->on_appended(ready.sequence);
    for (raft::Message& message : ready.messages) send(std::move(message));
  }
}

void Replica::on_sync_done(uint32_t epoch) {
  if (epoch != sync_epoch_) return;
  is_syncing_ = false;
  if (!journal_.finish_batch()) {
    raft_->on_append_failed();
    waiting_.clear();
    turn();
    return host_->on_failed(*this);
  }
  release(std::exchange(syncing_, 0));
  start_batch();
  if (!is_syncing_) journal_.rotate_if_large(hard_);
  turn();
}

void Replica::apply(const raft::LogRange& range) {
  for (raft::LogIndex i = range.first; i <= range.last; ++i) {
    const raft::Entry& entry = raft_->entry(i);
    machine_.apply(entry);
    checker_->on_applied(node_ + 1, i, machine_.hash());
    host_->on_applied(*this, entry);
  }
  if (range.is_empty()) return;
  raft_->on_applied(range.last);
  if (range.last - checkpoint_.meta.index > kCheckpointEvery) checkpoint();
}

void Replica::checkpoint() {
  const raft::LogIndex index = raft_->applied();
  const auto term = raft_->term_at(index);
  if (index == 0 || index == checkpoint_.meta.index || !term.is_ok()) return;
  checkpoint_.meta = {index, *term, index, raft_->membership_at(index)};
  checkpoint_.state = machine_.save();
  if (!plan_->is_volatile) journal_.save_checkpoint(checkpoint_);
  if (!raft_->compact(index)) checker_->fail("compaction of applied entries refused");
}

void Replica::supply_chunk(const raft::SnapshotWanted& wanted) {
  // A snapshot of another index is supplied from its start when the wanted one is gone.
  if (checkpoint_.meta.index == 0) checkpoint();
  if (checkpoint_.meta.index == 0) return raft_->on_snapshot_unavailable(wanted.to);
  raft::SnapshotChunk chunk;
  chunk.meta = checkpoint_.meta;
  const bool is_same = wanted.id == checkpoint_.meta.id;
  chunk.offset = is_same ? std::min<uint64_t>(wanted.offset, checkpoint_.state.size()) : 0;
  const std::string part = checkpoint_.state.substr(chunk.offset, StateMachine::kChunkBytes);
  chunk.last = chunk.offset + part.size() == checkpoint_.state.size();
  chunk.bytes = raft::Payload::copy_of(part);
  raft_->on_snapshot_bytes(wanted.to, std::move(chunk));
}

void Replica::store_chunk(raft::SnapshotChunk chunk) {
  if (chunk.offset == 0 || staged_meta_ != chunk.meta) staged_.clear();
  staged_meta_ = chunk.meta;
  staged_.resize(chunk.offset);
  staged_ += chunk.bytes.bytes();
  raft_->on_snapshot_stored(chunk.meta.id, staged_.size());
  if (chunk.last) install(chunk.meta);
}

void Replica::install(const raft::SnapshotMeta& meta) {
  StateMachine machine;
  if (!machine.load(staged_)) return checker_->fail("a received snapshot does not load");
  machine_ = machine;
  checkpoint_ = {meta, std::exchange(staged_, {})};
  staged_meta_ = {};
  if (!plan_->is_volatile) {
    // Everything that waits for the old log becomes durable with the new one.
    journal_.reset_after_snapshot(checkpoint_, hard_);
    disk_.set_options(plan_->disk);
    syncing_ = 0;
    is_syncing_ = false;
    ++sync_epoch_;  // the sync that was running belongs to a file that is gone
  }
  checker_->on_applied(node_ + 1, meta.index, machine_.hash());
  ++counts_.snapshots;
  raft_->on_snapshot_installed(meta.id);
  checked_commit_ = std::max(checked_commit_, meta.index);
  release(waiting_.size());
}

bool Replica::holds_durably(raft::LogIndex index, raft::Term term) const {
  if (!plan_->is_volatile) return journal_.holds_durably(index, term);
  if (raft_ == nullptr || !raft_->view().is_trusted) return false;
  if (raft_->view().first > index) return true;
  const auto held = raft_->term_at(index);
  return held.is_ok() && *held == term;
}

void Replica::check() {
  if (was_damaged_ || was_untrusted_) {
    const raft::RaftView view = raft_->view();
    counts_.healed += was_damaged_ && view.damage.is_empty();
    counts_.readmitted += was_untrusted_ && view.is_trusted;
    was_damaged_ = was_damaged_ && !view.damage.is_empty();
    was_untrusted_ = was_untrusted_ && !view.is_trusted;
  }
  if (raft_->role() == raft::RaftRole::kLeader && raft_->term() != checked_leader_term_) {
    checked_leader_term_ = raft_->term();
    checker_->on_leader(node_ + 1, *raft_);
  }
  if (raft_->commit() > checked_commit_) {
    checker_->on_committed(node_ + 1, *raft_, checked_commit_);
    checked_commit_ = raft_->commit();
  } else if (raft_->commit() < checked_commit_) {
    checker_->fail("commit went back on node " + std::to_string(node_ + 1));
  }
}

}  // namespace petrel::sim
