// Containers forbid system calls: io_uring by default, newer ones because their profile is old. The
// filter cannot be taken back, so each test runs in a child process.
#include "petrel/net/loop.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace petrel::net {
namespace {

void forbid(uint32_t call, uint32_t error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, filter};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    std::exit(77);
}

// Ends the loop after some turns that each wait a little.
class ShortLife : public LoopHandler {
 public:
  void on_accept(int, int, const PeerAddress&) override {}
  void on_accept_error(int, int) override {}
  void on_adopted(ConnectionId, int, const PeerAddress&) override {}
  void on_data(ConnectionId, const BlockRef&, Slice) override {}
  void on_writable(ConnectionId) override {}
  void on_closed(ConnectionId, CloseCause, int) override {}
  void on_wake() override {}
  Instant on_turn_end(Instant now) override {
    if (++turns == 1) first = now;
    last = now;
    if (turns == 4) loop->stop();
    return now + Duration::millis(3);
  }
  Loop* loop = nullptr;
  int turns = 0;
  Instant first;
  Instant last;
};

void exit_saying_how_creation_ended(Backend backend) {
  ShortLife handler;
  LoopOptions options;
  options.backend = backend;
  const auto loop = Loop::create(options, handler);
  if (loop) std::exit(1);
  std::exit(loop.error().code == Errc::kUnsupported ? 0 : 2);
}

TEST(ForbiddenCalls, UringIsUnsupportedWhereItIsForbidden) {
  for (const uint32_t error : {EPERM, ENOSYS}) {
    EXPECT_EXIT(
        {
          forbid(SYS_io_uring_setup, error);
          exit_saying_how_creation_ended(Backend::kUring);
        },
        ::testing::ExitedWithCode(0), "");
  }
}

TEST(ForbiddenCalls, EpollWaitsWithoutItsNewerCall) {
  EXPECT_EXIT(
      {
        forbid(SYS_epoll_pwait2, ENOSYS);
        ShortLife handler;
        auto loop = Loop::create({}, handler);
        if (!loop) std::exit(1);
        handler.loop = loop->get();
        (*loop)->run();
        std::exit(handler.last - handler.first >= Duration::millis(9) ? 0 : 2);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace petrel::net
