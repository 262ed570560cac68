// WorkQueue: operations on their way to the workers of a disk and back. Those of one file run one
// after the other; urgent ones have a worker of their own.
//
// Owner: WorkerSet. Thread: push, take and wait from the loop's; work from the workers'.
// Limits: none of its own; who asks bounds what is under way.
#pragma once

#include "disk/operation.h"

#include "petrel/base/mutex.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace petrel::disk {

class WorkQueue {
 public:
  enum class Lane : uint8_t { kUrgent, kOther };

  // A worker writes to `wake_fd` when something finished and nothing lay finished before; -1: not.
  explicit WorkQueue(int wake_fd) : wake_fd_(wake_fd) {}
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void push(std::unique_ptr<Operation> operation);
  // Replaces the content of `finished`.
  void take_finished(std::vector<std::unique_ptr<Operation>>& finished);
  // Blocks until something finished. REQUIRES: something is under way.
  void wait_finished();
  // Ends work() once nothing waits any more.
  void close();
  // Thread: a worker's. Performs operations until closed.
  void work(Lane lane);

 private:
  struct FileQueue {
    std::deque<std::unique_ptr<Operation>> waiting;
    bool is_listed = false;  // in a lane, or being performed
  };
  // Returns the lane whose worker is to be told.
  Lane list(OpenFile* file, FileQueue& queue) PETREL_REQUIRES(mutex_);
  void tell(Lane lane) { (lane == Lane::kUrgent ? urgent_ready_ : other_ready_).notify_one(); }
  Operation* pop(Lane lane);
  void give_back(OpenFile* file, bool is_finished);
  std::deque<OpenFile*>& lane_of(Lane lane) PETREL_REQUIRES(mutex_) {
    return lane == Lane::kUrgent ? urgent_ : other_;
  }

  const int wake_fd_;
  Mutex mutex_;
  std::condition_variable_any urgent_ready_;
  std::condition_variable_any other_ready_;
  std::condition_variable_any finished_ready_;
  std::unordered_map<OpenFile*, FileQueue> files_ PETREL_GUARDED_BY(mutex_);
  // Files whose first operation may be performed.
  std::deque<OpenFile*> urgent_ PETREL_GUARDED_BY(mutex_);
  std::deque<OpenFile*> other_ PETREL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Operation>> finished_ PETREL_GUARDED_BY(mutex_);
  bool is_closed_ PETREL_GUARDED_BY(mutex_) = false;
};

}  // namespace petrel::disk
