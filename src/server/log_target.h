// LogTarget: where finished log lines go: standard error, a file or syslog.
//
// Owner: Logger, which calls one function at a time. Thread: any.
#pragma once

#include "petrel/server.h"

#include <string_view>

namespace petrel::server {

class LogTarget {
 public:
  virtual ~LogTarget() = default;
  // `line` is the whole line with its end, `text` only what was said.
  virtual void write(LogLevel level, std::string_view line, std::string_view text) = 0;
  virtual bool is_file() const { return false; }
};

// Writes all of it, or gives up on an error.
void write_all(int fd, std::string_view bytes);

}  // namespace petrel::server
