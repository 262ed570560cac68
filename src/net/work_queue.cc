#include "petrel/net/work_queue.h"

#include <utility>

namespace petrel::net {

bool WorkQueue::push(Work work) {
  {
    const MutexLock lock(mutex_);
    if (is_closed_ || waiting_.size() >= waiting_max_) return false;
    waiting_.push_back(std::move(work));
  }
  ready_.notify_one();
  return true;
}

std::optional<WorkQueue::Work> WorkQueue::pop() {
  const MutexLock lock(mutex_);
  while (waiting_.empty() && !is_closed_) ready_.wait(mutex_);
  if (is_closed_) return std::nullopt;
  std::optional<Work> work = std::move(waiting_.front());
  waiting_.pop_front();
  return work;
}

void WorkQueue::close() {
  std::deque<Work> dropped;  // destroyed without the lock
  {
    const MutexLock lock(mutex_);
    is_closed_ = true;
    dropped.swap(waiting_);
  }
  ready_.notify_all();
}

}  // namespace petrel::net
