#include "client.h"

#include "process.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace petrel::bench {

constexpr std::string_view kConnect =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,"
    "\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1";

int dial(const Endpoint& server) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  if (inet_pton(AF_INET, server.host.c_str(), &address.sin_addr) != 1) fail("host must be IPv4");
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("no more file descriptors");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd);
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

Client::Client(const Endpoint& server) : link_(dial(server)) {
  if (fd() < 0) fail("cannot connect: " + std::string(std::strerror(errno)));
  if (server.tls) link_.start_tls();
  handshake(server.user);
  const int flags = fcntl(fd(), F_GETFL);
  fcntl(fd(), F_SETFL, flags | O_NONBLOCK);
}

void Client::handshake(const std::string& user) {
  std::string connect(kConnect);
  if (!user.empty()) connect += ",\"user\":\"" + user + "\",\"pass\":\"p\"";
  send_all(connect + "}\r\nPING\r\n");
  std::array<char, 4096> buffer{};
  while (pongs_ == 0) read_frames(buffer);
}

void Client::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = link_.send(bytes, MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd wait{.fd = fd(), .events = POLLOUT, .revents = 0};
      poll(&wait, 1, 1000);
    } else if (errno != EINTR) {
      fail("send: " + std::string(std::strerror(errno)));
    }
  }
}

size_t Client::send_some(std::string_view bytes) {
  const ssize_t sent = link_.send(bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    fail("send: " + std::string(std::strerror(errno)));
  }
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  blocked_ = taken < bytes.size();
  return taken;
}

uint64_t Client::read_frames(std::span<char> buffer) {
  const ssize_t got = link_.recv(buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got == 0) fail("the server closed a connection");
  if (got < 0) fail("recv: " + std::string(std::strerror(errno)));
  std::string_view bytes(buffer.data(), static_cast<size_t>(got));
  const uint64_t before = frames_;
  const size_t prefix_size = shape_.prefix.size();
  while (!bytes.empty()) {
    if (skip_ != 0) {
      const size_t step = std::min(skip_, bytes.size());
      skip_ -= step;
      bytes.remove_prefix(step);
      if (skip_ == 0) ++frames_;
    } else if (control_.empty() && shape_.prefix.starts_with(bytes.front())) {
      const size_t seen = std::min(prefix_size, bytes.size());
      if (bytes.compare(0, seen, shape_.prefix, 0, seen) != 0) {
        fail("a frame of another shape: " + std::string(bytes.substr(0, 60)));
      }
      skip_ = shape_.frame_size;
    } else {
      bytes.remove_prefix(take_control(bytes));
    }
  }
  return frames_ - before;
}

size_t Client::take_control(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  const size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
  control_.append(bytes.substr(0, taken));
  if (end != std::string_view::npos) {
    on_control(control_);
    control_.clear();
  }
  return taken;
}

void Client::on_control(std::string_view line) {
  if (line.starts_with("PONG")) {
    ++pongs_;
  } else if (line.starts_with("PING")) {
    pong_owed_ = true;
    hold_pongs(pongs_held_);
  } else if (!line.starts_with("INFO ") && !line.starts_with("+OK")) {
    fail("the server sent: " + std::string(line.substr(0, 120)));
  }
}

void Client::hold_pongs(bool hold) {
  pongs_held_ = hold;
  if (hold || !pong_owed_) return;
  send_all("PONG\r\n");
  pong_owed_ = false;
}

void Client::ping_wait(std::span<char> buffer) {
  const uint64_t target = pongs_ + 1;
  send_all("PING\r\n");
  while (pongs_ < target) {
    pollfd wait{.fd = fd(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 20'000) == 0) fail("no PONG within 20 s");
    read_frames(buffer);
  }
}

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (fd_ < 0) fail("epoll_create1");
}

Poller::~Poller() {
  close(fd_);
}

void Poller::add(int fd, uint32_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void Poller::remove(int fd) {
  epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::want_write(int fd, uint32_t index, bool on) {
  epoll_event event{};
  event.events = on ? uint32_t{EPOLLIN} | uint32_t{EPOLLOUT} : uint32_t{EPOLLIN};
  event.data.u32 = index;
  if (epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) != 0) fail("epoll_ctl");
}

std::span<const Poller::Event> Poller::wait(int64_t timeout_ns) {
  std::array<epoll_event, 512> ready;
  const timespec limit{.tv_sec = timeout_ns / 1'000'000'000, .tv_nsec = timeout_ns % 1'000'000'000};
  const int count = epoll_pwait2(fd_, ready.data(), static_cast<int>(ready.size()),
                                 timeout_ns < 0 ? nullptr : &limit, nullptr);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");
  events_.clear();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<size_t>(i)];
    const bool hung_up = (event.events & (uint32_t{EPOLLHUP} | uint32_t{EPOLLERR})) != 0;
    events_.push_back({.index = event.data.u32,
                       .readable = hung_up || (event.events & uint32_t{EPOLLIN}) != 0,
                       .writable = (event.events & uint32_t{EPOLLOUT}) != 0});
  }
  return events_;
}

}  // namespace petrel::bench
