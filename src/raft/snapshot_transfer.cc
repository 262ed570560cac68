// Snapshots in chunks, one unanswered chunk at a time; the follower's next offset drives the
// transfer, so it goes on where it was cut.
#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

// --- leader ---

void RaftCore::want_chunk(Progress& peer) {
  if (peer.chunk_wanted) return;
  peer.chunk_wanted = true;
  wanted_.push_back({.to = peer.node, .id = peer.snapshot_id, .offset = peer.snapshot_offset});
}

void RaftCore::on_snapshot_bytes(NodeId to, SnapshotChunk chunk) {
  Progress* peer = find_peer(to);
  if (peer == nullptr || peer->state != ProgressState::kSnapshot || !peer->chunk_wanted) return;
  peer->chunk_wanted = false;
  if (chunk.bytes.size() > kPayloadBytesMax) return;  // no frame could carry it
  // A snapshot that does not reach the log would only be followed by the next one.
  if (chunk.meta.index > hard_.commit || !log_.matches(chunk.meta.index, chunk.meta.term)) return;
  peer->snapshot_id = chunk.meta.id;
  peer->snapshot_index = chunk.meta.index;
  peer->snapshot_offset = chunk.offset;
  peer->stalled_ticks = 0;
  Message message = make(MessageKind::kSnapshotChunk, to);
  message.last = log_.last_index();
  message.round = lead_->round;
  message.sent_ns = now_.ns;
  message.chunk = std::make_unique<SnapshotChunk>(std::move(chunk));
  emit(std::move(message));
}

void RaftCore::on_snapshot_unavailable(NodeId to) {
  Progress* peer = find_peer(to);
  if (peer == nullptr || peer->state != ProgressState::kSnapshot) return;
  peer->chunk_wanted = false;
  peer->snapshot_id = 0;
  peer->snapshot_offset = 0;  // the next heartbeat's answer asks for the newest snapshot
}

void RaftCore::on_snapshot_reply(const Message& message) {
  Progress* peer = answering_peer(message);
  if (peer == nullptr) return;
  wake();
  peer->silent_ticks = 0;
  if (peer->state != ProgressState::kSnapshot || peer->snapshot_id != message.round) return;
  peer->stalled_ticks = 0;
  peer->snapshot_offset = message.context;
  want_chunk(*peer);
}

// --- follower ---

// True: everything in the snapshot is here already.
bool RaftCore::has_snapshot(const SnapshotMeta& meta) {
  if (meta.index > hard_.commit && log_.matches(meta.index, meta.term)) commit_to(meta.index);
  return meta.index <= hard_.commit;
}

void RaftCore::on_snapshot_chunk(Message& message) {
  if (message.chunk == nullptr || role_ == RaftRole::kLeader ||
      (leader_ != kNoNode && leader_ != message.from)) {
    return refuse_malformed();
  }
  const SnapshotMeta& meta = message.chunk->meta;
  if (meta.index == 0 || meta.index > kNumberMax || meta.term > message.term ||
      meta.membership.is_empty() || !meta.membership.check()) {
    return refuse_malformed();
  }
  follow(message.from);
  is_quiesced_ = false;
  if (receiving_ != nullptr && receiving_->is_installing) return;
  if (has_snapshot(meta)) {
    receiving_.reset();
    return acknowledge(message.from, hard_.commit);
  }
  if (receiving_ == nullptr || receiving_->meta != meta) {
    if (receiving_ != nullptr && receiving_->is_storing) return;
    receiving_ = std::make_unique<Receiving>();
    receiving_->meta = meta;
  }
  receiving_->from = message.from;
  if (receiving_->is_storing) return;
  if (message.chunk->offset != receiving_->next_offset) return reply_snapshot_offset();
  receiving_->is_storing = true;
  receiving_->is_installing = message.chunk->last;
  store_chunk_ = std::move(message.chunk);
}

void RaftCore::reply_snapshot_offset() {
  Message reply = make(MessageKind::kSnapshotReply, receiving_->from);
  reply.index = receiving_->meta.index;
  reply.round = receiving_->meta.id;
  reply.context = receiving_->next_offset;
  emit(std::move(reply));
}

void RaftCore::on_snapshot_stored(uint64_t id, uint64_t next_offset) {
  if (receiving_ == nullptr || receiving_->meta.id != id || !receiving_->is_storing) return;
  if (receiving_->is_installing) return;  // answered when it is installed
  receiving_->is_storing = false;
  receiving_->next_offset = next_offset;
  forget_old_snapshot();
  if (receiving_ != nullptr && leader_ == receiving_->from) reply_snapshot_offset();
}

// Appends have overtaken what was on its way.
void RaftCore::forget_old_snapshot() {
  if (receiving_ == nullptr || receiving_->is_storing || receiving_->is_installing) return;
  if (receiving_->meta.index <= hard_.commit) receiving_.reset();
}

void RaftCore::on_snapshot_installed(uint64_t id) {
  if (receiving_ == nullptr || receiving_->meta.id != id || !receiving_->is_installing) return;
  const SnapshotMeta meta = std::move(receiving_->meta);
  const NodeId from = receiving_->from;
  receiving_.reset();
  PETREL_CHECK(meta.index > hard_.commit);
  log_.reset(meta);
  hard_.commit = meta.index;
  handed_ = durable_ = applying_ = applied_ = checkpoint_ = meta.index;
  in_flight_last_to(meta.index);
  damage_first_ = hard_.damaged_to != 0 ? meta.index + 1 : 0;
  update_damage(meta.index, kNumberMax);
  update_trust();
  wake();
  if (leader_ == from) acknowledge(from, meta.index);
}

void RaftCore::acknowledge(NodeId to, LogIndex index) {
  Message reply = make(MessageKind::kAppendReply, to);
  reply.index = index;
  reply.last = log_.last_index();
  if (index <= durable_) {
    emit(std::move(reply));
  } else {
    emit_when_durable(std::move(reply));
  }
}

// The log was cut or replaced: writes on their way make no more durable than what is left of it.
void RaftCore::in_flight_last_to(LogIndex index) {
  for (InFlight& write : in_flight_) write.last = std::min(write.last, index);
}

}  // namespace petrel::raft
