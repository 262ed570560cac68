#include "net/uring_loop.h"

#include "net/sockets.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace petrel::net {
namespace {

constexpr unsigned kSubmissions = 512;
constexpr unsigned kCompletions = 2048;  // more than that wait in the kernel, none is lost
constexpr size_t kReadsPerTurn = 512;

// ConnectionSlot::backend_bits.
constexpr uint8_t kHasBytes = 1;  // or its end is to be read
constexpr uint8_t kHasEnd = 2;    // the end comes after the bytes: read on until then
constexpr uint8_t kListed = 4;

bool is_refused(int error) {
  return error == EPERM || error == EACCES || error == ENOSYS || error == EINVAL;
}

Error setup_error(const char* step, int error) {
  const Errc code = is_refused(error) ? Errc::kUnsupported : Errc::kIo;
  return {code, std::string(step) + ": " + errno_text(error)};
}

}  // namespace

Result<std::unique_ptr<Loop>> UringLoop::create(const LoopOptions& options, LoopHandler& handler) {
  std::unique_ptr<UringLoop> loop(new UringLoop(handler, options));
  PETREL_TRY_STATUS(loop->open_wake_fd());
  PETREL_TRY_STATUS(loop->open_ring());
  return std::unique_ptr<Loop>(std::move(loop));
}

UringLoop::UringLoop(LoopHandler& handler, const LoopOptions& options)
    : LoopCore(handler, options) {}

UringLoop::~UringLoop() {
  if (is_ring_open_) io_uring_queue_exit(&ring_);
}

// The ring belongs to the thread that enables it, in start(). A kernel that knows SINGLE_ISSUER
// (6.0) knows multishot accept and poll as well.
Status UringLoop::open_ring() {
  constexpr unsigned kAlways = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                               IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG;
  int rc = 0;
  for (const unsigned flags : {IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN}) {
    io_uring_params params{};
    params.flags = kAlways | flags;
    params.cq_entries = kCompletions;
    rc = io_uring_queue_init_params(kSubmissions, &ring_, &params);
    is_ring_open_ = rc == 0;
    if (rc != -EINVAL) break;
  }
  if (!is_ring_open_) return setup_error("io_uring_setup", -rc);
  return Status::ok();
}

void UringLoop::start() {
  PETREL_CHECK(io_uring_enable_rings(&ring_) == 0);
  io_uring_register_ring_fd(&ring_);  // spares a look-up per call; does without where it is unknown
  arm_wake();
}

// Without this the kernel would keep listening sockets alive for a while after the ring is gone.
void UringLoop::finish() {
  is_finishing_ = true;
  cancel(user_data(Kind::kWake, ConnectionId{}));
  constexpr int kRoundsMax = 100;
  for (int round = 0; under_way_ > 0 && round < kRoundsMax; ++round) {
    enter_kernel(Duration::millis(10));
    serve_completions();
  }
}

// --- Submissions ---

uint64_t UringLoop::user_data(Kind kind, ConnectionId id) {
  return uint64_t{static_cast<uint8_t>(kind)} << 61 | uint64_t{id.generation} << 32 | id.slot;
}

uint64_t UringLoop::user_data(Kind kind, const Listener& listener) {
  return user_data(kind, ConnectionId{listener.serial, 0});
}

