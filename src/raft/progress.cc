#include "raft/progress.h"

namespace petrel::raft {

void Window::add(LogIndex last, uint64_t bytes) {
  if (first_ > 0 && first_ * 2 >= sent_.size()) {
    sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  sent_.push_back({last, bytes});
  bytes_ += bytes;
}

void Window::free_up_to(LogIndex index) {
  while (first_ < sent_.size() && sent_[first_].last <= index) bytes_ -= sent_[first_++].bytes;
  if (first_ == sent_.size()) clear();
}

void Window::clear() {
  sent_.clear();
  first_ = 0;
  bytes_ = 0;
}

void Progress::become_probe() {
  ++course;
  next = match + 1;
  state = ProgressState::kProbe;
  probe_sent = false;
  stalled_ticks = 0;
  snapshot_index = 0;
  chunk_wanted = false;
  window.clear();
}

void Progress::become_replicate() {
  ++course;
  state = ProgressState::kReplicate;
  next = match + 1;
  probe_sent = false;
  stalled_ticks = 0;
  window.clear();
}

void Progress::become_snapshot() {
  ++course;
  state = ProgressState::kSnapshot;
  window.clear();
  stalled_ticks = 0;
  snapshot_id = 0;
  snapshot_index = 0;
  snapshot_offset = 0;
  chunk_wanted = false;
}

}  // namespace petrel::raft
