// Addresses to listen on, and the texts of the errors; the expected texts are nats-server's.
#include "net/sockets.h"

#include "petrel/net/loop.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace petrel::net {
namespace {

int connected_socket(int family, const char* ip, uint16_t port) {
  sockaddr_storage address{};
  socklen_t length = 0;
  if (family == AF_INET6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    ::inet_pton(AF_INET6, ip, &v6->sin6_addr);
    length = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &v4->sin_addr);
    length = sizeof *v4;
  }
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return fd;
  ::close(fd);
  return -1;
}

bool has_ipv6_loopback() {
  const Result<int> fd = listen_tcp("::1", 0);
  if (fd) ::close(*fd);
  return fd.is_ok();
}

TEST(Listen, AnyAddressServesBothFamilies) {
  for (const char* host : {"", "0.0.0.0", "::"}) {
    Result<int> listener = listen_tcp(host, 0);
    ASSERT_TRUE(listener) << listener.error().detail;
    const uint16_t port = *bound_port(*listener);
    const int v4 = connected_socket(AF_INET, "127.0.0.1", port);
    EXPECT_GE(v4, 0) << host;
    ::close(v4);
    if (has_ipv6_loopback()) {
      const int v6 = connected_socket(AF_INET6, "::1", port);
      EXPECT_GE(v6, 0) << host;
      ::close(v6);
    }
    ::close(*listener);
  }
}

TEST(Listen, IPv4PeerOfADualStackListenerHasAPlainAddress) {
  Result<int> listener = listen_tcp("0.0.0.0", 0);
  ASSERT_TRUE(listener);
  const int client = connected_socket(AF_INET, "127.0.0.1", *bound_port(*listener));
  ASSERT_GE(client, 0);
  const int accepted = ::accept(*listener, nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  const auto peer = peer_of(accepted);
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->ip, "127.0.0.1");
  for (const int fd : {client, accepted, *listener}) ::close(fd);
}

TEST(Listen, NamesAreResolvedToIPv4First) {
  Result<int> listener = listen_tcp("localhost", 0);
  ASSERT_TRUE(listener) << listener.error().detail;
  const int client = connected_socket(AF_INET, "127.0.0.1", *bound_port(*listener));
  EXPECT_GE(client, 0);
  ::close(client);
  ::close(*listener);
}

TEST(Listen, PortInUse) {
  for (const std::string host : {"127.0.0.1", "0.0.0.0"}) {
    Result<int> first = listen_tcp(host, 0);
    ASSERT_TRUE(first);
    const uint16_t port = *bound_port(*first);
    const Result<int> second = listen_tcp(host, port);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().detail,
              "listen tcp " + host + ":" + std::to_string(port) + ": bind: address already in use");
    ::close(*first);
  }
}

TEST(Listen, AddressOfAnotherMachine) {
  const Result<int> v4 = listen_tcp("192.0.2.1", 29224);
  ASSERT_FALSE(v4);
  EXPECT_EQ(v4.error().detail, "listen tcp 192.0.2.1:29224: bind: cannot assign requested address");
  const Result<int> v6 = listen_tcp("2001:db8::1", 29224);
  ASSERT_FALSE(v6);
  if (has_ipv6_loopback()) {
    EXPECT_EQ(v6.error().detail,
              "listen tcp [2001:db8::1]:29224: bind: cannot assign requested address");
  }
}

TEST(Listen, HostThatIsNone) {
  const Result<int> spaced = listen_tcp("a b", 29224);
  ASSERT_FALSE(spaced);
  EXPECT_EQ(spaced.error().detail, "listen tcp: lookup a b: no such host");
  const Result<int> bracketed = listen_tcp("[::1]", 29224);
  ASSERT_FALSE(bracketed);
  EXPECT_EQ(bracketed.error().detail, "listen tcp: address [[::1]]:29224: missing port in address");
}

TEST(Listen, ErrnoTextsStartWithASmallLetter) {
  EXPECT_EQ(errno_text(EMFILE), "too many open files");
  EXPECT_EQ(errno_text(ECONNRESET), "connection reset by peer");
}

}  // namespace
}  // namespace petrel::net
