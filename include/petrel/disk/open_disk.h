// The disks of a server: store::Disk over worker threads or over io_uring.
//
// Owner: one per loop. Thread: the loop's; poll() should be called when `wake_fd` was written to.
// Errors: open_disk answers kUnsupported when io_uring was asked for and the kernel or the
// container forbids it.
// Source: architecture D10.
#pragma once

#include "petrel/base/result.h"
#include "petrel/store/disk.h"

#include <cstdint>
#include <memory>

namespace petrel::disk {

enum class Backend : uint8_t {
  kAutomatic,  // io_uring where it can be used, but for batches that it is slow with
  kThreads,
  kUring,
};

struct DiskOptions {
  Backend backend = Backend::kAutomatic;
  // An eventfd that is written to when something completed; it outlives the disk. -1: the owner
  // polls.
  int wake_fd = -1;
};

Result<std::unique_ptr<store::Disk>> open_disk(const DiskOptions& options);
// Whether io_uring can be used for files here.
bool is_uring_usable();

}  // namespace petrel::disk
