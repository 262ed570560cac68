// listen_tcp: the words of the errors are those that nats-server's users grep for.
#include "net/sockets.h"

#include "petrel/net/loop.h"

#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace petrel::net {
namespace {

struct ListenAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string text;  // host:port as errors show it
};

std::string join_host_port(const std::string& host, uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Error listen_error(const std::string& where, const char* step, int error) {
  return {Errc::kIo, "listen tcp " + where + ": " + step + ": " + errno_text(error)};
}

bool is_wildcard(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

ListenAddress wildcard_v6(const std::string& host, uint16_t port) {
  ListenAddress address{.length = sizeof(sockaddr_in6), .text = join_host_port(host, port)};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&address.storage, &v6, sizeof v6);
  return address;
}

ListenAddress wildcard_v4(const std::string& host, uint16_t port) {
  ListenAddress address{.length = sizeof(sockaddr_in), .text = join_host_port(host, port)};
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&address.storage, &v4, sizeof v4);
  return address;
}

Error lookup_error(const std::string& host, int code, int system_error) {
  std::string text = "listen tcp: lookup " + host + ": ";
  if (code == EAI_NONAME || code == EAI_NODATA) {
    text += "no such host";
  } else if (code == EAI_SYSTEM) {
    text += errno_text(system_error);
  } else {
    text += ::gai_strerror(code);
  }
  return {Errc::kInvalidArgument, text};
}

// A name with addresses of both families gives its first IPv4 address.
Result<ListenAddress> resolve(const std::string& host, uint16_t port) {
  if (host.find_first_of("[]") != std::string::npos) {
    const std::string joined = join_host_port(host, port);
    return Error{Errc::kInvalidArgument,
                 "listen tcp: address " + joined + ": missing port in address"};
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (code != 0) return lookup_error(host, code, errno);
  const addrinfo* chosen = list;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET) continue;
    chosen = each;
    break;
  }
  ListenAddress address{.length = chosen->ai_addrlen, .text = {}};
  std::memcpy(&address.storage, chosen->ai_addr, chosen->ai_addrlen);
  ::freeaddrinfo(list);
  address.text = join_host_port(to_peer_address(address.storage).ip, port);
  return address;
}

// Whether one IPv6 socket can serve both families; false where IPv6 is switched off.
bool has_dual_stack() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int off = 0;
  sockaddr_in6 mapped_loopback{};
  mapped_loopback.sin6_family = AF_INET6;
  ::inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped_loopback.sin6_addr);
  const bool works =
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
      ::bind(fd, reinterpret_cast<const sockaddr*>(&mapped_loopback), sizeof mapped_loopback) == 0;
  ::close(fd);
  return works;
}

Result<int> bind_at(const ListenAddress& address) {
  const int family = address.storage.ss_family;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return listen_error(address.text, "socket", errno);
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted ones inherit it
  if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const auto* where = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::bind(fd, where, address.length) == 0) return fd;
  Error error = listen_error(address.text, "bind", errno);
  ::close(fd);
  return error;
}

}  // namespace

Result<int> bind_tcp(const std::string& host, uint16_t port) {
  if (!is_wildcard(host)) {
    PETREL_TRY(const ListenAddress address, resolve(host, port));
    return bind_at(address);
  }
  return bind_at(has_dual_stack() ? wildcard_v6(host, port) : wildcard_v4(host, port));
}

Status listen_on(int fd) {
  constexpr int kBacklog = 65535;  // the kernel cuts it to net.core.somaxconn
  if (::listen(fd, kBacklog) == 0) return Status::ok();
  return Error{Errc::kIo, "listen tcp: listen: " + errno_text(errno)};
}

Result<int> listen_tcp(const std::string& host, uint16_t port) {
  PETREL_TRY(const int fd, bind_tcp(host, port));
  Status status = listen_on(fd);
  if (status) return fd;
  ::close(fd);
  return status.error();
}

Result<uint16_t> bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return Error{Errc::kIo, "getsockname: " + errno_text(errno)};
  return to_peer_address(address).port;
}

std::string errno_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace petrel::net
