#include "server/syslog.h"

#include "unit/server/text_shape.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace petrel::server {
namespace {

class UdpReceiver {
 public:
  UdpReceiver() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~UdpReceiver() { close(fd_); }
  uint16_t port() const { return port_; }
  std::string packet() const {
    pollfd event{fd_, POLLIN, 0};
    if (poll(&event, 1, 10000) != 1) return "";
    std::array<char, 4096> bytes;
    const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
    return count < 0 ? "" : std::string(bytes.data(), static_cast<size_t>(count));
  }

 private:
  int fd_;
  uint16_t port_ = 0;
};

TEST(SyslogTest, SendsPriorityTimeHostTagAndPid) {
  const UdpReceiver receiver;
  auto syslog = Syslog::dial("udp://127.0.0.1:" + std::to_string(receiver.port()), "nats-server");
  ASSERT_TRUE(syslog) << syslog.error().detail;
  (*syslog)->write(LogLevel::kInfo, "ignored\n", "Server is ready");
  const std::string packet = receiver.packet();
  ASSERT_GE(packet.size(), 22u);
  EXPECT_TRUE(has_shape(packet.substr(0, 22), "<0>0000-00-00T00:00:00")) << packet;
  EXPECT_EQ(packet.substr(0, 3), "<5>");
  const std::string zone = packet.substr(22, packet.find(' ') - 22);
  EXPECT_TRUE(zone == "Z" || has_shape(zone.substr(1), "00:00")) << packet;
  const std::string end = " nats-server[" + std::to_string(getpid()) + "]: Server is ready\n";
  EXPECT_TRUE(packet.ends_with(end)) << packet;
}

TEST(SyslogTest, LevelsAreSeverities) {
  const UdpReceiver receiver;
  auto syslog = Syslog::dial("udp://127.0.0.1:" + std::to_string(receiver.port()), "t");
  ASSERT_TRUE(syslog);
  const std::array<std::pair<LogLevel, std::string>, 6> expected = {{{LogLevel::kInfo, "<5>"},
                                                                     {LogLevel::kWarn, "<4>"},
                                                                     {LogLevel::kError, "<3>"},
                                                                     {LogLevel::kFatal, "<2>"},
                                                                     {LogLevel::kDebug, "<7>"},
                                                                     {LogLevel::kTrace, "<5>"}}};
  for (const auto& [level, priority] : expected) {
    (*syslog)->write(level, "", "x");
    EXPECT_EQ(receiver.packet().substr(0, 3), priority);
  }
}

TEST(SyslogTest, RefusesWhatItCannotReach) {
  const auto detail = [](const std::string& url) {
    auto syslog = Syslog::dial(url, "t");
    return syslog ? std::string() : syslog.error().detail;
  };
  EXPECT_EQ(detail("syslog://127.0.0.1:514"), "error invalid network type: \"syslog\"");
  EXPECT_EQ(detail("tcp://127.0.0.1:1"),
            "error connecting to syslog: \"dial tcp 127.0.0.1:1: connect: connection refused\"");
  EXPECT_EQ(detail("unix:///nowhere/log"),
            "error connecting to syslog: \"dial unix /nowhere/log: connect: no such file or "
            "directory\"");
  EXPECT_EQ(detail("udp://127.0.0.1"),
            "error connecting to syslog: \"dial udp: address 127.0.0.1: missing port in address\"");
}

}  // namespace
}  // namespace petrel::server
