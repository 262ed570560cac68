// WorkerPool: threads for what would block a loop, such as bcrypt. Results go back through the
// inbox of the loop that asked.
//
// Owner: server. Thread: push from any thread; the work runs on one of the pool's threads.
// Limits: see WorkQueue. Work that throws ends the process.
#pragma once

#include "petrel/net/work_queue.h"

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace petrel::net {

class WorkerPool {
 public:
  WorkerPool(size_t threads, size_t waiting_max);
  // Waits for what runs, drops what waits.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Waits for what runs, drops what waits; push says no from then on. Idempotent, one caller.
  void close();
  // False when too much waits; the work is dropped then.
  [[nodiscard]] bool push(std::function<void()> work);

 private:
  void work_until_closed() noexcept;

  WorkQueue queue_;
  std::vector<std::thread> threads_;
};

}  // namespace petrel::net
