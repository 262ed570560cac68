#include "net/loop_core.h"

#include "net/sockets.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace petrel::net {

namespace {
constexpr size_t kFreeBlocksKept = 16;
}  // namespace

Instant monotonic_now() {
  const auto since_origin = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_origin).count()};
}

LoopCore::LoopCore(LoopHandler& handler, const LoopOptions& options)
    : handler_(handler),
      pool_(BlockPool::create(options.block_bytes, kFreeBlocksKept)),
      now_(monotonic_now()),
      deadline_(now_) {}

LoopCore::~LoopCore() {
  // Left over only if run() was never called, or adopt() came after it.
  for (const Listener& listener : listeners_) ::close(listener.fd);
  adoptions_.take(adopting_);
  for (const Adoption& adoption : adopting_) ::close(adoption.fd);
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

Status LoopCore::open_wake_fd() {
  wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd_ < 0) return Error{Errc::kIo, "eventfd: " + errno_text(errno)};
  return Status::ok();
}

void LoopCore::run() {
  PETREL_CHECK_STATE(!is_running_, "a loop runs once");
  is_running_ = true;
  start();
  for (Listener& listener : listeners_) {
    if (const int error = start_accepting(listener); error != 0) accept_failed(listener, error);
  }
  while (!is_stopping_.load(std::memory_order_acquire)) turn(timeout_until(deadline_));
  close_all();
  finish();
}

void LoopCore::turn(Duration timeout) {
  was_notified_ = false;
  serve_events(timeout);
  // Also what this turn itself accepted: no turn more for it.
  was_notified_ = gate_.wake_up() || was_notified_;
  if (was_notified_) {
    adopt_waiting();
    handler_.on_wake();
  }
  resume_listeners();
  deadline_ = handler_.on_turn_end(now_);
  table_.recycle();
}

Duration LoopCore::timeout_until(Instant deadline) {
  if (!ended_.empty()) return {0};
  for (const Listener& listener : listeners_) {
    if (listener.is_resting) deadline = std::min(deadline, listener.resume_at);
  }
  if (deadline <= now_ || !gate_.try_sleep()) return {0};
  if (deadline.ns == INT64_MAX) return kNoTimeout;
  return std::max(Duration{0}, deadline - monotonic_now());
}

Duration LoopCore::time_to_look(Duration timeout) {
  if (timeout.ns <= 0 || !short_wait_.is_worth_it(read_bytes_)) return {0};
  return std::min(timeout, short_wait_.longest());
}

void LoopCore::woke_up() {
  read_limit_.note_turn(std::exchange(read_bytes_, 0), std::exchange(written_bytes_, 0));
  was_notified_ = gate_.wake_up();
  now_ = monotonic_now();
  report_ended();
}

void LoopCore::stop() {
  is_stopping_.store(true, std::memory_order_release);
  wake();
}

void LoopCore::wake() {
  if (!gate_.notify()) return;
  const uint64_t one = 1;
  // Fails only if the counter is full, and then the loop is awake anyway.
  const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  static_cast<void>(written);
}

void LoopCore::adopt(int fd, int tag, PeerAddress peer) {
  if (adoptions_.push({fd, tag, std::move(peer)})) wake();
}

void LoopCore::adopt_waiting() {
  if (adoptions_.looks_empty()) return;
  adoptions_.take(adopting_);
  for (const Adoption& adoption : adopting_) {
    const ConnectionId id = table_.add(adoption.fd);
    const int error = attach(id, *table_.find(id));
    handler_.on_adopted(id, adoption.tag, adoption.peer);
    if (error != 0) fail(id, CloseCause::kReadError, error);
  }
  adopting_.clear();
}

Status LoopCore::add_listener(int fd, int tag) {
  listeners_.push_back({.fd = fd, .tag = tag, .serial = ++last_serial_});
  if (!is_running_) return Status::ok();
  const int error = start_accepting(listeners_.back());
  if (error == 0) return Status::ok();
  ::close(fd);
  listeners_.pop_back();
  return Error{Errc::kIo, "listener: " + errno_text(error)};
}

void LoopCore::remove_listener(int tag) {
  std::erase_if(listeners_, [this, tag](Listener& listener) {
    if (listener.tag != tag) return false;
    if (is_running_ && !listener.is_resting) stop_accepting(listener);
    ::close(listener.fd);
    return true;
  });
}

Listener* LoopCore::find_listener(uint32_t serial) {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(),
                                  [serial](const Listener& l) { return l.serial == serial; });
  return found == listeners_.end() ? nullptr : &*found;
}