io_uring_sqe* UringLoop::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {  // full: hand over what there is
    const int rc = io_uring_submit(&ring_);
    PETREL_CHECK(rc > 0 || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

// The io_uring_prep functions clear the fields, so callers set `user_data` through this afterwards.
io_uring_sqe* UringLoop::prepare(uint64_t data) {
  io_uring_sqe* sqe = next_sqe();
  io_uring_sqe_set_data64(sqe, data);
  ++under_way_;
  return sqe;
}

io_uring_sqe* UringLoop::prepare_silent() {
  io_uring_sqe* sqe = next_sqe();
  io_uring_sqe_set_data64(sqe, user_data(Kind::kIgnored, ConnectionId{}));
  return sqe;
}

void UringLoop::cancel(uint64_t data) {
  io_uring_sqe* sqe = prepare_silent();
  io_uring_prep_cancel64(sqe, data, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
}

void UringLoop::arm_wake() {
  io_uring_sqe* sqe = prepare(user_data(Kind::kWake, ConnectionId{}));
  // One completion per write to the eventfd; nobody has to read it back.
  io_uring_prep_poll_multishot(sqe, wake_fd(), POLLIN);
}

// Room is reported only after a write was short, so it costs nothing to ask for it always.
void UringLoop::watch(ConnectionId id, const ConnectionSlot& slot) {
  io_uring_sqe* sqe = prepare(user_data(Kind::kSocket, id));
  io_uring_prep_poll_multishot(sqe, slot.fd, POLLIN | POLLRDHUP | POLLOUT);
}

int UringLoop::attach(ConnectionId id, ConnectionSlot& slot) {
  watch(id, slot);
  return 0;
}

void UringLoop::change_reading(ConnectionId id, ConnectionSlot& slot) {
  if (!slot.is_paused && (slot.backend_bits & kHasBytes) != 0) list(id, slot);
}

// Closed through the ring, behind everything that was prepared for the same descriptor: its number
// must not name another socket before those submissions are made.
void UringLoop::drop(ConnectionId id, ConnectionSlot& slot) {
  cancel(user_data(Kind::kSocket, id));
  io_uring_sqe* sqe = prepare_silent();
  io_uring_prep_close(sqe, slot.fd);
  io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
}

int UringLoop::start_accepting(Listener& listener) {
  io_uring_sqe* sqe = prepare(user_data(Kind::kAccept, listener));
  io_uring_prep_multishot_accept(sqe, listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return 0;
}

// The caller closes the socket next, and the port has to be free then: so this happens at once.
void UringLoop::stop_accepting(Listener& listener) {
  cancel(user_data(Kind::kAccept, listener));
  enter_kernel({0});
}

// --- Completions ---

void UringLoop::enter_kernel(Duration timeout) {
  int rc = 0;
  if (timeout.ns == 0) {
    rc = io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec limit{timeout.ns / 1'000'000'000, timeout.ns % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    rc = io_uring_submit_and_wait_timeout(&ring_, &first, 1,
                                          timeout == kNoTimeout ? nullptr : &limit, nullptr);
  }
  PETREL_CHECK(rc >= 0 || rc == -ETIME || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
}

// Completions to fetch, or work that the kernel left for this thread to do.
bool UringLoop::has_news() const {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_ACQUIRE);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 ||
         io_uring_cq_ready(&ring_) > 0;
}

// Looks again and again for a short while, without sleeping and without a call.
bool UringLoop::look_for_news(Duration longest) {
  const Instant start = monotonic_now();
  Duration spent{};
  bool found = has_news();
  while (!found && spent < longest) {
    found = has_news();
    spent = monotonic_now() - start;
  }
  note_look(found, spent);
  return found;
}

void UringLoop::wait(Duration timeout) {
  if (!listed_.empty()) timeout = {0};
  const bool has_work = io_uring_sq_ready(&ring_) > 0 || has_news();
  if (timeout.ns == 0) {
    if (has_work) enter_kernel({0});
    return;
  }
  if (const Duration longest = time_to_look(timeout); longest.ns > 0) {
    if (has_work) enter_kernel({0});
    if (look_for_news(longest)) timeout = {0};
  }
  enter_kernel(timeout);
}

void UringLoop::serve_events(Duration timeout) {
  wait(timeout);
  woke_up();
  serve_completions();
  read_listed();
}

void UringLoop::serve_completions() {
  unsigned head = 0;
  unsigned served = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    ++served;
    serve(*cqe);
  }
  io_uring_cq_advance(&ring_, served);
}

void UringLoop::serve(const io_uring_cqe& cqe) {
  const auto kind = static_cast<Kind>(cqe.user_data >> 61);
  const ConnectionId id{
      static_cast<uint32_t>(cqe.user_data),
      static_cast<uint32_t>(cqe.user_data >> 32) & ConnectionTable::kGenerationMask};
  if (kind == Kind::kIgnored) return;
  const bool is_last = (cqe.flags & IORING_CQE_F_MORE) == 0;
  if (is_last) --under_way_;
  switch (kind) {
    case Kind::kWake:
      if (is_last && !is_finishing_) arm_wake();
      break;
    case Kind::kAccept:
      serve_accept(id.slot, cqe);
      break;
    case Kind::kSocket:
      serve_socket(id, cqe);
      break;
    case Kind::kIgnored:
      break;
  }
}

void UringLoop::serve_accept(uint32_t serial, const io_uring_cqe& cqe) {
  if (cqe.res >= 0) {
    const Listener* listener = find_listener(serial);
    const auto peer = listener == nullptr ? std::nullopt : peer_of(cqe.res);
    if (peer.has_value()) {
      take_connection(*listener, cqe.res, *peer);
    } else {
      ::close(cqe.res);  // the listener or the peer went away meanwhile
    }
  }
  Listener* listener = find_listener(serial);
  if (listener == nullptr || (cqe.flags & IORING_CQE_F_MORE) != 0) return;
  if (cqe.res >= 0 || is_lost_connection(-cqe.res)) {
    start_accepting(*listener);
  } else {
    accept_failed(*listener, -cqe.res);
  }
}

void UringLoop::serve_socket(ConnectionId id, const io_uring_cqe& cqe) {
  ConnectionSlot* slot = table().find(id);
  if (slot == nullptr) return;  // closed meanwhile
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) {
    if (cqe.res < 0) {
      fail(id, CloseCause::kReadError, -cqe.res);
      return;
    }
    watch(id, *slot);
  }
  const auto events = static_cast<unsigned>(cqe.res);
  constexpr unsigned kEnd = POLLRDHUP | POLLHUP | POLLERR;
  if ((events & kEnd) != 0) slot->backend_bits |= kHasEnd;
  if ((events & (POLLIN | kEnd)) != 0) {
    slot->backend_bits |= kHasBytes;
    list(id, *slot);
  }
  if ((events & (POLLOUT | POLLHUP | POLLERR)) != 0) report_room(id);
}

// A paused connection is listed when reading is resumed.
void UringLoop::list(ConnectionId id, ConnectionSlot& slot) {
  if (slot.is_paused || (slot.backend_bits & kListed) != 0) return;
  slot.backend_bits |= kListed;
  listed_.push_back(id);
}

// Whoever has more goes to the end of the list.
void UringLoop::read_listed() {
  const size_t count = std::min(listed_.size(), kReadsPerTurn);
  for (size_t i = 0; i < count; ++i) {
    const ConnectionId id = listed_[i];
    if (read_from(id)) listed_.push_back(id);
  }
  listed_.erase(listed_.begin(), listed_.begin() + static_cast<ptrdiff_t>(count));
}

// True if it stays listed.
bool UringLoop::read_from(ConnectionId id) {
  ConnectionSlot* slot = table().find(id);
  if (slot == nullptr) return false;
  slot->backend_bits &= static_cast<uint8_t>(~kListed);
  if (slot->is_paused) return false;
  bool stays = true;
  if (handler().wants_data(id)) {
    const Got got = read_once(id, slot->fd);
    slot = table().find(id);  // the handler may have closed it, or paused it
    if (slot == nullptr) return false;
    stays = got == Got::kAll || (got == Got::kShort && (slot->backend_bits & kHasEnd) != 0);
    if (!stays) slot->backend_bits &= static_cast<uint8_t>(~kHasBytes);
    // Resumed in the callback: it stands in the list already.
    if (slot->is_paused || (slot->backend_bits & kListed) != 0) return false;
  }
  if (stays) slot->backend_bits |= kListed;
  return stays;
}

}  // namespace petrel::net
