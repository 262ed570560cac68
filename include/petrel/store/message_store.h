// MessageStore: the messages of one stream. Applied entries change it; consumers and requests read
// it. Which message has to go is the stream's decision, never the store's.
//
// Owner: one Stream. Thread: its home loop. No call blocks.
// Subjects, sequences and times are kept in memory or in bounded runs; messages are read from
// memory or, answered kPending first, from disk.
// Source: spec streams.md sections 3, 4 and 11; architecture section 4 (store).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/memory_budget.h"
#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/store/message_ids.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace petrel::store {

struct NewMessage {
  uint64_t sequence = 0;  // above the last one
  WallTime time = {};
  Slice subject;
  Slice header;  // whole header block or empty
  Slice body;
};

// Views, valid as long as `block` is held (null: until the next call that changes the store).
struct StoredMessage {
  uint64_t sequence = 0;
  WallTime time = {};
  Slice subject;
  Slice header;
  Slice body;
  BlockRef block;
};

struct StoreState {
  uint64_t messages = 0;
  uint64_t bytes = 0;           // as nats-server counts them for this kind of storage
  uint64_t first_sequence = 0;  // 0: never held a message; last + 1: empty now
  uint64_t last_sequence = 0;
  WallTime first_time = {};  // ns 0: none
  WallTime last_time = {};
  uint64_t subjects = 0;
  uint64_t deleted = 0;  // gaps between first and last
};

struct SubjectTotals {
  uint64_t messages = 0;
  uint64_t first_sequence = 0;  // 0: none
  uint64_t last_sequence = 0;
};

struct RemovedMessage {
  uint64_t sequence = 0;
  std::string subject;
  uint64_t bytes = 0;
};

enum class ReadStatus : uint8_t {
  kFound,
  kMissing,  // deleted, or never there
  kPending,  // a read was begun; Listener::on_readable follows
  kCorrupt,  // quarantined
};

// Filters: literal or wildcard subjects, none a subset of another; empty: everything.
using Filters = std::vector<std::string>;

// What a store knows without reading messages; always answered at once.
class MessageLookups {
 public:
  virtual ~MessageLookups() = default;

  virtual const StoreState& state() const = 0;
  // What a message counts in StoreState::bytes.
  virtual uint64_t counted_bytes(size_t subject, size_t header, size_t body) const = 0;
  virtual bool contains(uint64_t sequence) const = 0;
  virtual SubjectTotals totals_of(Slice literal_subject) const = 0;
  // Last message that matches with sequence <= `at_most`; 0: none.
  virtual uint64_t last_match(const Filters& filters, uint64_t at_most) const = 0;
  // First message that matches with sequence >= `from`; 0: none. Costs its matches, not the gap.
  virtual uint64_t next_match(const Filters& filters, uint64_t from) const = 0;
  // Messages that match with sequence >= `from`. Costs the subjects that match.
  virtual uint64_t count_matches(const Filters& filters, uint64_t from) const = 0;
  // First sequence with time >= `time`; last + 1: none.
  virtual uint64_t first_at_or_after(WallTime time) const = 0;
  // Literal subjects that match, in bytewise order beginning behind `after`; at most `max`.
  struct SubjectCount {
    std::string subject;
    SubjectTotals totals;
  };
  virtual std::vector<SubjectCount> subjects(const Filters& filters, Slice after,
                                             size_t max) const = 0;
  // Deleted sequences between first and last, ascending, at most `max`.
  virtual std::vector<uint64_t> deleted_sequences(size_t max) const = 0;
  // Time and subject of a stored message without reading it; null: not there.
  struct Known {
    WallTime time = {};
    uint64_t bytes = 0;
    std::string subject;
  };
  virtual std::optional<Known> known(uint64_t sequence) const = 0;
};

// What changes a store, from apply.
class MessageChanges : public MessageLookups {
 public:
  virtual void append(const NewMessage& message) = 0;
  // The sequence is used up without a message (no interest, gaps of a mirror).
  virtual void skip(uint64_t sequence, WallTime time) = 0;
  // `erase`: the bytes are overwritten. Null: was not there.
  virtual std::optional<RemovedMessage> remove(uint64_t sequence, bool erase) = 0;
  // Removes every message below `sequence`; the first sequence becomes at least it. Tells each
  // removed one when `visit` is set. Returns how many.
  virtual uint64_t purge_below(uint64_t sequence,
                               const std::function<void(const RemovedMessage&)>& visit) = 0;
  // The sequences below `sequence` count as used (first_seq of a new stream, purge of an empty
  // one).
  virtual void advance(uint64_t sequence) = 0;
};