void LoopCore::take_connection(const Listener& listener, int fd, const PeerAddress& peer) {
  handler_.on_accept(listener.tag, fd, peer);
}

void LoopCore::accept_failed(Listener& listener, int error) {
  listener.is_resting = true;
  listener.resume_at = now_ + kAcceptPause;
  handler_.on_accept_error(listener.tag, error);
}

void LoopCore::resume_listeners() {
  for (size_t i = 0; i < listeners_.size(); ++i) {
    Listener& listener = listeners_[i];
    if (!listener.is_resting || listener.resume_at > now_) continue;
    listener.is_resting = false;
    if (const int error = start_accepting(listener); error != 0) accept_failed(listener, error);
  }
}

size_t LoopCore::write(ConnectionId id, std::span<const iovec> parts) {
  ConnectionSlot* slot = table_.find(id);
  // A full socket is not tried again before it says that it has room.
  if (slot == nullptr || slot->is_broken || slot->awaits_room) return 0;
  const SendOutcome outcome = send_parts(slot->fd, parts);
  written_bytes_ += outcome.sent;
  if (outcome.error != 0) {
    fail(id, CloseCause::kWriteError, outcome.error);
  } else if (outcome.is_short) {
    slot->awaits_room = true;
    await_room(id, *slot);
  }
  return outcome.sent;
}

LoopCore::Got LoopCore::read_once(ConnectionId id, int fd) {
  std::span<char> room = cursor_.reserve(pool_);
  room = room.first(std::min(room.size(), read_limit_.bytes()));
  const ssize_t n = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT);
  if (n > 0) {
    const auto bytes = static_cast<size_t>(n);
    cursor_.advance(bytes);
    read_bytes_ += bytes;
    handler_.on_data(id, cursor_.block(), Slice(room.data(), bytes));
    return bytes == room.size() ? Got::kAll : Got::kShort;
  }
  if (n < 0 && errno == EAGAIN) return Got::kNothing;
  if (n < 0 && errno == EINTR) return Got::kAll;
  end_now(id, n == 0 ? CloseCause::kPeerClosed : CloseCause::kReadError, n == 0 ? 0 : errno);
  return Got::kNothing;
}

void LoopCore::report_room(ConnectionId id) {
  ConnectionSlot* slot = table_.find(id);
  if (slot == nullptr || !slot->awaits_room || slot->is_broken) return;
  slot->awaits_room = false;
  handler_.on_writable(id);
}

void LoopCore::pause_reads(ConnectionId id) {
  ConnectionSlot* slot = table_.find(id);
  if (slot == nullptr || slot->is_paused) return;
  slot->is_paused = true;
  change_reading(id, *slot);
}

void LoopCore::resume_reads(ConnectionId id) {
  ConnectionSlot* slot = table_.find(id);
  if (slot == nullptr || !slot->is_paused) return;
  slot->is_paused = false;
  change_reading(id, *slot);
}

void LoopCore::close(ConnectionId id) {
  ConnectionSlot* slot = table_.find(id);
  if (slot == nullptr) return;
  if (!slot->is_ending) discard_input(slot->fd);
  drop(id, *slot);
  table_.retire(id);
}

void LoopCore::fail(ConnectionId id, CloseCause cause, int error) {
  ConnectionSlot* slot = table_.find(id);
  if (slot == nullptr) return;
  if (cause != CloseCause::kPeerClosed) slot->is_broken = true;
  if (slot->is_ending) return;
  slot->is_ending = true;
  ended_.push_back({id, cause, error});
}

void LoopCore::end_now(ConnectionId id, CloseCause cause, int error) {
  ConnectionSlot* slot = table_.find(id);
  if (slot == nullptr) return;
  drop(id, *slot);
  table_.retire(id);
  handler_.on_closed(id, cause, error);
}

void LoopCore::report_ended() {
  if (ended_.empty()) return;
  reporting_.swap(ended_);
  for (const Ended& ended : reporting_) end_now(ended.id, ended.cause, ended.error);
  reporting_.clear();
}

void LoopCore::close_all() {
  table_.for_each([this](ConnectionId id) {
    drop(id, *table_.find(id));
    table_.retire(id);
  });
  for (Listener& listener : listeners_) {
    if (!listener.is_resting) stop_accepting(listener);
    ::close(listener.fd);
  }
  listeners_.clear();
  adoptions_.take(adopting_);
  for (const Adoption& adoption : adopting_) ::close(adoption.fd);
  adopting_.clear();
}

}  // namespace petrel::net
