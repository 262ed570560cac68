// Logger: writes log lines as nats-server shapes them, to standard error, a file (with rotation) or
// syslog. Levels that are off are dropped before anything is formatted.
//
// Owner: main. Thread: any. Errors: the texts nats-server prints before it ends.
// Source: spec operations.md section 1.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options.h"
#include "petrel/server.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace petrel::server {

struct LogSettings {
  bool debug = false;
  bool trace = false;
  bool logtime = true;
  bool logtime_utc = false;
  std::string file = {};  // wins over remote_syslog, which wins over syslog
  int64_t size_limit = 0;
  int64_t max_num = 0;
  std::string remote_syslog = {};
  bool syslog = false;
  std::string tag = "nats-server";  // names this process to syslog
};

LogSettings log_settings(const conf::Options& options, const std::string& tag);

class Logger {
 public:
  Logger();
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // Opens the target; the result goes over to it. On an error the old one stays.
  Result<std::function<void()>> prepare(const LogSettings& settings);
  // Both at once.
  Status configure(const LogSettings& settings);
  void write(LogLevel level, const std::string& text);
  // Opens the log file anew, after somebody moved it away, and says so.
  Status reopen();

 private:
  class Sink;
  void adopt(const LogSettings& settings);

  std::shared_ptr<Sink> sink_;
  LogSettings settings_;
  std::atomic<bool> debug_{false};
  std::atomic<bool> trace_{false};
  bool is_open_ = false;
};

}  // namespace petrel::server
