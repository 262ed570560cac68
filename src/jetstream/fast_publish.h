// FastPublish: fast ingest: long batches of messages that are acknowledged every so often; the
// reply subject says what to do: <prefix>.<id>.<flow>.<ok|fail>.<sequence>.<operation>.$FI
//
// Owner: StreamCore. Thread: the home loop.
// Limits: 1,000 batches per stream, 10 seconds between messages; the client's window is at most 500
// messages shared by all batches.
// Source: spec streams.md section 5.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/api_error.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace petrel::jetstream {

class StreamCore;
struct Incoming;

// What a reply subject of fast ingest says.
struct FastReply {
  Slice id;
  uint64_t sequence = 0;
  uint16_t flow = 0;
  bool gap_ok = false;
  bool is_ping = false;
  bool is_commit = false;
  bool is_eob = false;  // commits without a message
};
std::optional<FastReply> parse_fast_reply(Slice reply);

class FastPublish {
 public:
  explicit FastPublish(StreamCore& core) : core_(core) {}

  // A message whose reply ends in ".$FI". False: it is to be held.
  bool take(const Incoming& message);
  // Tells publishers what was applied; forgets those that were silent too long.
  void run(Instant now);
  Instant next_due() const;
  void clear() { open_.clear(); }

 private:
  struct Staged {
    uint64_t index;
    uint64_t batch_sequence;
    uint64_t sequence;
  };
  struct Batch {
    bool gap_ok = false;
    bool is_commit = false;
    uint16_t ack_messages = 1;
    uint16_t ack_messages_max = 1;
    uint64_t last = 0;       // highest sequence that came
    uint64_t persisted = 0;  // highest that is applied, or needs nothing
    uint64_t told = 0;       // of the last flow message
    uint64_t sequence = 0;   // of the stream, the last one applied
    std::string reply;
    std::deque<Staged> staged;
    Instant deadline{};
    std::shared_ptr<void> place = {};  // among the open batches of the server
  };
  using Open = std::map<std::string, Batch, std::less<>>;

  std::optional<ApiErrc> refusal(const Incoming& message,
                                 const std::optional<FastReply>& fast) const;
  void ping(Open::iterator open, const FastReply& fast, Slice reply);
  bool append(Open::iterator open, const FastReply& fast, const Incoming& message);
  void refused(Open::iterator open, const FastReply& fast, Slice reply, const ApiError& error);
  // Ends the batch; answers when all of it is applied.
  void commit(Open::iterator open, Slice reply);
  bool check_flow(Batch& batch);
  void tell_flow(const Batch& batch, Slice reply);
  void tell_gap(Slice reply, uint64_t expected, uint64_t got);
  void tell_end(const std::string& id, const Batch& batch, Slice reply);

  StreamCore& core_;
  Open open_;
};

}  // namespace petrel::jetstream
