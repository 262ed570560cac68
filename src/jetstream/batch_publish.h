// BatchPublish: atomic batches: messages that are gathered in memory and become one entry at their
// commit, or nothing.
//
// Owner: StreamCore. Thread: the home loop. Only the leader has them; a batch that is open when the
// server stops is lost, as nats-server does on a change of the leader.
// Limits: 1,000 messages each, 50 batches open per stream, 10 seconds between messages.
// Source: spec streams.md section 5.
#pragma once

#include "jetstream/big_decimal.h"

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace petrel::jetstream {

class StreamCore;
struct Incoming;
class PublishHeaders;

// What is in a batch so far, while it is checked at its commit.
struct BatchView {
  struct Counter {
    BigDecimal total;
    std::string sources;
  };
  uint64_t messages = 0;
  uint64_t bytes = 0;
  std::unordered_map<std::string, uint64_t> subjects;  // messages each
  std::unordered_set<std::string> ids;
  std::unordered_map<std::string, Counter> counters;

  uint64_t count_of(Slice subject) const {
    const auto found = subjects.find(std::string(subject));
    return found == subjects.end() ? 0 : found->second;
  }
};

class BatchPublish {
 public:
  explicit BatchPublish(StreamCore& core) : core_(core) {}

  // A message with Nats-Batch-Id. False: it is to be held.
  bool take(Slice id, const Incoming& message);
  // Abandons what was silent too long.
  void run(Instant now);
  Instant next_due() const;
  void clear() { open_.clear(); }

 private:
  struct Stored {
    std::string subject;
    std::string header;
    std::string body;
  };
  struct Batch {
    std::vector<Stored> messages;
    std::shared_ptr<void> place;  // among the open batches of the server
    Instant deadline{};
  };

  // What is wrong with a message of a batch before the batch itself is looked at.
  bool refuse_early(Slice id, const Incoming& message, const PublishHeaders& headers, Slice reply);
  // Starts a batch; null: refused.
  Batch* begin(const std::string& id, uint64_t sequence, bool is_eob, Slice reply);
  // False: it is to be held.
  bool commit(const std::string& id, Batch& batch, Slice reply);
  void abandon(const std::string& id, Slice reason);

  StreamCore& core_;
  std::unordered_map<std::string, Batch> open_;
};

}  // namespace petrel::jetstream
