#include "server/service_notify.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace petrel::server {

namespace {

std::string message(ServiceState state) {
  switch (state) {
    case ServiceState::kReady:
      return "READY=1\nMAINPID=" + std::to_string(getpid());
    case ServiceState::kReloading: {
      timespec time{};
      clock_gettime(CLOCK_MONOTONIC, &time);
      return "RELOADING=1\nMONOTONIC_USEC=" +
             std::to_string(time.tv_sec * 1'000'000 + time.tv_nsec / 1000);
    }
    case ServiceState::kStopping:
      return "STOPPING=1";
  }
  return "";
}

}  // namespace

void notify_service(ServiceState state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // abstract name
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const std::string text = message(state);
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  static_cast<void>(sendto(fd, text.data(), text.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address), bytes));
  close(fd);
}

}  // namespace petrel::server