// What is durable, and the messages themselves. The owner calls maintain() now and then: a failed
// checkpoint is followed by a successful one only when it did.
class MessageStore : public MessageChanges {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // Some read that answered kPending would now answer otherwise.
    virtual void on_readable() = 0;
    // Everything up to and including `applied_index` is on disk (checkpoint()).
    virtual void on_checkpoint(uint64_t applied_index, int error) = 0;
    // A range was found damaged and quarantined; for the log, monitoring and advisories.
    virtual void on_damaged(uint64_t first, uint64_t last, const std::string& what) = 0;
  };

  // --- reads ---
  virtual ReadStatus read(uint64_t sequence, StoredMessage& message) = 0;
  // The next messages that match with sequence >= `from`, ascending, up to all of `out`; how many.
  // They are read soon: what of them is in memory is fetched into the cache.
  virtual size_t next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out) = 0;
  // Damaged ranges that were set aside.
  virtual std::vector<std::pair<uint64_t, uint64_t>> lost_ranges() const = 0;

  // The ids of the duplicate window. They are part of each checkpoint.
  virtual MessageIds& ids() = 0;

  // --- durability (a memory store answers at once) ---
  // Makes everything applied so far durable, with `extra` (state of stream and consumers) as of
  // `applied_index`. One at a time; Listener::on_checkpoint answers, perhaps before the return.
  virtual void checkpoint(uint64_t applied_index, std::string extra) = 0;
  virtual bool is_checkpointing() const = 0;
  virtual uint64_t bytes_on_disk() const = 0;
  // One bounded step of work that nobody waits for: copies segments together that are mostly
  // deleted, small, or encrypted with an old key; looks for damage. True: there is more to do.
  virtual bool maintain() { return false; }
  // Files that were copied go with the next checkpoint.
  virtual bool has_files_to_remove() const { return false; }
  // Removes everything from disk; the store is not to be used after it.
  virtual void destroy(std::function<void(int error)> done) = 0;
};

std::unique_ptr<MessageStore> make_memory_store(MessageStore::Listener& listener);

class Disk;

enum class Compression : uint8_t { kNone, kS2 };

inline constexpr size_t kEncryptionKeyBytes = 32;

// Keys are exactly kEncryptionKeyBytes long, or empty: not encrypted.
struct Encryption {
  std::string key = {};
  std::string previous_key = {};  // what stands on disk may be encrypted with it; copied in time
  std::string nonce_seed = {};    // 16 bytes, from a source of secrets, fresh for each open
};

struct FileStoreOptions {
  std::string directory;  // of this stream; created when first needed
  uint64_t segment_bytes = 8 << 20;
  Compression compression = Compression::kNone;
  Encryption encryption = {};
  size_t cache_bytes = 4 << 20;   // of this stream, besides the unwritten tail
  size_t index_bytes = 32 << 20;  // indexes of sealed segments in memory
  // For the message ids of all stores that share it; null: 32 MiB of its own.
  std::shared_ptr<MemoryBudget> id_memory = nullptr;
  // For the subjects of all stores that share it; null: they all stay in memory.
  std::shared_ptr<MemoryBudget> subject_memory = nullptr;
};

// What a file store found when it was opened.
struct RecoveredStore {
  std::unique_ptr<MessageStore> store;
  uint64_t applied_index = 0;  // 0: no checkpoint: nothing was there
  std::string extra;           // of the last checkpoint
  // The checkpoint was damaged: messages were found in the segments, deletions and `extra` are
  // lost. The listener is told.
  bool is_rebuilt = false;
};

// Opens or begins a store as of its last checkpoint; what was written later is cut off (the journal
// brings it again). Damage is quarantined and told to the listener after the return, with the first
// append, read or maintain(). kUnsupported: encrypted, and no key fits. Only at start and when a
// stream is made (then nothing is read).
Result<RecoveredStore> open_file_store(Disk& disk, const FileStoreOptions& options,
                                       MessageStore::Listener& listener);

}  // namespace petrel::store
