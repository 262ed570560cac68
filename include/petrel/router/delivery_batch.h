// DeliveryBatch: all deliveries of one turn from one loop to another, posted at once.
//
// A batch is a row of runs packed into blocks. A run says once who gets the messages (subscriptions
// by name) under which subject, and holds the messages that follow each other with the same answer.
// Small messages are copied in, large ones referenced.
// Owner: the writing loop until it is posted, then the reading loop. Values only, no pointers into
// a loop. Blocks go back to the pool of the writer from any thread.
#pragma once

#include "petrel/base/block.h"
#include "petrel/router/message.h"
#include "petrel/router/receiver.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace petrel::router {

struct Target {
  uint32_t slot;
  uint32_t generation;
};

// Who gets a message on the other loop.
struct Delivery {
  AccountInterest* account = nullptr;
  ConnectionHandle publisher;
  std::span<const Target> targets;
  Slice queue;  // set when the one target was picked from a queue group: another may take its place
};

class DeliveryBatch {
 public:
  // Messages above this size are referenced, not copied.
  static constexpr size_t kCopyBytesMax = 2048;
  static constexpr size_t kTargetsMax = 4096;
  static constexpr uint32_t kBlockBytes = 64 * 1024;

  explicit DeliveryBatch(std::shared_ptr<BlockPool> pool) : pool_(std::move(pool)) {}

  // REQUIRES: targets.size() <= kTargetsMax.
  void add(const Delivery& delivery, const Message& message);

  // The messages of one run, in order.
  class Run {
   public:
    const Delivery& delivery() const { return delivery_; }
    Slice subject() const { return subject_; }
    uint32_t size() const { return left_; }
    bool next(Message& message);

   private:
    friend class DeliveryBatch;
    const DeliveryBatch* batch_ = nullptr;
    Delivery delivery_;
    Slice subject_;
    const char* at_ = nullptr;
    uint32_t left_ = 0;
  };

  // Calls `handle(Run)` for each run in order. REQUIRES: it takes all messages of the run.
  template <typename Handler>
  void for_each_run(Handler&& handle) const {
    for (const Chunk& chunk : chunks_) {
      const char* at = chunk.block->bytes();
      const char* end = at + chunk.used;
      while (at < end) {
        Run run = open_run(at);
        handle(run);
        at = run.at_;
      }
    }
  }

  // What the batch keeps alive, charged to the destination's inbox.
  size_t charged_bytes() const { return charged_bytes_; }

 private:
  struct RunHeader;
  struct MessageHeader;
  struct Reference;
  struct Chunk {
    BlockRef block;
    uint32_t used = 0;
  };
  bool extends_last_run(const Delivery& delivery, const Message& message,
                        size_t message_bytes) const;
  void begin_run(const Delivery& delivery, const Message& message, size_t message_bytes);
  void add_message(const Message& message, bool by_reference);
  Run open_run(const char* at) const;

  std::shared_ptr<BlockPool> pool_;
  std::vector<Chunk> chunks_;
  std::vector<BlockRef> referenced_;
  char* last_run_ = nullptr;
  size_t charged_bytes_ = 0;
};

}  // namespace petrel::router
