// What a replica asks of its driver, and the driver's answers.
#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::raft {

bool RaftCore::is_hard_state_due() const {
  return hard_.term != hard_handed_.term || hard_.vote != hard_handed_.vote ||
         hard_.damaged_to != hard_handed_.damaged_to ||
         hard_.incarnation != hard_handed_.incarnation;
}

// One batch of committed entries at a time, bounded in bytes.
LogRange RaftCore::next_apply() const {
  LogRange range{applying_ + 1, applying_};
  if (applying_ != applied_) return range;
  if (receiving_ != nullptr && receiving_->is_installing) return range;
  uint64_t bytes = 0;
  while (range.last < hard_.commit && bytes < options_->apply_bytes_max) {
    bytes += entry_cost(log_.entry(++range.last));
  }
  return range;
}

bool RaftCore::has_ready() const {
  if (is_failed_) return !send_now_.empty();
  const bool is_sending = flush_due_ || (lead_ != nullptr && lead_->round_due);
  const bool is_applying = applying_ == applied_ && applying_ < hard_.commit;
  return is_sending || is_applying || handed_ < log_.last_index() || is_hard_state_due() ||
         !send_now_.empty() || !send_after_.empty() || !grants_.empty() || !wanted_.empty() ||
         store_chunk_ != nullptr;
}

Ready RaftCore::take_ready() {
  Ready ready;
  ready.sequence = ++sequence_;
  if (!is_failed_) {
    if (role_ == RaftRole::kLeader) flush_appends();
    ready.append = {handed_ + 1, log_.last_index()};
    handed_ = log_.last_index();
    if (is_hard_state_due() || (!ready.append.is_empty() && hard_ != hard_handed_)) {
      ready.hard_state = hard_;
      hard_handed_ = hard_;
    }
    if (ready.needs_write()) in_flight_.push_back({ready.sequence, handed_, hard_handed_});
    ready.apply = next_apply();
    applying_ = ready.apply.last;
    ready.send_after = std::exchange(send_after_, {});
    ready.snapshots_wanted = std::exchange(wanted_, {});
    ready.store_chunk = std::move(store_chunk_);
  }
  ready.send_now = std::exchange(send_now_, {});
  ready.reads = std::exchange(grants_, {});
  return ready;
}

void RaftCore::on_appended(uint64_t sequence) {
  size_t count = 0;
  while (count < in_flight_.size() && in_flight_[count].sequence <= sequence) {
    durable_ = std::max(durable_, in_flight_[count].last);
    hard_durable_ = in_flight_[count].hard;
    ++count;
  }
  in_flight_.erase(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(count));
  if (in_flight_.empty() && in_flight_.capacity() > 16) in_flight_.shrink_to_fit();
  maybe_commit();
}

// A failed write is never retried as success: this replica takes no part until it is restarted from
// what the disk really holds. Its followers are told not to wait for it.
void RaftCore::on_append_failed() {
  if (is_failed_) return;
  const bool was_leader = role_ == RaftRole::kLeader;
  become_follower(hard_.term, kNoNode);
  is_failed_ = true;
  send_now_.clear();
  send_after_.clear();
  if (!was_leader) return;
  for (const Member& member : log_.membership().members()) {
    if (member.node != self_) send_now_.push_back(make(MessageKind::kUnknownGroup, member.node));
  }
}

void RaftCore::on_applied(LogIndex index) {
  if (index <= applied_) return;
  PETREL_CHECK(index <= applying_);
  applied_ = index;
}

Status RaftCore::compact(LogIndex index) {
  if (index > applied_) return Error{Errc::kInvalidArgument, "not applied yet"};
  if (index <= checkpoint_) return Status::ok();
  checkpoint_ = index;
  LogIndex limit = std::min(index, durable_);
  // Entries after a snapshot that is on its way are kept, unless memory is short.
  if (lead_ != nullptr && log_.bytes() < options_->log_bytes_max / 2) {
    for (const Progress& peer : lead_->peers) {
      const bool is_sending = peer.state == ProgressState::kSnapshot && peer.snapshot_index != 0;
      if (is_sending) limit = std::min(limit, peer.snapshot_index);
    }
  }
  log_.compact(limit, options_->retain_bytes);
  return Status::ok();
}

}  // namespace petrel::raft
