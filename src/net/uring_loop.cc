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
constexpr int kBufferGroup = 0;
constexpr size_t kBufferRingBytes = kUringBlocks * sizeof(io_uring_buf);

// ConnectionSlot::backend_bits.
constexpr uint8_t kReceiving = 1;   // a receive is armed; its last completion is to come
constexpr uint8_t kCancelling = 2;  // ... and it was asked to end
constexpr uint8_t kPolling = 4;     // waits for room

bool is_refused(int error) {
  return error == EPERM || error == EACCES || error == ENOSYS || error == EINVAL;
}

Error setup_error(const char* step, int error) {
  const Errc code = is_refused(error) ? Errc::kUnsupported : Errc::kIo;
  return {code, std::string(step) + ": " + errno_text(error)};
}

}  // namespace

Result<std::unique_ptr<Loop>> UringLoop::create(const LoopOptions& options, LoopHandler& handler) {
  const uint32_t block_bytes = std::min(options.block_bytes, kUringBlockBytes);
  std::unique_ptr<UringLoop> loop(
      new UringLoop(handler, BlockPool::create(block_bytes, kUringBlocks)));
  PETREL_TRY_STATUS(loop->open());
  return std::unique_ptr<Loop>(std::move(loop));
}

UringLoop::UringLoop(LoopHandler& handler, std::shared_ptr<BlockPool> pool)
    : LoopCore(handler, std::move(pool)) {}

UringLoop::~UringLoop() {
  if (is_ring_open_) io_uring_queue_exit(&ring_);
  if (buffers_ != nullptr) ::munmap(buffers_, kBufferRingBytes);
}

Status UringLoop::open() {
  PETREL_TRY_STATUS(open_wake_fd());
  PETREL_TRY_STATUS(open_ring());
  return provide_buffers();
}

// The ring belongs to the thread that enables it, in start(). A kernel that knows SINGLE_ISSUER
// (6.0) knows multishot receive as well.
Status UringLoop::open_ring() {
  constexpr unsigned kAlways =
      IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE;
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

Status UringLoop::provide_buffers() {
  void* memory =
      ::mmap(nullptr, kBufferRingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Error{Errc::kIo, "mmap: " + errno_text(errno)};
  buffers_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uintptr_t>(memory);
  registration.ring_entries = kUringBlocks;
  registration.bgid = kBufferGroup;
  const int rc = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (rc != 0) return setup_error("io_uring_register", -rc);
  blocks_.resize(kUringBlocks);
  for (uint16_t buffer = 0; buffer < kUringBlocks; ++buffer) give_buffer(buffer);
  return Status::ok();
}

void UringLoop::start() {
  PETREL_CHECK(io_uring_enable_rings(&ring_) == 0);
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

void UringLoop::arm_receive(ConnectionId id, ConnectionSlot& slot) {
  io_uring_sqe* sqe = prepare(user_data(Kind::kReceive, id));
  io_uring_prep_recv_multishot(sqe, slot.fd, nullptr, 0, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
  sqe->buf_group = kBufferGroup;
  slot.backend_bits |= kReceiving;
}

int UringLoop::attach(ConnectionId id, ConnectionSlot& slot) {
  arm_receive(id, slot);
  return 0;
}

void UringLoop::change_reading(ConnectionId id, ConnectionSlot& slot) {
  const bool is_receiving = (slot.backend_bits & kReceiving) != 0;
  if (!slot.is_paused) {
    // One that is ending is armed again by its last completion.
    if (!is_receiving && !slot.is_ending) arm_receive(id, slot);
  } else if (is_receiving && (slot.backend_bits & kCancelling) == 0) {
    cancel(user_data(Kind::kReceive, id));
    slot.backend_bits |= kCancelling;
  }
}

void UringLoop::await_room(ConnectionId id, ConnectionSlot& slot) {
  if ((slot.backend_bits & kPolling) != 0) return;
  io_uring_sqe* sqe = prepare(user_data(Kind::kRoom, id));
  io_uring_prep_poll_add(sqe, slot.fd, POLLOUT);
  slot.backend_bits |= kPolling;
}

// Closed through the ring, behind everything that was prepared for the same descriptor: its number
// must not name another socket before those submissions are made.
void UringLoop::drop(ConnectionId id, ConnectionSlot& slot) {
  if ((slot.backend_bits & kReceiving) != 0) cancel(user_data(Kind::kReceive, id));
  if ((slot.backend_bits & kPolling) != 0) cancel(user_data(Kind::kRoom, id));
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

void UringLoop::serve_events(Duration timeout) {
  enter_kernel(timeout);
  woke_up();
  serve_completions();
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
  if (given_back_ > 0) io_uring_buf_ring_advance(buffers_, std::exchange(given_back_, 0));
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
    case Kind::kReceive:
      serve_receive(id, cqe);
      break;
    case Kind::kRoom:
      if (ConnectionSlot* slot = table().find(id); slot != nullptr) {
        slot->backend_bits &= static_cast<uint8_t>(~kPolling);
        report_room(id);
      }
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

void UringLoop::serve_receive(ConnectionId id, const io_uring_cqe& cqe) {
  const bool is_last = (cqe.flags & IORING_CQE_F_MORE) == 0;
  ConnectionSlot* slot = table().find(id);
  if (slot != nullptr && is_last)
    slot->backend_bits &= static_cast<uint8_t>(~(kReceiving | kCancelling));
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) deliver(id, cqe);
  if (cqe.res == 0) {
    fail(id, CloseCause::kPeerClosed, 0);
  } else if (cqe.res < 0 && cqe.res != -ENOBUFS && cqe.res != -ECANCELED && cqe.res != -EINTR &&
             cqe.res != -EAGAIN) {
    fail(id, CloseCause::kReadError, -cqe.res);
  }
  slot = table().find(id);  // the handler may have closed it, paused it or armed it
  if (slot == nullptr || slot->is_paused || slot->is_ending) return;
  if ((slot->backend_bits & kReceiving) == 0) arm_receive(id, *slot);
}

void UringLoop::deliver(ConnectionId id, const io_uring_cqe& cqe) {
  const auto buffer = static_cast<uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
  const BlockRef& block = blocks_[buffer];
  if (cqe.res > 0 && table().find(id) != nullptr)
    handler().on_data(id, block, Slice(block->bytes(), static_cast<size_t>(cqe.res)));
  give_buffer(buffer);
}

// Gives a buffer to the kernel; a block that somebody kept is replaced by another one.
void UringLoop::give_buffer(uint16_t buffer) {
  BlockRef& block = blocks_[buffer];
  if (!block || !block.is_unique()) block = block_pool()->take();
  io_uring_buf_ring_add(buffers_, block->bytes(), block->capacity(), buffer,
                        io_uring_buf_ring_mask(kUringBlocks), given_back_++);
}

}  // namespace petrel::net
