// StreamIngest: published messages on their way into the log: check, stage, propose.
//
// Owner: StreamCore. Thread: the home loop.
// Checks see committed and staged state, in nats-server's order (stream_checks.cc). A message that
// needs what is staged to be applied first, or that the group cannot take now, is held with all
// behind it.
// Limits: StreamHost::buffer_limits held and staged; above it publishers get status 429.
// Source: spec streams.md section 2.
#pragma once

#include "jetstream/big_decimal.h"
#include "jetstream/publish_headers.h"
#include "jetstream/stream_entry.h"

#include "petrel/base/block.h"
#include "petrel/base/ring_queue.h"
#include "petrel/jetstream/api_error.h"
#include "petrel/router/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace petrel::jetstream {

class StreamCore;

// As it came.
struct Incoming {
  Slice subject;
  Slice reply;
  Slice header;
  Slice body;
  Slice target = {};  // the subject subscribed to: deliveries keep the one they were stored under
};

// On its way into an entry; what was rewritten lies in the buffers.
struct Candidate {
  Slice subject;
  Slice header;
  Slice body;
  uint8_t flags = 0;
  int64_t ttl_seconds = 0;
  WallTime due = {};   // of a schedule
  WallTime time = {};  // of the origin of a mirror; ns 0: now
  Slice id;            // Nats-Msg-Id, points into header
  Slice producer;      // Nats-Producer-Id
  uint64_t producer_sequence = 0;
  std::string ack_rest = {};  // stands behind the sequence in the PubAck
  std::string subject_buffer = {};
  std::string header_buffer = {};
  std::string body_buffer = {};

  void set_header(std::string header_block) {
    header_buffer = std::move(header_block);
    header = header_buffer;
  }
};

struct Verdict {
  enum class Kind : uint8_t { kStore, kRefuse, kDuplicate, kHold };
  Kind kind = Kind::kStore;
  uint64_t sequence = 0;  // of the duplicate
  ApiError error = {};

  static Verdict refuse(ApiError error) { return {Kind::kRefuse, 0, std::move(error)}; }
  static Verdict refuse(ApiErrc errc) { return refuse(api_error(errc)); }
  static Verdict duplicate(uint64_t sequence) { return {Kind::kDuplicate, sequence, {}}; }
  static Verdict hold() { return {Kind::kHold, 0, {}}; }
  bool is_store() const { return kind == Kind::kStore; }
};

// What a message that comes with others in a batch must know of them.
struct BatchView;

class StreamIngest {
 public:
  explicit StreamIngest(StreamCore& core) : core_(core) {}

  // From a client. Never sends.
  void take(const Incoming& message);
  // Offers what was held again. Returns whether something was staged.
  bool release();
  bool has_held() const { return !held_.empty(); }
  void drop_held();

  // The sequences from `first` to `last` hold no message (gaps of a mirror's origin).
  bool propose_skip(uint64_t first, uint64_t last);
  // Of the server itself (fired schedules, other streams): no reply, checked by the caller.
  // Returns the index of its entry; 0: not now.
  uint64_t propose_internal(Candidate& candidate);
  // Delayed messages become messages of the stream.
  uint64_t propose_released(const std::vector<uint64_t>& numbers,
                            const std::vector<Candidate>& candidates);
  // `expire`, and in the same entry a marker for each subject.
  uint64_t propose_with_markers(Slice expire, const std::vector<std::string>& subjects);

  // --- for batches ---
  // The order and the kind of checks differ inside an atomic batch.
  Verdict check(Candidate& candidate, BatchView* batch);
  // Only whether there is room: of a message that was checked before.
  Verdict check_limits(Candidate& candidate);
  // Of a message that another stream stored already.
  Verdict check_sourced(Candidate& candidate);
  // All of them in one entry. Returns its index; 0: not now.
  uint64_t propose_together(const std::vector<Candidate>& candidates);
  void refuse(Slice reply, const ApiError& error);
  // Whether the ingress queue is full; then the publisher was told.
  bool is_overloaded(const Incoming& message);
  // Stages what was checked. False: the group cannot take it now.
  bool store(Candidate& candidate, Slice reply);
  void hold(const Incoming& message);

 private:
  friend class PublishChecks;
  struct Held {
    std::string bytes;  // subject, reply, header, body
    uint32_t subject_bytes = 0;
    uint32_t reply_bytes = 0;
    uint32_t header_bytes = 0;
    Incoming view() const;
  };
  // A total that is staged or was just read.
  struct Counter {
    uint64_t sequence = 0;
    BigDecimal total;
    std::string sources;
  };
  struct StagedProducer {
    uint64_t last = 0;
    uint64_t sequence = 0;  // of the stream
  };

  bool store_delayed(const Candidate& candidate, Slice reply);
  // False: it is to be held.
  bool offer(const Incoming& message);
  Candidate& begin(const Incoming& message);
  // As the message `ahead` places behind the last one.
  MessageHead head_of(const Candidate& candidate, uint64_t ahead) const;
  // Appends to an entry of several.
  uint64_t propose_all(EntryWriter& together, const std::vector<Candidate>& candidates);
  void note_staged(const Candidate& candidate, const MessageHead& head);

  StreamCore& core_;
  Candidate candidate_;
  RingQueue<Held> held_;
  uint64_t held_bytes_ = 0;
  std::unordered_map<std::string, Counter> counters_;
  std::unordered_map<std::string, StagedProducer> producers_;
};

}  // namespace petrel::jetstream
