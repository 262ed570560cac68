#include "petrel/disk/open_disk.h"

#include "disk/thread_disk.h"
#include "disk/uring_disk.h"

#include <utility>

namespace petrel::disk {

bool is_uring_usable() {
  static const bool kIsUsable = UringDisk::create(nullptr).is_ok();
  return kIsUsable;
}

Result<std::unique_ptr<store::Disk>> open_disk(DiskOptions options) {
  if (options.backend == Backend::kUring) {
    PETREL_TRY(std::unique_ptr<store::Disk> disk, UringDisk::create(std::move(options.wake)));
    return disk;
  }
  return std::unique_ptr<store::Disk>(std::make_unique<ThreadDisk>(std::move(options.wake)));
}

}  // namespace petrel::disk
