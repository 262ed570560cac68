#include "petrel/net/worker_pool.h"

#include <utility>

namespace petrel::net {

WorkerPool::WorkerPool(size_t threads, size_t waiting_max) : queue_(waiting_max) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work_until_closed(); });
}

WorkerPool::~WorkerPool() {
  close();
}

void WorkerPool::close() {
  queue_.close();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool WorkerPool::push(std::function<void()> work) {
  return queue_.push(std::move(work));
}

void WorkerPool::work_until_closed() noexcept {
  while (const auto work = queue_.pop()) (*work)();
}

}  // namespace petrel::net
