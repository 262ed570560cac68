#include "petrel/disk/open_disk.h"

#include "disk/thread_disk.h"

#include <utility>

namespace petrel::disk {

bool is_uring_usable() {
  return false;
}

Result<std::unique_ptr<store::Disk>> open_disk(DiskOptions options) {
  if (options.backend == Backend::kUring) {
    return Error{Errc::kUnsupported, "io_uring cannot be used for files here"};
  }
  return std::unique_ptr<store::Disk>(std::make_unique<ThreadDisk>(std::move(options.wake)));
}

}  // namespace petrel::disk
