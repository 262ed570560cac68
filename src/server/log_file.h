// LogFile: the log file, appended to, rotated by size like nats-server does.
//
// Owner: Logger. Thread: one at a time.
// Rotation: after the line that makes the file larger than the limit, it is renamed to
// FILE.YYYY.MM.DD.hh.mm.ss.nnnnnnnnn and a new one is begun; of those names the oldest are removed.
// Source: spec operations.md section 1.
#pragma once

#include "server/log_target.h"

#include "petrel/base/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace petrel::server {

struct LogFileOptions {
  std::string path = {};
  int64_t size_limit = 0;  // bytes, 0: no rotation
  int64_t max_num = 0;     // files kept, this one included; 0: all
  bool logtime = true;
};

class LogFile final : public LogTarget {
 public:
  // Errors: `error opening file: open PATH: permission denied`.
  static Result<std::unique_ptr<LogTarget>> open(LogFileOptions options);
  // 0 when there is none.
  static int64_t size_of(const std::string& path);
  ~LogFile() override;

  void write(LogLevel level, std::string_view line, std::string_view text) override;
  bool is_file() const override { return true; }

 private:
  explicit LogFile(LogFileOptions options) : options_(std::move(options)) {}
  bool reopen();
  void rotate();
  void remove_oldest();
  void say(std::string_view label, const std::string& text);

  LogFileOptions options_;
  int fd_ = -1;
  int64_t size_ = 0;
};

}  // namespace petrel::server
