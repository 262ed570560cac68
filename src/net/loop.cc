#include "petrel/net/loop.h"

#include "net/epoll_loop.h"

namespace petrel::net {

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options, LoopHandler& handler) {
  switch (options.backend) {
    case Backend::kEpoll:
      return EpollLoop::create(options, handler);
    case Backend::kUring:
      return Error{Errc::kUnsupported, "io_uring is not part of this build"};
  }
  return Error{Errc::kInvalidArgument, "no such back end"};
}

}  // namespace petrel::net
