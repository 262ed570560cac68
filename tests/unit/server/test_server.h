// A server in this process, on a port of the system's choice, with its log kept.
#pragma once

#include "petrel/server.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace petrel::server {

class TestServer {
 public:
  static constexpr const char* kUnwritableLog = "unwritable";

  explicit TestServer(conf::Options options = {}) {
    options.host = "127.0.0.1";
    if (options.port == 4222) options.port = -1;
    if (options.petrel.loops == 0) options.petrel.loops = 2;
    ServerOptions given;
    given.options = std::move(options);
    given.log = [this](LogLevel level, const std::string& text) { keep(level, text); };
    given.prepare_log = [this](const conf::Options& next) -> Result<std::function<void()>> {
      if (next.log_file == kUnwritableLog) return Error{Errc::kIo, "error opening file"};
      return std::function<void()>([this] { keep(LogLevel::kInfo, "log changed"); });
    };
    auto made = Server::create(std::move(given));
    EXPECT_TRUE(made);
    server_ = *std::move(made);
  }
  ~TestServer() { server_.reset(); }

  TestServer& started() {
    const Status status = server_->start();
    EXPECT_TRUE(status) << (status ? "" : status.error().detail);
    return *this;
  }
  Server* operator->() { return server_.get(); }
  uint16_t port() const { return server_->client_port(); }

  bool said(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    for (const std::string& line : lines_) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  void keep(LogLevel level, const std::string& text) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(1, "IWEFDT"[static_cast<size_t>(level)]) + " " + text);
  }

  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::unique_ptr<Server> server_;
};

}  // namespace petrel::server
