// StreamFiles: the folder of one stream as nats-server keeps it in its store directory, checked
// against its sums, told as the content of an archive. Nothing is written.
//
// Thread: any; `load` and `list` decide whether it blocks.
// Errors: kCorrupt with what is wrong; kUnsupported: the folder is encrypted.
// Limits: one file in memory at a time.
// Source: spec storage-format.md sections 1 to 4.
#pragma once

#include "petrel/base/result.h"
#include "petrel/jetstream/archive.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace petrel::jetstream {

// How a folder is looked into; paths begin inside of it.
struct StreamFolder {
  std::function<Result<std::string>(const std::string& path)> load;
  std::function<std::vector<std::string>(const std::string& path)> list;  // names; none: no folder
};

struct FoundStream {
  StreamConfig config = {};
  WallTime created = {};
  // As the index says, which may be older than the messages; 0: there is none.
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
};

class StreamFiles {
 public:
  explicit StreamFiles(StreamFolder folder) : folder_(std::move(folder)) {}

  Result<FoundStream> describe() const;
  // The stream, its messages with those deleted later, its consumers.
  Status read(ArchiveReader::Sink& sink) const;

 private:
  Result<std::string> load_checked(const std::string& folder, Slice key) const;

  StreamFolder folder_;
};

}  // namespace petrel::jetstream
