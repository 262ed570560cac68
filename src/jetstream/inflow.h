// Inflow: one origin that a stream takes messages from: an internal consumer on the origin, what it
// delivers, and what was taken so far.
//
// Owner: Sourcing. Thread: the home loop.
// Life: asked for (a consumer is being made) -> flowing -> broken (tried again later).
// Source: spec streams.md section 9.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/subject/subject_transform.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace petrel::jetstream {

class StreamCore;
struct AckSubject;
struct Incoming;

class Inflow {
 public:
  Inflow(StreamCore& core, const StreamSource& source, bool is_mirror);

  // "<origin>[:<external>] <filters> <destinations>": names the source in headers and state.
  const std::string& index_name() const { return index_name_; }
  const StreamSource& source() const { return source_; }
  // Of the origin as it was made; empty: not known.
  const std::string& identity() const { return identity_; }

  // A moment later: whoever makes the stream, or its origin, is answered first.
  void start(Instant now) { retry_at_ = now + Duration::millis(20); }
  void stop();
  // Its consumer at the origin is not needed any more.
  void release();
  // Whether the message is for this inflow; it is copied.
  bool take(const Incoming& message);
  // Handles what came and what is due. Returns whether more is to be done at once.
  bool run(Instant now);
  Instant next_due() const;

  uint64_t lag() const { return lag_; }
  // Since the origin was heard of; -1: never.
  int64_t active_ns(Instant now) const { return heard_.ns == 0 ? -1 : (now - heard_).ns; }
  const std::optional<ApiError>& error() const { return error_; }
  bool is_caught_up() const { return is_flowing_ && lag_ < 10; }

 private:
  struct Arrived {
    std::string subject;
    std::string reply;
    std::string header;
    std::string body;
  };
  enum class Outcome : uint8_t { kDone, kLater, kBroken };

  void ask(Instant now);
  std::string request() const;
  std::string name_consumer() const;
  void on_answer(const Arrived& message, Instant now);
  Outcome on_arrived(const Arrived& message);
  Outcome on_control(const Arrived& message);
  Outcome on_mirrored(const Arrived& message, const AckSubject& ack);
  Outcome on_sourced(const Arrived& message, const AckSubject& ack);
  std::string transformed(const std::string& subject) const;
  std::string source_header(const Arrived& message, uint64_t sequence) const;
  void forget_origin();
  void fail(Instant now, std::optional<ApiError> error);
  void unsubscribe();
  std::string api(const std::string& subject) const;

  StreamCore& core_;
  const StreamSource source_;
  const bool is_mirror_;
  std::string index_name_;
  std::string identity_;
  bool is_recreated_ = false;                          // the origin is another one than before
  std::vector<subject::SubjectTransform> transforms_;  // empty destinations: filters only
  std::string consumer_;
  std::string deliver_;
  std::string answer_;  // subject of the answer to the request
  std::vector<uint32_t> subscriptions_;
  std::deque<Arrived> arrived_;
  bool is_asked_ = false;
  bool is_flowing_ = false;
  uint64_t consumer_sequence_ = 0;
  uint64_t sequence_ = 0;  // of the origin
  uint64_t lag_ = 0;
  uint32_t failures_ = 0;
  Instant retry_at_{};
  Instant seen_{};  // it must be heard of within a time from here
  Instant heard_{};
  std::string stalled_reply_;
  std::optional<ApiError> error_;
};

}  // namespace petrel::jetstream
