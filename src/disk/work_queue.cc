#include "disk/work_queue.h"

#include "disk/file_calls.h"

#include <utility>

namespace petrel::disk {

// Workers are told without the lock: they want it at once.
void WorkQueue::push(std::unique_ptr<Operation> operation) {
  Lane lane;
  {
    const MutexLock lock(mutex_);
    OpenFile* file = operation->file.get();
    FileQueue& queue = files_[file];
    queue.waiting.push_back(std::move(operation));
    if (queue.is_listed) return;
    lane = list(file, queue);
  }
  tell(lane);
}

// Into the lane that its next operation belongs to.
WorkQueue::Lane WorkQueue::list(OpenFile* file, FileQueue& queue) {
  queue.is_listed = true;
  const Lane lane = queue.waiting.front()->is_urgent() ? Lane::kUrgent : Lane::kOther;
  lane_of(lane).push_back(file);
  return lane;
}

void WorkQueue::take_finished(std::vector<std::unique_ptr<Operation>>& finished) {
  finished.clear();
  const MutexLock lock(mutex_);
  finished_.swap(finished);
}

void WorkQueue::wait_finished() {
  const MutexLock lock(mutex_);
  while (finished_.empty()) finished_ready_.wait(mutex_);
}

void WorkQueue::close() {
  const MutexLock lock(mutex_);
  is_closed_ = true;
  urgent_ready_.notify_all();
  other_ready_.notify_all();
}

void WorkQueue::work(Lane lane) {
  while (Operation* operation = pop(lane)) {
    OpenFile* file = operation->file.get();
    const bool is_finished = operation->perform();
    give_back(file, is_finished);
  }
}

// The operation stays the first of its file until it is given back. Null: closed.
Operation* WorkQueue::pop(Lane lane) {
  const MutexLock lock(mutex_);
  std::deque<OpenFile*>& files = lane_of(lane);
  while (files.empty()) {
    // What runs in the other lane may still list files here.
    if (is_closed_ && files_.empty()) return nullptr;
    (lane == Lane::kUrgent ? urgent_ready_ : other_ready_).wait(mutex_);
  }
  OpenFile* file = files.front();
  files.pop_front();
  return files_.at(file).waiting.front().get();
}

void WorkQueue::give_back(OpenFile* file, bool is_finished) {
  bool was_empty = false;
  {
    const MutexLock lock(mutex_);
    const auto at = files_.find(file);
    FileQueue& queue = at->second;
    if (is_finished) {
      was_empty = finished_.empty();
      finished_.push_back(std::move(queue.waiting.front()));
      queue.waiting.pop_front();
      finished_ready_.notify_all();
    }
    if (queue.waiting.empty()) {
      files_.erase(at);
    } else {
      tell(list(file, queue));
    }
    if (is_closed_ && files_.empty()) {
      urgent_ready_.notify_all();
      other_ready_.notify_all();
    }
  }
  if (was_empty && wake_fd_ >= 0) write_event(wake_fd_);
}

}  // namespace petrel::disk
