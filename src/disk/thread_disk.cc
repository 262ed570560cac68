#include "disk/thread_disk.h"

#include <utility>

namespace petrel::disk {

ThreadDisk::ThreadDisk(int wake_fd) : queue_(wake_fd), paths_(std::make_shared<OpenFile>()) {
  for (const WorkQueue::Lane lane : {WorkQueue::Lane::kUrgent, WorkQueue::Lane::kOther}) {
    threads_.emplace_back([this, lane] { queue_.work(lane); });
  }
}

ThreadDisk::~ThreadDisk() {
  queue_.close();
  for (std::thread& thread : threads_) thread.join();
  close_all();
}

void ThreadDisk::push(Operation operation) {
  ++pending_;
  queue_.push(std::make_unique<Operation>(std::move(operation)));
}

void ThreadDisk::write(store::FileId id, uint64_t offset, std::string bytes, Done done) {
  push({.kind = Operation::Kind::kWrite,
        .file = file(id),
        .offset = offset,
        .bytes = std::move(bytes),
        .done = std::move(done)});
}

void ThreadDisk::read(store::FileId id, const store::FileRange& range, ReadDone done) {
  push(reading(id, range, std::move(done)));
}

void ThreadDisk::sync(store::FileId id, Done done) {
  push({.kind = Operation::Kind::kSync, .file = file(id), .done = std::move(done)});
}

void ThreadDisk::write_and_sync(store::FileId id, uint64_t offset, std::string bytes, Done done) {
  push({.kind = Operation::Kind::kWriteAndSync,
        .file = file(id),
        .offset = offset,
        .bytes = std::move(bytes),
        .done = std::move(done)});
}

void ThreadDisk::preallocate(store::FileId id, uint64_t bytes, Done done) {
  push({.kind = Operation::Kind::kPreallocate,
        .file = file(id),
        .size = bytes,
        .done = std::move(done)});
}

void ThreadDisk::close(store::FileId id) {
  push({.kind = Operation::Kind::kClose, .file = take_file(id)});
}

void ThreadDisk::push_path(Operation::Kind kind, std::string path, std::string second, Done done) {
  Operation operation{.kind = kind, .file = paths_, .done = std::move(done)};
  operation.path = std::move(path);
  (kind == Operation::Kind::kReplaceFile ? operation.bytes : operation.target) = std::move(second);
  push(std::move(operation));
}

void ThreadDisk::replace_file(std::string path, std::string bytes, Done done) {
  push_path(Operation::Kind::kReplaceFile, std::move(path), std::move(bytes), std::move(done));
}

void ThreadDisk::rename_file(std::string from, std::string to, Done done) {
  push_path(Operation::Kind::kRenameFile, std::move(from), std::move(to), std::move(done));
}

void ThreadDisk::remove_file(std::string path, Done done) {
  push_path(Operation::Kind::kRemoveFile, std::move(path), {}, std::move(done));
}

void ThreadDisk::remove_tree(std::string path, Done done) {
  push_path(Operation::Kind::kRemoveTree, std::move(path), {}, std::move(done));
}

size_t ThreadDisk::poll() {
  if (pending_ == 0) return 0;
  // A completion may ask for more, or poll again.
  std::vector<std::unique_ptr<Operation>> finished = std::move(finished_);
  queue_.take_finished(finished);
  const size_t count = finished.size();
  for (const std::unique_ptr<Operation>& operation : finished) {
    --pending_;
    operation->complete();
  }
  finished_ = std::move(finished);
  return count;
}

void ThreadDisk::drain() {
  while (pending_ > 0) {
    queue_.wait_finished();
    poll();
  }
}

}  // namespace petrel::disk
