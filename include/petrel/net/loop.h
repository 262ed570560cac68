// Loop: one thread's event loop over sockets; two back ends behind this interface, io_uring and
// level-triggered epoll. It knows bytes and sockets, nothing of NATS.
//
// Owner: server, one per thread. Thread: the loop's own, except wake(), stop() and adopt().
// Limits: no read buffer per idle connection; blocks come from one pool of the loop.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <sys/uio.h>

namespace petrel::net {

// Names a connection of one loop; stale when the generation differs.
struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

struct PeerAddress {
  std::string ip;
  uint16_t port = 0;
};

enum class CloseCause : uint8_t { kPeerClosed, kReadError, kWriteError };

// What the loop tells its owner. All calls come on the loop's thread.
class LoopHandler {
 public:
  virtual ~LoopHandler() = default;
  // A listener took a connection; the handler decides which loop adopts `fd`.
  virtual void on_accept(int listener_tag, int fd, const PeerAddress& peer) = 0;
  // Accepting failed (EMFILE, ENFILE, ENOBUFS ...). The loop leaves this listener alone for
  // kAcceptPause and then tries again; called once per attempt, so logging it cannot flood.
  virtual void on_accept_error(int listener_tag, int error) = 0;
  // A connection given to adopt() now belongs to this loop.
  virtual void on_adopted(ConnectionId id, int tag, const PeerAddress& peer) = 0;
  // Bytes arrived; they lie in `block`, which the handler may keep by copying the reference.
  virtual void on_data(ConnectionId id, const BlockRef& block, Slice bytes) = 0;
  // Asked before bytes are read, where they can still be left in the socket for a later turn.
  virtual bool wants_data(ConnectionId /*id*/) { return true; }
  // After a short write() the socket takes bytes again.
  virtual void on_writable(ConnectionId id) = 0;
  // Peer or error ended it; the id is stale after this call. Not called after close().
  virtual void on_closed(ConnectionId id, CloseCause cause, int error) = 0;
  // wake() was called since the last turn (coalesced).
  virtual void on_wake() = 0;
  // Called once per turn, after all events, before the loop waits. The handler flushes here and
  // returns the time until which the loop may sleep.
  virtual Instant on_turn_end(Instant now) = 0;
};

enum class Backend : uint8_t { kEpoll, kUring };

// How long a listener rests after an accept error.
inline constexpr Duration kAcceptPause = Duration::seconds(1);

struct LoopOptions {
  Backend backend = Backend::kEpoll;
  uint32_t block_bytes = 256 * 1024;  // of the blocks that reads fill
};

// What ends the wait of a loop. Any thread.
class Wakeable {
 public:
  virtual ~Wakeable() = default;
  virtual void wake() = 0;
  // An eventfd, open as long as the loop: who writes to it has the loop take a turn, without
  // on_wake.
  virtual int wake_fd() const = 0;
};

class Loop : public Wakeable {
 public:
  // kUnsupported when the kernel or the container forbids the back end.
  static Result<std::unique_ptr<Loop>> create(const LoopOptions& options, LoopHandler& handler);

  // Runs turns until stop(), once. Closes all sockets before it returns, without on_closed.
  // A turn: on_closed of what failed in the last one, events, on_adopted and on_wake if woken,
  // on_turn_end, and a wait until the time that it named. The first turn does not wait.
  virtual void run() = 0;
  // Any thread.
  virtual void stop() = 0;
  // Any thread: gives an accepted, non-blocking socket to this loop.
  virtual void adopt(int fd, int tag, PeerAddress peer) = 0;

  // Owner thread or before run(). The loop owns the listening socket from here on.
  virtual Status add_listener(int fd, int tag) = 0;
  virtual void remove_listener(int tag) = 0;

  // Tries to send at once. Returns the bytes taken; fewer than given: on_writable follows when
  // there is room. A dead socket takes nothing and on_closed follows with the next turn.
  virtual size_t write(ConnectionId id, std::span<const iovec> parts) = 0;
  // Stops and resumes reading (back-pressure). Data that already arrived may still be delivered.
  virtual void pause_reads(ConnectionId id) = 0;
  virtual void resume_reads(ConnectionId id) = 0;
  // Closes the socket. What write() took is still sent by the kernel.
  virtual void close(ConnectionId id) = 0;

  // The monotonic time of this turn's start.
  virtual Instant now() const = 0;
  virtual const std::shared_ptr<BlockPool>& block_pool() const = 0;
};

// Binds and listens. Port 0: the system's choice, read back with bound_port. Errors read like
// nats-server's: `listen tcp 0.0.0.0:4222: bind: address already in use`.
Result<int> listen_tcp(const std::string& host, uint16_t port);
// The same in two steps: between them the port is taken and connections are refused.
Result<int> bind_tcp(const std::string& host, uint16_t port);
Status listen_on(int fd);
// Host empty, 0.0.0.0 or :: listens on both IPv4 and IPv6, as nats-server does.
Result<uint16_t> bound_port(int fd);
// The text of an errno in nats-server's spelling: `address already in use`.
std::string errno_text(int error);

}  // namespace petrel::net
