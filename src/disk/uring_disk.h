// UringDisk: a disk whose reads, writes and syncs the kernel does by itself. What io_uring has no
// call for, or what takes many calls, is done by a worker thread, and so are batches of the journal
// while the ring is slow (SyncRoute).
//
// Owner: one per loop. Thread: the loop's; the kernel itself writes to the eventfd that wakes it.
#pragma once

#include "disk/direct_memory.h"
#include "disk/file_table.h"
#include "disk/operation.h"
#include "disk/sync_route.h"
#include "disk/work_queue.h"

#include <liburing.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace petrel::disk {

class UringDisk final : public FileTable {
 public:
  // kUnsupported when the kernel or the container forbids io_uring. Without a route every batch of
  // the journal goes through the ring.
  static Result<std::unique_ptr<UringDisk>> create(int wake_fd, std::optional<SyncRoute> route);
  // Performs what is under way; nothing is completed any more.
  ~UringDisk() override;

  void write(store::FileId file, uint64_t offset, std::string bytes, Done done) override;
  void read(store::FileId file, const store::FileRange& range, ReadDone done) override;
  void sync(store::FileId file, Done done) override;
  void write_and_sync(store::FileId file, uint64_t offset, std::string bytes, Done done) override;
  void preallocate(store::FileId file, uint64_t bytes, Done done) override;
  void close(store::FileId file) override;
  void replace_file(std::string path, std::string bytes, Done done) override;
  void rename_file(std::string from, std::string to, Done done) override;
  void remove_file(std::string path, Done done) override;
  void remove_tree(std::string path, Done done) override;

  size_t poll() override;
  void drain() override;
  size_t pending() const override { return pending_; }

 private:
  // The first operation of a file is the one that runs.
  struct FileQueue {
    std::deque<std::unique_ptr<Operation>> waiting;
    size_t moved = 0;      // bytes read or written so far
    unsigned parts = 0;    // requests in the ring
    int write_result = 0;  // of the last one
    int sync_result = 0;
    bool is_synced_write = false;     // the write syncs as well
    SyncPath path = SyncPath::kRing;  // of a batch of the journal
    Instant began{};
    DirectMemory direct = {};  // what a write around the page cache is made from
  };
  using Finished = std::vector<std::unique_ptr<Operation>>;

  UringDisk(int wake_fd, std::optional<SyncRoute> route);
  Status open_ring();
  void push(Operation operation);
  void start(FileQueue& queue);
  void give_to_worker(FileQueue& queue);
  void submit(FileQueue& queue);
  char* memory_of(FileQueue& queue, Operation& operation);
  DirectMemory take_spare(size_t bytes);
  void release_memory(FileQueue& queue);
  void submit_sync(FileQueue& queue, const Operation& operation);
  io_uring_sqe* next_entry();
  void take_completions(Finished& finished);
  // Whether the operation at the front is over; else the rest of it was submitted.
  bool settle(FileQueue& queue);
  void finish(FileQueue& queue, Finished& finished);
  void gather(Finished& finished);
  void wait();

  const int wake_fd_;
  std::optional<SyncRoute> route_;
  WorkQueue workers_;
  const std::shared_ptr<OpenFile> paths_;  // orders what names a path
  std::unordered_map<OpenFile*, FileQueue> files_;
  std::vector<OpenFile*> failed_at_once_;
  io_uring ring_{};
  bool is_ring_open_ = false;
  bool is_closing_ = false;
  std::vector<DirectMemory> spare_;  // the smallest first
  size_t pending_ = 0;
  size_t in_ring_ = 0;
  std::thread worker_;
  std::thread journal_worker_;  // from the first batch that it is given
};

}  // namespace petrel::disk
