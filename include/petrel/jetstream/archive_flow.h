// ArchiveFlow: the chunks of STREAM.SNAPSHOT: how large they are, how many may be on the way
// without an ack, how the last one and failures look.
//
// Owner: the request. Thread: its loop. Pure: time is given, what is to be sent comes out.
// Limits: chunks of 1 KiB to 1 MiB, a window of 1 KiB to 32 MiB; at most a chunk and what one
// write() brings is buffered as long as wants_bytes() is heeded.
// Source: spec storage-format.md section 6.
#pragma once

#include "petrel/base/time.h"
#include "petrel/jetstream/api_requests.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace petrel::jetstream {

class ArchiveFlow {
 public:
  static constexpr Duration kAckTimeout = Duration::seconds(5);

  struct Chunk {
    std::string reply = {};   // acks come here; empty: none is asked for
    std::string header = {};  // of the last one
    std::string body = {};
  };

  // `ack_subject`: "$JS.SNAPSHOT.ACK.<stream>.<id>"; acks come to any subject below it.
  ArchiveFlow(const StreamSnapshotRequest& request, std::string ack_subject, Instant now);

  // Whether the archive should be written on.
  bool wants_bytes() const { return !is_finished_ && buffer_.size() < chunk_bytes_; }
  void write(Slice bytes) { buffer_.append(bytes); }
  void finish() { is_finished_ = true; }
  // Writing failed: what is left is not sent.
  void fail(Slice why) { stop("500 " + std::string(why)); }
  void on_interest_lost() { stop("408 No Interest"); }
  void on_ack() { on_the_way_ -= on_the_way_ > 0 ? 1 : 0; }

  // What is to be sent now; nothing: more bytes or an ack are needed, or it is over.
  std::optional<Chunk> next(Instant now);
  bool is_over() const { return is_over_; }
  // Why it failed: "408 No Interest"; empty: it did not.
  const std::string& failure() const { return status_; }
  const std::string& ack_subject() const { return ack_subject_; }
  // When next() has to be called again though nothing came.
  Instant deadline() const { return last_sent_ + kAckTimeout; }

 private:
  void stop(std::string status);
  Chunk last_chunk();

  std::string ack_subject_;
  size_t chunk_bytes_;
  size_t window_;  // chunks
  std::string buffer_;
  size_t on_the_way_ = 0;
  uint64_t index_ = 0;  // of the last whole chunk
  Instant last_sent_;
  std::string status_;  // of a failure
  bool is_finished_ = false;
  bool is_over_ = false;
};

}  // namespace petrel::jetstream
