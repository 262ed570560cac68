// WorkQueue: bounded queue of work for worker threads.
//
// Owner: WorkerPool. Thread: any. Limits: `waiting_max` pieces wait; when it is full push says no.
#pragma once

#include "petrel/base/mutex.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>

namespace petrel::net {

class WorkQueue {
 public:
  using Work = std::function<void()>;

  explicit WorkQueue(size_t waiting_max) : waiting_max_(waiting_max) {}
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // False when it is full or closed; the work is dropped then.
  [[nodiscard]] bool push(Work work);
  // Waits for work; nothing once the queue is closed.
  std::optional<Work> pop();
  // Drops what waits and ends every pop().
  void close();

 private:
  const size_t waiting_max_;
  Mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Work> waiting_ PETREL_GUARDED_BY(mutex_);
  bool is_closed_ PETREL_GUARDED_BY(mutex_) = false;
};

}  // namespace petrel::net
