// Syslog: log lines to the syslog of this machine or of another one, in the form nats-server sends.
//
// Owner: Logger. Thread: one at a time. A write that fails is tried once more on a new connection;
// a receiver that takes nothing holds a line up for kSendTimeout at most.
// Errors: `error connecting to syslog: "..."`, `error invalid network type: "..."`.
// Source: spec operations.md section 1.
#pragma once

#include "server/log_target.h"

#include "petrel/base/result.h"
#include "petrel/base/time.h"

#include <memory>
#include <string>

namespace petrel::server {

class Syslog final : public LogTarget {
 public:
  static constexpr Duration kSendTimeout = Duration::seconds(1);

  static Result<std::unique_ptr<LogTarget>> open_local(const std::string& tag);
  // `url`: udp://host:port, tcp://host:port or unix:///path.
  static Result<std::unique_ptr<LogTarget>> dial(const std::string& url, const std::string& tag);
  ~Syslog() override;

  void write(LogLevel level, std::string_view line, std::string_view text) override;

 private:
  enum class Network : uint8_t { kLocal, kUnix, kUdp, kTcp };

  Syslog(Network network, std::string address, std::string tag);
  Status connect();
  Status connect_local();
  Status connect_inet();
  bool send(const std::string& packet) const;

  const Network network_;
  const std::string address_;
  const std::string tag_;
  std::string host_;  // ours
  int fd_ = -1;
};

}  // namespace petrel::server
