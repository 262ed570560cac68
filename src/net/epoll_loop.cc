#include "net/epoll_loop.h"

#include "net/sockets.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace petrel::net {
namespace {

constexpr size_t kEventsPerTurn = 512;
constexpr int kAcceptsPerTurn = 64;

// ConnectionSlot::backend_bits: what epoll watches now.
constexpr uint8_t kWatchRead = 1;
constexpr uint8_t kWatchRoom = 2;

// What an event names: generation in the upper half, slot in the lower. Generation 0 means the
// listener with that serial, and serial 0 the eventfd.
constexpr uint64_t kWakeKey = 0;

uint64_t key_of(ConnectionId id) {
  return uint64_t{id.generation} << 32 | id.slot;
}
uint64_t key_of(const Listener& listener) {
  return listener.serial;
}

}  // namespace

Result<std::unique_ptr<Loop>> EpollLoop::create(const LoopOptions& options, LoopHandler& handler) {
  std::unique_ptr<EpollLoop> loop(new EpollLoop(handler, options));
  PETREL_TRY_STATUS(loop->open());
  return std::unique_ptr<Loop>(std::move(loop));
}

EpollLoop::EpollLoop(LoopHandler& handler, const LoopOptions& options)
    : LoopCore(handler, options), events_(kEventsPerTurn) {}

EpollLoop::~EpollLoop() {
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
}

Status EpollLoop::open() {
  PETREL_TRY_STATUS(open_wake_fd());
  epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd_ < 0) return Error{Errc::kIo, "epoll_create1: " + errno_text(errno)};
  epoll_event event{};
  // Edge-triggered: every write to the eventfd is one event, and nobody has to read it back.
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWakeKey;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd(), &event) != 0)
    return Error{Errc::kIo, "epoll_ctl: " + errno_text(errno)};
  return Status::ok();
}

// Asks again and again for a short while, without sleeping.
int EpollLoop::look_for_events(Duration longest) {
  const Instant start = monotonic_now();
  Duration spent{};
  int n = 0;
  do {
    n = ::epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), 0);
    spent = monotonic_now() - start;
  } while (n == 0 && spent < longest);
  note_look(n > 0, spent);
  return n;
}

int EpollLoop::wait(Duration timeout) {
  if (const Duration longest = time_to_look(timeout); longest.ns > 0) {
    if (const int n = look_for_events(longest); n != 0) return n;
    if (timeout != kNoTimeout) timeout = timeout - longest;
  }
  const int room = static_cast<int>(events_.size());
  if (timeout == kNoTimeout) return ::epoll_wait(epoll_fd_, events_.data(), room, -1);
  if (timeout.ns == 0) return ::epoll_wait(epoll_fd_, events_.data(), room, 0);
  if (has_pwait2_) {
    const timespec limit{timeout.ns / 1'000'000'000, timeout.ns % 1'000'000'000};
    const int n = ::epoll_pwait2(epoll_fd_, events_.data(), room, &limit, nullptr);
    if (n >= 0 || errno == EINTR) return n;
    has_pwait2_ = false;  // kernel before 5.11, or a container that does not know it
  }
  constexpr int64_t kLongestMs = 60'000;  // turns without events are harmless
  const int64_t ms = std::min((timeout.ns + 999'999) / 1'000'000, kLongestMs);
  return ::epoll_wait(epoll_fd_, events_.data(), room, static_cast<int>(ms));
}

void EpollLoop::serve_events(Duration timeout) {
  const int n = wait(timeout);
  PETREL_CHECK(n >= 0 || errno == EINTR);
  woke_up();
  for (int i = 0; i < n; ++i) {
    const epoll_event event = events_[static_cast<size_t>(i)];
    const auto slot = static_cast<uint32_t>(event.data.u64);
    const auto generation = static_cast<uint32_t>(event.data.u64 >> 32);
    if (event.data.u64 == kWakeKey) continue;
    if (generation == 0) {
      accept_some(slot);
    } else {
      serve_connection({slot, generation}, event.events);
    }
  }
}

void EpollLoop::serve_connection(ConnectionId id, uint32_t events) {
  ConnectionSlot* slot = table().find(id);
  if (slot == nullptr) return;  // closed earlier in this turn
  if ((events & EPOLLOUT) != 0) {
    if (slot->awaits_room) {
      report_room(id);
    } else {
      // Disarmed only now: while a slow reader drains, each short write would re-arm it.
      watch(id, *slot, slot->backend_bits & kWatchRead);
    }
    slot = table().find(id);
    if (slot == nullptr) return;
  }
  if (!slot->is_paused) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && handler().wants_data(id)) {
      read_once(id, slot->fd);
    }
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    // Reported over and over while nobody reads. The bytes before the reset are still due: they
    // and the error are read when reading is resumed.
    watch(id, *slot, 0);
  }
}

void EpollLoop::accept_some(uint32_t serial) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Listener* listener = find_listener(serial);  // the handler may remove it
    if (listener == nullptr) return;
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int fd = ::accept4(listener->fd, reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take_connection(*listener, fd, to_peer_address(address));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (!is_lost_connection(errno)) {
      const int error = errno;
      stop_accepting(*listener);
      accept_failed(*listener, error);
      return;
    }
  }
}

int EpollLoop::attach(ConnectionId id, ConnectionSlot& slot) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key_of(id);
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, slot.fd, &event) != 0) return errno;
  slot.backend_bits = kWatchRead;
  return 0;
}

// A socket watched for nothing is taken out: epoll would go on to report a reset of it.
void EpollLoop::watch(ConnectionId id, ConnectionSlot& slot, uint8_t wanted) {
  const uint8_t watched = slot.backend_bits;
  if (watched == wanted) return;
  epoll_event event{};
  if ((wanted & kWatchRead) != 0) event.events |= EPOLLIN;
  if ((wanted & kWatchRoom) != 0) event.events |= EPOLLOUT;
  event.data.u64 = key_of(id);
  const int operation = watched == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_fd_, operation, slot.fd, &event) != 0) {
    fail(id, CloseCause::kReadError, errno);
    return;
  }
  slot.backend_bits = wanted;
}

void EpollLoop::change_reading(ConnectionId id, ConnectionSlot& slot) {
  const uint8_t room = slot.awaits_room ? kWatchRoom : 0;
  watch(id, slot, slot.is_paused ? room : static_cast<uint8_t>(room | kWatchRead));
}

void EpollLoop::await_room(ConnectionId id, ConnectionSlot& slot) {
  watch(id, slot, static_cast<uint8_t>(slot.backend_bits | kWatchRoom));
}

void EpollLoop::drop(ConnectionId, ConnectionSlot& slot) {
  ::close(slot.fd);  // epoll forgets a closed socket by itself
}

int EpollLoop::start_accepting(Listener& listener) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key_of(listener);
  return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, listener.fd, &event) == 0 ? 0 : errno;
}

void EpollLoop::stop_accepting(Listener& listener) {
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, listener.fd, nullptr);
}

}  // namespace petrel::net
