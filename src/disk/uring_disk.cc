#include "disk/uring_disk.h"

#include "disk/file_calls.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace petrel::disk {

namespace {

constexpr unsigned kEntries = 256;
constexpr size_t kRequestBytesMax = size_t{1} << 30;
constexpr size_t kSpareMax = 4;  // kept for the next writes
constexpr size_t kSpareBytesMax = DirectMemory::kHugeBytes;
// The lowest bit of what a completion carries: it is of the sync behind a write.
constexpr uint64_t kSyncPart = 1;

bool runs_in_ring(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kWrite:
    case Operation::Kind::kRead:
    case Operation::Kind::kSync:
    case Operation::Kind::kWriteAndSync:
      return true;
    default:
      return false;
  }
}

bool has_sync(const Operation& operation) {
  return operation.kind == Operation::Kind::kSync ||
         operation.kind == Operation::Kind::kWriteAndSync;
}

Instant monotonic_now() {
  return {std::chrono::steady_clock::now().time_since_epoch().count()};
}

size_t bytes_of(const Operation& operation) {
  return operation.kind == Operation::Kind::kRead ? operation.size : operation.bytes.size();
}

}  // namespace

Result<std::unique_ptr<UringDisk>> UringDisk::create(int wake_fd, std::optional<SyncRoute> route) {
  std::unique_ptr<UringDisk> disk(new UringDisk(wake_fd, route));
  PETREL_TRY_STATUS(disk->open_ring());
  return disk;
}

UringDisk::UringDisk(int wake_fd, std::optional<SyncRoute> route)
    : wake_fd_(wake_fd), route_(route), workers_(wake_fd), paths_(std::make_shared<OpenFile>()) {}

Status UringDisk::open_ring() {
  // The loop enters the kernel anyway before it sleeps: completions need not interrupt it.
  int rc = io_uring_queue_init(kEntries, &ring_, IORING_SETUP_COOP_TASKRUN);
  if (rc == -EINVAL) rc = io_uring_queue_init(kEntries, &ring_, 0);  // before Linux 5.19
  is_ring_open_ = rc == 0;
  if (rc == 0 && wake_fd_ >= 0) rc = io_uring_register_eventfd(&ring_, wake_fd_);
  if (rc != 0) {
    return Error{Errc::kUnsupported, "io_uring for files: " + std::generic_category().message(-rc)};
  }
  worker_ = std::thread([this] { workers_.work(WorkQueue::Lane::kOther); });
  return Status::ok();
}

UringDisk::~UringDisk() {
  is_closing_ = true;
  drain();
  workers_.close();
  if (worker_.joinable()) worker_.join();
  if (journal_worker_.joinable()) journal_worker_.join();
  if (is_ring_open_) io_uring_queue_exit(&ring_);
  close_all();
}

// --- asking ---

void UringDisk::push(Operation operation) {
  ++pending_;
  FileQueue& queue = files_[operation.file.get()];
  queue.waiting.push_back(std::make_unique<Operation>(std::move(operation)));
  if (queue.waiting.size() == 1) start(queue);
}

void UringDisk::start(FileQueue& queue) {
  Operation& operation = *queue.waiting.front();
  queue.moved = 0;
  if (!runs_in_ring(operation)) return give_to_worker(queue);
  if (has_sync(operation) && operation.file->sync_error != 0) {
    operation.error = operation.file->sync_error;
    failed_at_once_.push_back(operation.file.get());
    if (wake_fd_ >= 0) write_event(wake_fd_);
    return;
  }
  if (route_ && operation.is_urgent()) {
    queue.path = route_->next();
    queue.began = monotonic_now();
    if (queue.path == SyncPath::kWorker) return give_to_worker(queue);
  }
  submit(queue);
}

// A placeholder keeps the place; the worker gives the operation back.
void UringDisk::give_to_worker(FileQueue& queue) {
  std::unique_ptr<Operation> given = std::move(queue.waiting.front());
  if (given->is_urgent() && !journal_worker_.joinable()) {
    journal_worker_ = std::thread([this] { workers_.work(WorkQueue::Lane::kUrgent); });
  }
  workers_.push(std::move(given));
}

io_uring_sqe* UringDisk::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    io_uring_submit(&ring_);
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

