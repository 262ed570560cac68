// StreamImport: fills a new stream from an archive: messages with their sequences and times, gaps
// included, and consumers with what they have delivered and wait for.
//
// Owner: the request. Thread: the home loop of the stream, which is open and not started.
// What is imported stands in no journal: whoever owns the stream makes a checkpoint before anybody
// may rely on it. A failed import leaves a stream that is to be destroyed.
// Errors: the text that stands behind "restore failed: ", or a whole answer of the API.
// Limits: those of ArchiveReader; consumers of version 2 are kept until the messages are in.
// Source: spec storage-format.md section 6.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/api_json.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace petrel::jetstream {

class Stream;
class StreamFiles;

struct ImportOptions {
  StreamStateView state = {};  // what the request says of the archive; version 1 needs it
  int64_t payload_max = 0;     // max_payload of the server
  WallTime now = {};           // what has outlived its TTL by then becomes a gap
  uint64_t applied_index = 0;  // of the new stream's group
};

class StreamImport {
 public:
  // `stream` outlives it.
  StreamImport(Stream& stream, const ImportOptions& options);
  ~StreamImport();
  StreamImport(const StreamImport&) = delete;
  StreamImport& operator=(const StreamImport&) = delete;

  // Bytes of the archive as they come.
  ApiStatus feed(Slice chunk);
  // No more bytes follow: the consumers are made.
  ApiStatus finish();
  // The folder of a nats-server instead, whole.
  ApiStatus read(const StreamFiles& files);
  // The index of the last entry that the stream holds now.
  uint64_t applied_index() const;

 private:
  class Filler;
  std::unique_ptr<Filler> filler_;
};

}  // namespace petrel::jetstream
