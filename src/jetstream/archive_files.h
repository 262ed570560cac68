// The files of a stream as nats-server keeps them on disk and version 1 of its archives holds them:
// told to a sink as the archive's content.
//
// Thread: values, any thread. Source: spec storage-format.md sections 1, 2 and 4.
#pragma once

#include "petrel/base/result.h"
#include "petrel/jetstream/archive.h"

#include <map>
#include <string>

namespace petrel::jetstream {

class ArchiveFiles {
 public:
  explicit ArchiveFiles(ArchiveReader::Sink& sink) : sink_(sink) {}

  // A file by its path inside the stream's folder: meta.inf first, blocks ascending.
  Status take(Slice path, Slice content);
  // Tells the consumers.
  Status finish();

 private:
  Status take_stream(Slice json);
  Status take_block(Slice number, Slice content);
  Status take_record(Slice record, bool has_header);
  Status take_consumer_file(Slice path, Slice content);

  ArchiveReader::Sink& sink_;
  std::string stream_;  // the name; empty: not told yet
  uint64_t last_sequence_ = 0;
  std::map<std::string, ArchivedConsumer> consumers_;
};

}  // namespace petrel::jetstream