// The bytes to be read into or written from: aligned ones for what goes around the page cache.
char* UringDisk::memory_of(FileQueue& queue, Operation& operation) {
  const bool is_read = operation.kind == Operation::Kind::kRead;
  const bool is_direct = operation.wants_direct() && is_whole_sectors(queue.moved, 0) &&
                         turn_direct(*operation.file, true);
  if (!is_direct) {
    turn_direct(*operation.file, false);
    release_memory(queue);
    return is_read ? operation.room() : operation.bytes.data();
  }
  if (is_read) return operation.room();
  if (queue.direct.bytes() != nullptr) return queue.direct.bytes();
  const size_t bytes = operation.bytes.size();
  queue.direct = take_spare(bytes);
  PETREL_CHECK_STATE(queue.direct.bytes() != nullptr, "out of memory");
  std::memcpy(queue.direct.bytes(), operation.bytes.data(), bytes);
  return queue.direct.bytes();
}

// The smallest that is large enough.
DirectMemory UringDisk::take_spare(size_t bytes) {
  const auto found = std::lower_bound(
      spare_.begin(), spare_.end(), bytes,
      [](const DirectMemory& spare, size_t wanted) { return spare.capacity() < wanted; });
  if (found == spare_.end()) return DirectMemory(bytes);
  DirectMemory taken = std::move(*found);
  spare_.erase(found);
  return taken;
}

void UringDisk::release_memory(FileQueue& queue) {
  const size_t capacity = queue.direct.capacity();
  if (capacity != 0 && capacity <= kSpareBytesMax && spare_.size() < kSpareMax) {
    const auto place = std::upper_bound(
        spare_.begin(), spare_.end(), capacity,
        [](size_t given, const DirectMemory& spare) { return given < spare.capacity(); });
    spare_.insert(place, std::move(queue.direct));
  }
  queue.direct = {};
}

void UringDisk::submit_sync(FileQueue& queue, const Operation& operation) {
  io_uring_sqe* entry = next_entry();
  io_uring_prep_fsync(entry, operation.file->fd, IORING_FSYNC_DATASYNC);
  entry->user_data = reinterpret_cast<uint64_t>(operation.file.get()) | kSyncPart;
  ++queue.parts;
}

// A write around the page cache syncs by itself, without a thread that waits for it. Any other sync
// behind a write is linked to it: it does not begin when the write fails or is short.
void UringDisk::submit(FileQueue& queue) {
  Operation& operation = *queue.waiting.front();
  queue.parts = 0;
  queue.is_synced_write = false;
  queue.write_result = queue.sync_result = 0;
  if (operation.kind != Operation::Kind::kSync) {
    // Both parts or none: a link does not reach from one submission into the next.
    if (io_uring_sq_space_left(&ring_) < 2) io_uring_submit(&ring_);
    io_uring_sqe* entry = next_entry();
    const auto count =
        static_cast<unsigned>(std::min(bytes_of(operation) - queue.moved, kRequestBytesMax));
    char* const bytes = memory_of(queue, operation) + queue.moved;
    const uint64_t offset = operation.offset + queue.moved;
    if (operation.kind == Operation::Kind::kRead) {
      io_uring_prep_read(entry, operation.file->fd, bytes, count, offset);
    } else {
      io_uring_prep_write(entry, operation.file->fd, bytes, count, offset);
    }
    entry->user_data = reinterpret_cast<uint64_t>(operation.file.get());
    if (operation.kind == Operation::Kind::kWriteAndSync) {
      queue.is_synced_write = operation.file->is_direct;
      if (queue.is_synced_write) {
        entry->rw_flags = RWF_DSYNC;
      } else {
        entry->flags |= IOSQE_IO_LINK;
      }
    }
    ++queue.parts;
  }
  if (has_sync(operation) && !queue.is_synced_write) submit_sync(queue, operation);
  in_ring_ += queue.parts;
  io_uring_submit(&ring_);
}

// --- completing ---

void UringDisk::take_completions(Finished& finished) {
  io_uring_cqe* entry = nullptr;
  while (io_uring_peek_cqe(&ring_, &entry) == 0 && entry != nullptr) {
    const uint64_t about = entry->user_data;
    const int result = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    --in_ring_;
    FileQueue& queue = files_.at(reinterpret_cast<OpenFile*>(about & ~kSyncPart));
    ((about & kSyncPart) != 0 ? queue.sync_result : queue.write_result) = result;
    if (--queue.parts == 0 && settle(queue)) finish(queue, finished);
  }
}

