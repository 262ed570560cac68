#include "net/sockets.h"

#include <climits>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>

namespace petrel::net {
namespace {

ssize_t send_some(int fd, std::span<const iovec> parts) {
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, kFlags);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());  // sendmsg only reads it
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, kFlags);
}

size_t total_bytes(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}

std::string ip_text(const sockaddr_in6& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    ::inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], text.data(), text.size());
    return text.data();
  }
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  std::string ip = text.data();
  std::array<char, IF_NAMESIZE> zone{};
  if (address.sin6_scope_id != 0 && ::if_indextoname(address.sin6_scope_id, zone.data()) != nullptr)
    ip.append("%").append(zone.data());
  return ip;
}

}  // namespace

SendOutcome send_parts(int fd, std::span<const iovec> parts) {
  SendOutcome outcome;
  while (!parts.empty()) {
    const auto batch = parts.first(std::min<size_t>(parts.size(), IOV_MAX));
    const ssize_t n = send_some(fd, batch);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        outcome.is_short = true;
      } else {
        outcome.error = errno;
      }
      return outcome;
    }
    outcome.sent += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < total_bytes(batch)) {
      outcome.is_short = true;
      return outcome;
    }
    parts = parts.subspan(batch.size());
  }
  return outcome;
}

PeerAddress to_peer_address(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return {ip_text(v6), ntohs(v6.sin6_port)};
  }
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4.sin_port)};
  }
  return {};
}

std::optional<PeerAddress> peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
  return to_peer_address(address);
}

void discard_input(int fd) {
  constexpr size_t kAll = 1 << 30;
  // MSG_TRUNC makes TCP drop the bytes without copying them anywhere.
  const ssize_t dropped = ::recv(fd, nullptr, kAll, MSG_TRUNC | MSG_DONTWAIT);
  static_cast<void>(dropped);
}

bool is_lost_connection(int accept_error) {
  switch (accept_error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EPERM:  // a firewall rule
      return true;
    default:
      return false;
  }
}

}  // namespace petrel::net
