// TarReader: regular files of a tar stream, one after another.
//
// Thread: values, any thread. Limits: a file of 64 MiB is buffered whole.
// Source: POSIX ustar and pax.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <functional>
#include <string>

namespace petrel::jetstream {

class TarReader {
 public:
  using OnFile = std::function<Status(Slice name, Slice content)>;
  explicit TarReader(OnFile on_file) : on_file_(std::move(on_file)) {}

  // kCorrupt: not a tar stream, something else than a regular file, or a path that leaves the
  // folder.
  Status feed(Slice bytes);
  // Whether the end of the archive was read, or nothing is left open.
  bool is_complete() const { return is_at_end_ || buffer_.empty(); }

 private:
  struct Header {
    char type = '0';
    uint64_t size = 0;
    std::string name = {};
  };
  Status take_header(Slice block);
  Status take_content(Slice content);

  OnFile on_file_;
  std::string buffer_;
  Header header_;
  bool has_header_ = false;
  bool is_at_end_ = false;
  std::string long_name_;  // of the next file
};

}  // namespace petrel::jetstream
