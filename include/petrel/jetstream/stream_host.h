// StreamHost: what streams and their consumers ask of the loop they live on.
//
// Owner: the loop's JetStream service. Thread: the home loop.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/hash.h"
#include "petrel/base/prng.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace petrel::jetstream {

class Stream;

struct OutMessage {
  Slice target;   // the subject whose subscribers get it
  Slice subject;  // what the frame says; differs from target for deliveries of consumers
  Slice reply;
  Slice header;  // whole header block or empty
  Slice body;
};

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };

// What comes to a stream from subjects that it subscribed to.
enum class Inlet : uint8_t {
  kPublish,      // its subjects
  kAck,          // $JS.ACK.<stream>.<consumer>.> and the form with domain and account
  kPull,         // $JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>
  kFlow,         // $JS.FC.<stream>.<consumer>.>
  kDirectGet,    // $JS.API.DIRECT.GET.<stream> and below, queue group _sys_
  kReply,        // deliveries of internal consumers to a mirror or source of this stream
  kFastPublish,  // reply subjects of fast ingest
};

// What may be on its way into a stream at a time.
struct BufferLimits {
  uint64_t messages = 100'000;
  uint64_t bytes = uint64_t{128} << 20;
};

// Of batches, as of now.
struct BatchLimits {
  uint64_t atomic_open = 50;  // of one stream
  uint64_t fast_open = 1000;
  uint64_t messages = 1000;  // of an atomic one
  Duration silence = Duration::seconds(10);
};

class StreamHost {
 public:
  virtual ~StreamHost() = default;

  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  virtual Prng& prng() = 0;

  // Sends inside the stream's account; returns how many took it. Only from Stream::run and what it
  // calls (never from Stream::take).
  virtual uint32_t send(Stream& stream, const OutMessage& message) = 0;
  // Whether a message to `subject` would reach anybody; with a `queue`, whether somebody subscribes
  // to exactly `subject`, wildcards aside, in that queue group (empty: in none).
  virtual bool has_interest(Stream& stream, Slice subject, std::optional<Slice> queue) = 0;

  // Interest of the stream in its account; what comes goes to Stream::take. Returns a name for
  // unsubscribe.
  virtual uint32_t subscribe(Stream& stream, Inlet inlet, Slice subject, Slice queue) = 0;
  virtual void unsubscribe(Stream& stream, uint32_t subscription) = 0;

  // Stream::run is to be called again: in this turn if possible, or at `when`.
  virtual void wake(Stream& stream) = 0;
  virtual void wake_at(Stream& stream, Instant when) = 0;

  // Publishes an advisory or metric ("$JS.EVENT...") with the JSON `body` in the account.
  virtual void advise(Stream& stream, Slice subject, std::string body) = 0;
  // The same in the system account.
  virtual void advise_system(Stream&, Slice, std::string) {}
  virtual void log(LogLevel level, std::string text) = 0;
  // "server_id", cluster, domain as they stand in answers and advisories.
  virtual Slice server_name() const = 0;
  virtual Slice domain() const = 0;
  // A unique text of 22 characters, as in ids of advisories.
  virtual std::string next_id() = 0;
  // Reserved and free bytes for the kind of storage: whether `more` bytes may be stored now.
  virtual bool may_store(Stream& stream, uint64_t more) = 0;
  // When not: whether it is the server that has no room, not only the account.
  virtual bool is_server_full(Stream&, uint64_t) { return false; }
  // Changes of what the account uses, for its limits and monitoring. A stream that stops uses
  // nothing any longer.
  virtual void on_usage(Stream& stream, int64_t bytes) = 0;
  virtual void on_consumers(Stream& stream, int64_t consumers) = 0;
  // The bytes of a file of the IANA time zone database (TZif) by the zone's name, which comes from
  // a client; empty: there is none. Source of time zones of message schedules.
  virtual std::string time_zone(Slice) { return {}; }
  // Eight characters for a text, as nats-server makes them; the same on every server.
  virtual std::string short_hash(Slice text) { return std::to_string(hash_bytes(text) % 89999999); }
  // Whether subjects of acknowledgements and flow control hold domain and account (js_ack_fc_v2).
  virtual bool has_long_ack_subjects() { return false; }
  // Asked once, when the stream is made.
  virtual BufferLimits buffer_limits() { return {}; }
  virtual BatchLimits batch_limits() { return {}; }
  // Counts an open batch of the server until it is let go; null: there are as many as there may be.
  virtual std::shared_ptr<void> open_batch(bool /*is_fast*/) {
    return std::shared_ptr<void>(this, [](void*) {});
  }
};

}  // namespace petrel::jetstream
