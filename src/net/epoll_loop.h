// EpollLoop: the loop's back end over level-triggered epoll, on every kernel and in every
// container. One read of at most a block per connection and turn; EPOLLOUT only after a short
// write. Owner, thread, limits: see petrel/net/loop.h.
#pragma once

#include "net/loop_core.h"

#include <memory>
#include <sys/epoll.h>
#include <vector>

namespace petrel::net {

class EpollLoop final : public LoopCore {
 public:
  static Result<std::unique_ptr<Loop>> create(const LoopOptions& options, LoopHandler& handler);
  ~EpollLoop() override;

 private:
  EpollLoop(LoopHandler& handler, const LoopOptions& options);
  Status open();

  void serve_events(Duration timeout) override;
  int attach(ConnectionId id, ConnectionSlot& slot) override;
  void change_reading(ConnectionId id, ConnectionSlot& slot) override;
  void await_room(ConnectionId id, ConnectionSlot& slot) override;
  void drop(ConnectionId id, ConnectionSlot& slot) override;
  int start_accepting(Listener& listener) override;
  void stop_accepting(Listener& listener) override;

  int wait(Duration timeout);
  int look_for_events(Duration longest);
  void serve_connection(ConnectionId id, uint32_t events);
  void accept_some(uint32_t serial);
  void watch(ConnectionId id, ConnectionSlot& slot, uint8_t wanted);

  int epoll_fd_ = -1;
  bool has_pwait2_ = true;
  std::vector<epoll_event> events_;
};

}  // namespace petrel::net
