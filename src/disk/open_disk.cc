#include "petrel/disk/open_disk.h"

#include "disk/thread_disk.h"
#include "disk/uring_disk.h"

#include <cstdint>
#include <unistd.h>
#include <utility>

namespace petrel::disk {

bool is_uring_usable() {
  static const bool kIsUsable = UringDisk::create(-1, std::nullopt).is_ok();
  return kIsUsable;
}

namespace {

// The thread sanitizer does not know what the kernel orders.
bool prefers_ring(Backend backend) {
#ifdef __SANITIZE_THREAD__
  return backend == Backend::kUring;
#else
  return backend != Backend::kThreads;
#endif
}

}  // namespace

Result<std::unique_ptr<store::Disk>> open_disk(const DiskOptions& options) {
  if (prefers_ring(options.backend)) {
    const bool is_asked_for = options.backend == Backend::kUring;
    Result<std::unique_ptr<UringDisk>> ring = UringDisk::create(
        options.wake_fd, is_asked_for ? std::nullopt : std::optional(SyncRoute()));
    if (ring) return std::unique_ptr<store::Disk>(std::move(*ring));
    if (is_asked_for) return ring.error();
  }
  return std::unique_ptr<store::Disk>(std::make_unique<ThreadDisk>(options.wake_fd));
}

}  // namespace petrel::disk
