#include "petrel/router/delivery_batch.h"

#include "petrel/base/check.h"
#include "petrel/base/same_bytes.h"

#include <algorithm>
#include <cstring>

namespace petrel::router {

// Followed by the targets, the queue name, the subject (padded) and the messages.
struct DeliveryBatch::RunHeader {
  AccountInterest* account;
  ConnectionHandle publisher;
  uint32_t target_count;
  uint32_t queue_bytes;
  uint32_t subject_bytes;
  uint32_t message_count;

  const Target* targets() const { return reinterpret_cast<const Target*>(this + 1); }
  const char* names() const { return reinterpret_cast<const char*>(targets() + target_count); }
  Slice queue() const { return {names(), queue_bytes}; }
  Slice subject() const { return {names() + queue_bytes, subject_bytes}; }
};

// Followed by the tail (padded) or a Reference.
struct DeliveryBatch::MessageHeader {
  uint32_t tail_bytes;
  uint32_t header_bytes;
  uint32_t reply_bytes;
  uint16_t sizes_bytes;
  uint16_t is_reference;
};

struct DeliveryBatch::Reference {
  const char* tail;
  uint64_t block_index;  // in referenced_
};

namespace {

constexpr size_t padded(size_t n) {
  return (n + 7) & ~size_t{7};
}

void put(char*& at, const void* from, size_t bytes) {
  if (bytes == 0) return;  // an empty slice may have no address
  std::memcpy(at, from, bytes);
  at += bytes;
}

}  // namespace

void DeliveryBatch::add(const Delivery& delivery, const Message& message) {
  PETREL_DCHECK(delivery.targets.size() <= kTargetsMax);
  const bool by_reference = message.tail.size() > kCopyBytesMax && message.block != nullptr;
  const size_t bytes =
      sizeof(MessageHeader) + (by_reference ? sizeof(Reference) : padded(message.tail.size()));
  if (!extends_last_run(delivery, message, bytes)) begin_run(delivery, message, bytes);
  ++reinterpret_cast<RunHeader*>(last_run_)->message_count;
  add_message(message, by_reference);
}

bool DeliveryBatch::extends_last_run(const Delivery& delivery, const Message& message,
                                     size_t message_bytes) const {
  if (last_run_ == nullptr) return false;
  const Chunk& chunk = chunks_.back();
  const auto* run = reinterpret_cast<const RunHeader*>(last_run_);
  return chunk.block->capacity() - chunk.used >= message_bytes &&
         run->account == delivery.account && run->publisher == delivery.publisher &&
         run->target_count == delivery.targets.size() &&
         same_bytes(run->subject(), message.subject) && run->queue() == delivery.queue &&
         std::memcmp(run->targets(), delivery.targets.data(), delivery.targets.size_bytes()) == 0;
}

void DeliveryBatch::begin_run(const Delivery& delivery, const Message& message,
                              size_t message_bytes) {
  const size_t bytes = sizeof(RunHeader) + delivery.targets.size_bytes() +
                       padded(delivery.queue.size() + message.subject.size());
  const size_t wanted = bytes + message_bytes;
  if (chunks_.empty() || chunks_.back().block->capacity() - chunks_.back().used < wanted) {
    Chunk chunk;
    chunk.block = wanted <= pool_->block_bytes()
                      ? pool_->take()
                      : BlockRef::allocate(static_cast<uint32_t>(wanted));
    chunks_.push_back(std::move(chunk));
  }
  Chunk& chunk = chunks_.back();
  last_run_ = chunk.block->bytes() + chunk.used;
  const RunHeader header{delivery.account,
                         delivery.publisher,
                         static_cast<uint32_t>(delivery.targets.size()),
                         static_cast<uint32_t>(delivery.queue.size()),
                         static_cast<uint32_t>(message.subject.size()),
                         0};
  char* at = last_run_;
  put(at, &header, sizeof(RunHeader));
  put(at, delivery.targets.data(), delivery.targets.size_bytes());
  put(at, delivery.queue.data(), delivery.queue.size());
  put(at, message.subject.data(), message.subject.size());
  chunk.used += static_cast<uint32_t>(bytes);
  charged_bytes_ += bytes;
}

void DeliveryBatch::add_message(const Message& message, bool by_reference) {
  Chunk& chunk = chunks_.back();
  char* at = chunk.block->bytes() + chunk.used;
  const MessageHeader header{static_cast<uint32_t>(message.tail.size()), message.header_bytes,
                             message.reply_bytes, static_cast<uint16_t>(message.sizes_bytes),
                             static_cast<uint16_t>(by_reference ? 1 : 0)};
  put(at, &header, sizeof(MessageHeader));
  size_t bytes = sizeof(MessageHeader);
  if (by_reference) {
    if (referenced_.empty() || &*referenced_.back() != &**message.block) {
      referenced_.push_back(*message.block);
    }
    const Reference reference{message.tail.data(), referenced_.size() - 1};
    put(at, &reference, sizeof(Reference));
    bytes += sizeof(Reference);
    charged_bytes_ += message.tail.size();
  } else {
    put(at, message.tail.data(), message.tail.size());
    bytes += padded(message.tail.size());
  }
  chunk.used += static_cast<uint32_t>(bytes);
  charged_bytes_ += bytes;
}

DeliveryBatch::Run DeliveryBatch::open_run(const char* at) const {
  const auto* header = reinterpret_cast<const RunHeader*>(at);
  Run run;
  run.batch_ = this;
  run.delivery_ = {header->account,
                   header->publisher,
                   {header->targets(), header->target_count},
                   header->queue()};
  run.subject_ = header->subject();
  run.left_ = header->message_count;
  run.at_ = header->names() + padded(header->queue_bytes + header->subject_bytes);
  return run;
}

bool DeliveryBatch::Run::next(Message& message) {
  if (left_ == 0) return false;
  --left_;
  MessageHeader header;
  std::memcpy(&header, at_, sizeof header);
  at_ += sizeof header;
  message.subject = subject_;
  message.reply_bytes = header.reply_bytes;
  message.sizes_bytes = header.sizes_bytes;
  message.header_bytes = header.header_bytes;
  if (header.is_reference != 0) {
    Reference reference;
    std::memcpy(&reference, at_, sizeof reference);
    at_ += sizeof reference;
    message.tail = Slice(reference.tail, header.tail_bytes);
    message.block = &batch_->referenced_[reference.block_index];
  } else {
    message.tail = Slice(at_, header.tail_bytes);
    message.block = nullptr;
    at_ += padded(header.tail_bytes);
  }
  return true;
}

}  // namespace petrel::router
