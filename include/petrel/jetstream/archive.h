// Archives of streams: what STREAM.SNAPSHOT sends and STREAM.RESTORE takes. Writes version 2, reads
// versions 1 and 2. Pure: bytes in, bytes out.
//
// Owner: the request. Thread: its loop.
// Errors: kCorrupt with the text that stands behind "restore failed: ".
// Limits: a name of 1 MiB, JSON of 16 MiB, a message of kArchivedMessageMax, a file of a version 1
// archive of 64 MiB; what is buffered is one entry and one chunk.
// Source: spec storage-format.md sections 2, 4 and 6; docs/formats are those of nats-server.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_config.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace petrel::jetstream {

inline constexpr uint64_t kArchivedMessageMax = uint64_t{64} << 20;

struct ArchivedPending {
  uint64_t consumer_seq = 0;
  WallTime time = {};
};

struct ArchivedConsumer {
  std::string name = {};
  ConsumerConfig config = {};
  WallTime created = {};  // version 1 only
  SequenceView delivered = {};
  SequenceView ack_floor = {};
  std::map<uint64_t, ArchivedPending> pending = {};  // by stream sequence
  std::map<uint64_t, uint64_t> redelivered = {};     // deliveries - 1
};

// Order: the constructor, consumers, messages ascending, finish. Every now and then take().
class ArchiveWriter {
 public:
  // `state`: what the archive will hold; consumer_count consumers follow.
  ArchiveWriter(const StreamStateView& state, WallTime now);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  void add_consumer(const ArchivedConsumer& consumer);
  void add_message(const StoredMessageView& message);
  void finish();
  // The bytes that are ready, compressed; any cut of them may be a chunk.
  std::string take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ArchiveReader {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // Version 2, first of all.
    virtual Status on_state(const StreamStateView& state) = 0;
    // Version 1, first of all: the stream as it was.
    virtual Status on_stream(const StreamConfig& config, WallTime created) = 0;
    // Version 2: before the messages; version 1: behind them.
    virtual Status on_consumer(const ArchivedConsumer& consumer) = 0;
    // Ascending; sequences between two messages were deleted. Version 1 may hold messages that
    // limits had removed: those below the first sequence that the request states are to be dropped.
    virtual Status on_message(const StoredMessageView& message) = 0;
    // Version 1: a message that was given is deleted; or its sequence never held one.
    virtual Status on_removed(uint64_t sequence) = 0;
  };

  explicit ArchiveReader(Sink& sink);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  Status feed(Slice chunk);
  // No more bytes follow: the archive must be whole.
  Status finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace petrel::jetstream