bool UringDisk::settle(FileQueue& queue) {
  Operation& operation = *queue.waiting.front();
  operation.error = 0;
  if (operation.kind != Operation::Kind::kSync) {
    if (queue.write_result == -EINVAL && operation.file->is_direct) {
      // Not of this file: through the page cache then.
      operation.file->is_direct_refused = true;
      submit(queue);
      return false;
    }
    const bool is_interrupted = queue.write_result == -EINTR || queue.write_result == -EAGAIN;
    if (queue.write_result < 0 && !is_interrupted) {
      operation.error = -queue.write_result;
      // It may have been the sync that failed.
      if (queue.is_synced_write) operation.file->sync_error = operation.error;
      return true;
    }
    const bool is_end = queue.write_result == 0 && bytes_of(operation) != 0;
    if (is_end && operation.kind != Operation::Kind::kRead) operation.error = EIO;
    if (!is_interrupted) queue.moved += static_cast<size_t>(queue.write_result);
    if (operation.error != 0) return true;
    if (queue.moved < bytes_of(operation) && !is_end) {
      submit(queue);
      return false;
    }
    if (operation.kind == Operation::Kind::kRead) operation.filled = queue.moved;
  }
  if (has_sync(operation) && queue.sync_result < 0) {
    // The kernel has forgotten what it could not write: no later sync is believed.
    operation.error = operation.file->sync_error = -queue.sync_result;
  }
  return true;
}

void UringDisk::finish(FileQueue& queue, Finished& finished) {
  release_memory(queue);
  if (queue.began.ns != 0) route_->note(queue.path, monotonic_now() - queue.began);
  queue.began = {};
  finished.push_back(std::move(queue.waiting.front()));
  queue.waiting.pop_front();
  if (queue.waiting.empty()) {
    files_.erase(finished.back()->file.get());
  } else {
    start(queue);
  }
}

void UringDisk::gather(Finished& finished) {
  take_completions(finished);
  for (OpenFile* file : std::exchange(failed_at_once_, {})) finish(files_.at(file), finished);
  Finished done_by_worker;
  workers_.take_finished(done_by_worker);
  for (std::unique_ptr<Operation>& operation : done_by_worker) {
    FileQueue& queue = files_.at(operation->file.get());
    queue.waiting.front() = std::move(operation);
    finish(queue, finished);
  }
}

size_t UringDisk::poll() {
  if (pending_ == 0) return 0;
  Finished finished;
  gather(finished);
  pending_ -= finished.size();
  if (is_closing_) return finished.size();
  for (const std::unique_ptr<Operation>& operation : finished) operation->complete();
  return finished.size();
}

void UringDisk::wait() {
  if (!failed_at_once_.empty()) return;
  if (in_ring_ == 0) return workers_.wait_finished();
  // The worker may be done before the kernel is.
  __kernel_timespec moment{0, 1'000'000};
  io_uring_cqe* entry = nullptr;
  io_uring_wait_cqe_timeout(&ring_, &entry, &moment);
}

void UringDisk::drain() {
  while (pending_ > 0) {
    if (poll() == 0) wait();
  }
}

// --- the operations ---

void UringDisk::write(store::FileId id, uint64_t offset, std::string bytes, Done done) {
  push({.kind = Operation::Kind::kWrite,
        .file = file(id),
        .offset = offset,
        .bytes = std::move(bytes),
        .done = std::move(done)});
}

void UringDisk::read(store::FileId id, const store::FileRange& range, ReadDone done) {
  push(reading(id, range, std::move(done)));
}

void UringDisk::sync(store::FileId id, Done done) {
  push({.kind = Operation::Kind::kSync, .file = file(id), .done = std::move(done)});
}

void UringDisk::write_and_sync(store::FileId id, uint64_t offset, std::string bytes, Done done) {
  push({.kind = Operation::Kind::kWriteAndSync,
        .file = file(id),
        .offset = offset,
        .bytes = std::move(bytes),
        .done = std::move(done)});
}

void UringDisk::preallocate(store::FileId id, uint64_t bytes, Done done) {
  push({.kind = Operation::Kind::kPreallocate,
        .file = file(id),
        .size = bytes,
        .done = std::move(done)});
}

void UringDisk::close(store::FileId id) {
  push({.kind = Operation::Kind::kClose, .file = take_file(id)});
}

void UringDisk::replace_file(std::string path, std::string bytes, Done done) {
  push({.kind = Operation::Kind::kReplaceFile,
        .file = paths_,
        .path = std::move(path),
        .bytes = std::move(bytes),
        .done = std::move(done)});
}

void UringDisk::rename_file(std::string from, std::string to, Done done) {
  push({.kind = Operation::Kind::kRenameFile,
        .file = paths_,
        .path = std::move(from),
        .target = std::move(to),
        .done = std::move(done)});
}

void UringDisk::remove_file(std::string path, Done done) {
  push({.kind = Operation::Kind::kRemoveFile,
        .file = paths_,
        .path = std::move(path),
        .done = std::move(done)});
}

void UringDisk::remove_tree(std::string path, Done done) {
  push({.kind = Operation::Kind::kRemoveTree,
        .file = paths_,
        .path = std::move(path),
        .done = std::move(done)});
}

}  // namespace petrel::disk
