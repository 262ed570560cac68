#include "server/cancellable_sleep.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace petrel::server {

CancellableSleep::CancellableSleep() : event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  PETREL_CHECK(event_fd_ >= 0);
}

CancellableSleep::~CancellableSleep() {
  close(event_fd_);
}

bool CancellableSleep::sleep_for(Duration duration) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t end = now.tv_sec * 1'000'000'000 + now.tv_nsec + std::max<int64_t>(duration.ns, 0);
  while (true) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t left = std::max<int64_t>(end - now.tv_sec * 1'000'000'000 - now.tv_nsec, 0);
    const timespec limit{left / 1'000'000'000, left % 1'000'000'000};
    pollfd event{event_fd_, POLLIN, 0};
    const int ready = ppoll(&event, 1, &limit, nullptr);
    if (ready > 0) return false;
    if (ready == 0) return true;
    PETREL_CHECK(errno == EINTR);
  }
}

void CancellableSleep::cancel() {
  const uint64_t one = 1;
  PETREL_CHECK(::write(event_fd_, &one, sizeof one) == sizeof one);
}

}  // namespace petrel::server
