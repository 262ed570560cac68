#include "server/signal_loop.h"

#include "petrel/base/check.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace petrel::server {

namespace {
constexpr std::array<int, 5> kSignals = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
}  // namespace

SignalLoop::SignalLoop() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : kSignals) sigaddset(&signals, number);
  PETREL_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  PETREL_CHECK(signal_fd_ >= 0 && event_fd_ >= 0);
}

SignalLoop::~SignalLoop() {
  close(signal_fd_);
  close(event_fd_);
}

int SignalLoop::wait() {
  while (true) {
    std::array<pollfd, 2> events = {pollfd{event_fd_, POLLIN, 0}, pollfd{signal_fd_, POLLIN, 0}};
    const int ready = poll(events.data(), events.size(), -1);
    PETREL_CHECK(ready > 0 || errno == EINTR);
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) == sizeof info)
      return static_cast<int>(info.ssi_signo);
    uint64_t count = 0;
    if (read(event_fd_, &count, sizeof count) == sizeof count) return 0;
  }
}

void SignalLoop::wake_up() {
  const uint64_t one = 1;
  PETREL_CHECK(write(event_fd_, &one, sizeof one) == sizeof one);
}

std::string signal_name(int signal) {
  switch (signal) {
    case SIGINT:
      return "interrupt";
    case SIGTERM:
      return "terminated";
    case SIGHUP:
      return "hangup";
    case SIGUSR1:
      return "user defined signal 1";
    case SIGUSR2:
      return "user defined signal 2";
    default:
      return "signal " + std::to_string(signal);
  }
}

}  // namespace petrel::server
