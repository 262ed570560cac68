// The disks of a server: store::Disk over worker threads or over io_uring.
//
// Owner: one per loop. Thread: the loop's; `wake` comes from any thread when something completed
// and poll() should be called.
// Errors: open_disk answers kUnsupported when io_uring was asked for and the kernel or the
// container forbids it.
// Source: architecture D10.
#pragma once

#include "petrel/base/result.h"
#include "petrel/store/disk.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace petrel::disk {

enum class Backend : uint8_t {
  kAutomatic,  // threads
  kThreads,
  kUring,
};

struct DiskOptions {
  Backend backend = Backend::kAutomatic;
  std::function<void()> wake;  // may be empty: the owner polls
};

Result<std::unique_ptr<store::Disk>> open_disk(DiskOptions options);
// Whether io_uring can be used for files here.
bool is_uring_usable();

}  // namespace petrel::disk
