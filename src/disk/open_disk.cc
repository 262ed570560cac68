#include "petrel/disk/open_disk.h"

#include "disk/thread_disk.h"
#include "disk/uring_disk.h"

#include <cstdint>
#include <unistd.h>
#include <utility>

namespace petrel::disk {

bool is_uring_usable() {
  static const bool kIsUsable = UringDisk::create(-1).is_ok();
  return kIsUsable;
}

Result<std::unique_ptr<store::Disk>> open_disk(const DiskOptions& options) {
  if (options.backend == Backend::kUring) {
    PETREL_TRY(std::unique_ptr<store::Disk> disk, UringDisk::create(options.wake_fd));
    return disk;
  }
  return std::unique_ptr<store::Disk>(std::make_unique<ThreadDisk>(options.wake_fd));
}

}  // namespace petrel::disk
