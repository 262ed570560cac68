#include "petrel/net/loop.h"

#include "net/epoll_loop.h"
#include "net/uring_loop.h"

namespace petrel::net {

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options, LoopHandler& handler) {
  switch (options.backend) {
    case Backend::kEpoll:
      return EpollLoop::create(options, handler);
    case Backend::kUring:
      return UringLoop::create(options, handler);
  }
  return Error{Errc::kInvalidArgument, "no such back end"};
}

}  // namespace petrel::net
