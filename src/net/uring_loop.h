// UringLoop: the loop's back end over io_uring. The ring says which sockets have bytes or room:
// multishot accept, and one multishot poll per connection for as long as it lives. Bytes are moved
// by plain calls, as with epoll: reads then take as much at once as is good for what follows, and
// no buffer is given away before its bytes are there.
//
// A poll reports changes only. A connection that may have more bytes stands in a list until a read
// finds none; every turn serves it once. While the list is not empty, or the ring has nothing new,
// a turn makes no call to the ring. Owner, thread: see petrel/net/loop.h. Needs Linux 6.0.
#pragma once

#include "net/loop_core.h"

#include <liburing.h>

#include <memory>
#include <vector>

namespace petrel::net {

class UringLoop final : public LoopCore {
 public:
  static Result<std::unique_ptr<Loop>> create(const LoopOptions& options, LoopHandler& handler);
  ~UringLoop() override;

 private:
  enum class Kind : uint8_t { kIgnored, kWake, kAccept, kSocket };

  UringLoop(LoopHandler& handler, const LoopOptions& options);
  Status open_ring();

  void start() override;
  void finish() override;
  void serve_events(Duration timeout) override;
  int attach(ConnectionId id, ConnectionSlot& slot) override;
  void change_reading(ConnectionId id, ConnectionSlot& slot) override;
  void await_room(ConnectionId, ConnectionSlot&) override {}  // the poll reports it
  void drop(ConnectionId id, ConnectionSlot& slot) override;
  int start_accepting(Listener& listener) override;
  void stop_accepting(Listener& listener) override;

  static uint64_t user_data(Kind kind, ConnectionId id);
  static uint64_t user_data(Kind kind, const Listener& listener);
  // A submission that reports one or many completions, the last without IORING_CQE_F_MORE.
  io_uring_sqe* prepare(uint64_t data);
  // A submission whose success nobody wants to hear of.
  io_uring_sqe* prepare_silent();
  io_uring_sqe* next_sqe();
  void cancel(uint64_t data);

  void arm_wake();
  void watch(ConnectionId id, const ConnectionSlot& slot);
  void enter_kernel(Duration timeout);
  bool has_news() const;
  bool look_for_news(Duration longest);
  void wait(Duration timeout);
  void serve_completions();
  void serve(const io_uring_cqe& cqe);
  void serve_accept(uint32_t serial, const io_uring_cqe& cqe);
  void serve_socket(ConnectionId id, const io_uring_cqe& cqe);
  void list(ConnectionId id, ConnectionSlot& slot);
  void read_listed();
  bool read_from(ConnectionId id);

  io_uring ring_{};
  bool is_ring_open_ = false;
  bool is_finishing_ = false;
  size_t under_way_ = 0;              // submissions whose last completion is still to come
  std::vector<ConnectionId> listed_;  // may have bytes
};

}  // namespace petrel::net
