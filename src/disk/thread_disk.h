// ThreadDisk: a disk whose calls block two threads of its own instead of the loop: one for the
// journal's writes, one for all else.
//
// Owner: one per loop. Thread: the loop's.
#pragma once

#include "disk/file_table.h"
#include "disk/work_queue.h"

#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace petrel::disk {

class ThreadDisk final : public FileTable {
 public:
  explicit ThreadDisk(int wake_fd);
  // Performs what is under way; nothing is completed any more.
  ~ThreadDisk() override;

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
  void push(Operation operation);
  void push_path(Operation::Kind kind, std::string path, std::string second, Done done);

  WorkQueue queue_;
  const std::shared_ptr<OpenFile> paths_;  // orders what names a path
  std::vector<std::unique_ptr<Operation>> finished_;
  size_t pending_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace petrel::disk
