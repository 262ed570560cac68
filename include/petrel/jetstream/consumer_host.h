// ConsumerHost: what a consumer asks of the stream it belongs to.
//
// Owner: Stream. Thread: the home loop.
#pragma once

#include "petrel/jetstream/group_driver.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/store/message_store.h"

#include <cstdint>

namespace petrel::jetstream {

class Consumer;
struct StreamConfig;

class ConsumerHost {
 public:
  virtual ~ConsumerHost() = default;
  virtual const StreamConfig& stream_config() const = 0;
  virtual Slice account_name() const = 0;
  virtual store::MessageStore& messages() = 0;
  virtual StreamHost& outside() = 0;  // clock, log, ids
  virtual Stream& stream() = 0;

  // Proposes a change of this consumer's state; it comes back through Consumer::apply. Entries are
  // idempotent deltas (delivered ranges, acked, termed, floors), gathered to one per turn.
  // Returns its index; 0: refused (the group stopped).
  virtual uint64_t propose(Consumer& consumer, Slice entry, Urgency urgency) = 0;
  // A message is not needed by this consumer any more (called from Consumer::apply): streams with
  // interest or workqueue retention remove it when nobody else needs it.
  virtual void on_settled(Consumer& consumer, uint64_t sequence) = 0;
  // The same for everything up to and including `sequence` (ack all, ack none).
  virtual void on_settled_up_to(Consumer& consumer, uint64_t sequence) = 0;
  // Run the consumer again in this turn, or at `when`.
  virtual void wake(Consumer& consumer) = 0;
  virtual void wake_at(Consumer& consumer, Instant when) = 0;
  // The consumer was idle too long: proposes its removal.
  virtual void remove_inactive(Consumer& consumer) = 0;
};

}  // namespace petrel::jetstream
