// A client over a raw blocking socket, for tests of a whole server. Every wait ends after
// kPatience.
#pragma once

#include "petrel/server.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace petrel::server {

inline constexpr std::chrono::seconds kPatience{10};

// Polls until `condition` holds.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class TestClient {
 public:
  explicit TestClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(fd_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool is_open() const { return is_open_; }
  void send(const std::string& text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Up to and including the next CRLF; "" when the server closed or kPatience is over.
  std::string line() {
    while (received_.find("\r\n") == std::string::npos && receive()) {
    }
    const size_t end = received_.find("\r\n");
    if (end == std::string::npos) return "";
    std::string result = received_.substr(0, end + 2);
    received_.erase(0, end + 2);
    return result;
  }
  // Everything until the server closes.
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(received_, "");
  }
  // What is there; waits for something to come.
  std::string some() {
    if (received_.empty()) receive();
    return std::exchange(received_, "");
  }
  bool is_closed_by_server() const { return is_closed_by_server_; }

  // INFO, CONNECT with `fields` ("\"user\":\"a\"") and PING up to PONG; the first line that is
  // neither INFO nor PONG otherwise.
  std::string connect_with(const std::string& fields) {
    info_ = line();
    send("CONNECT {\"verbose\":false,\"protocol\":1" + (fields.empty() ? "" : "," + fields) +
         "}\r\nPING\r\n");
    const std::string answer = line();
    if (answer == "PONG\r\n") second_info_ = line();
    return answer;
  }
  const std::string& info() const { return info_; }
  int fd() const { return fd_; }

 private:
  bool receive() {
    pollfd event{fd_, POLLIN, 0};
    const auto limit = std::chrono::milliseconds(kPatience).count();
    if (poll(&event, 1, static_cast<int>(limit)) != 1) return false;
    std::array<char, 65536> bytes;
    const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
    if (count <= 0) {
      is_closed_by_server_ = true;
      return false;
    }
    received_.append(bytes.data(), static_cast<size_t>(count));
    return true;
  }

  int fd_;
  bool is_open_ = false;
  bool is_closed_by_server_ = false;
  std::string received_;
  std::string info_;
  std::string second_info_;
};

}  // namespace petrel::server
