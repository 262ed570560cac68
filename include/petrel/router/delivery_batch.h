// DeliveryBatch: all deliveries of one turn from one loop to another, posted at once.
//
// A batch is a row of records packed into blocks; each holds a message once and the subscriptions
// that want it. Small messages are copied in, large ones referenced.
// Owner: the writing loop until it is posted, then the reading loop. Values only, no pointers into
// a loop. Blocks go back to the pool of the writer from any thread.
#pragma once

#include "petrel/base/block.h"
#include "petrel/router/message.h"
#include "petrel/router/receiver.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace petrel::router {

struct Target {
  uint32_t slot;
  uint32_t generation;
};

class DeliveryBatch {
 public:
  // Messages above this size are referenced, not copied.
  static constexpr size_t kCopyBytesMax = 2048;
  static constexpr size_t kTargetsMax = 4096;
  static constexpr uint32_t kBlockBytes = 64 * 1024;

  explicit DeliveryBatch(std::shared_ptr<BlockPool> pool) : pool_(std::move(pool)) {}

  // REQUIRES: targets.size() <= kTargetsMax. `queue` is set when the one target was picked from a
  // queue group and another member may take its place.
  void add(AccountInterest& account, const Message& message, ConnectionHandle publisher,
           std::span<const Target> targets, Slice queue);

  struct Record {
    AccountInterest* account;
    ConnectionHandle publisher;
    std::span<const Target> targets;
    Slice queue;
    Message message;
  };
  // Calls `handle` for each record in order.
  template <typename Handler>
  void for_each(Handler&& handle) const {
    for (const Chunk& chunk : chunks_) {
      const char* at = chunk.block->bytes();
      const char* end = at + chunk.used;
      while (at < end) {
        Record record;
        at = decode(at, record);
        handle(record);
      }
    }
  }

  bool is_empty() const { return chunks_.empty(); }
  // What the batch keeps alive, charged to the destination's inbox.
  size_t charged_bytes() const { return charged_bytes_; }

 private:
  struct Header;
  struct Chunk {
    BlockRef block;
    uint32_t used = 0;
  };
  char* reserve(size_t bytes);
  const char* decode(const char* at, Record& record) const;

  std::shared_ptr<BlockPool> pool_;
  std::vector<Chunk> chunks_;
  std::vector<BlockRef> referenced_;
  size_t charged_bytes_ = 0;
};

}  // namespace petrel::router
