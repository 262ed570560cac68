// UringLoop: the loop's back end over io_uring. Multishot accept and multishot receive into a ring
// of provided buffers; sends go straight to the socket, and only a full one is polled for room.
//
// Owner, thread: see petrel/net/loop.h. Limits: kUringBlocks buffers of kUringBlockBytes; when all
// are taken, receives stop and are armed again after the turn gave buffers back. Needs Linux 6.0.
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
  enum class Kind : uint8_t { kIgnored, kWake, kAccept, kReceive, kRoom };

  UringLoop(LoopHandler& handler, std::shared_ptr<BlockPool> pool);
  Status open();
  Status open_ring();
  Status provide_buffers();

  void start() override;
  void finish() override;
  void serve_events(Duration timeout) override;
  int attach(ConnectionId id, ConnectionSlot& slot) override;
  void change_reading(ConnectionId id, ConnectionSlot& slot) override;
  void await_room(ConnectionId id, ConnectionSlot& slot) override;
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
  void arm_receive(ConnectionId id, ConnectionSlot& slot);
  void enter_kernel(Duration timeout);
  void serve_completions();
  void serve(const io_uring_cqe& cqe);
  void serve_accept(uint32_t serial, const io_uring_cqe& cqe);
  void serve_receive(ConnectionId id, const io_uring_cqe& cqe);
  void deliver(ConnectionId id, const io_uring_cqe& cqe);
  void give_buffer(uint16_t buffer);

  io_uring ring_{};
  bool is_ring_open_ = false;
  bool is_finishing_ = false;
  size_t under_way_ = 0;  // submissions whose last completion is still to come

  io_uring_buf_ring* buffers_ = nullptr;  // shared with the kernel
  std::vector<BlockRef> blocks_;          // by buffer number
  int given_back_ = 0;                    // buffers to announce to the kernel
};

}  // namespace petrel::net
