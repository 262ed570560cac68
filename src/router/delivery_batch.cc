#include "petrel/router/delivery_batch.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cstring>

namespace petrel::router {

struct DeliveryBatch::Header {
  AccountInterest* account;
  const char* tail;  // referenced message, null when it stands in the record
  ConnectionHandle publisher;
  uint32_t target_count;
  uint32_t queue_bytes;
  uint32_t subject_bytes;
  uint32_t tail_bytes;
  uint32_t reply_bytes;
  uint32_t sizes_bytes;
  uint32_t header_bytes;
  uint32_t block_index;  // in referenced_
};

namespace {
constexpr size_t align_up(size_t n) {
  return (n + 7) & ~size_t{7};
}

void put(char*& at, const void* from, size_t bytes) {
  std::memcpy(at, from, bytes);
  at += bytes;
}
}  // namespace

char* DeliveryBatch::reserve(size_t bytes) {
  if (chunks_.empty() || chunks_.back().block->capacity() - chunks_.back().used < bytes) {
    Chunk chunk;
    chunk.block = bytes <= pool_->block_bytes() ? pool_->take()
                                                : BlockRef::allocate(static_cast<uint32_t>(bytes));
    chunks_.push_back(std::move(chunk));
  }
  Chunk& chunk = chunks_.back();
  char* at = chunk.block->bytes() + chunk.used;
  chunk.used += static_cast<uint32_t>(bytes);
  charged_bytes_ += bytes;
  return at;
}

void DeliveryBatch::add(AccountInterest& account, const Message& message,
                        ConnectionHandle publisher, std::span<const Target> targets, Slice queue) {
  PETREL_DCHECK(targets.size() <= kTargetsMax);
  const bool by_reference = message.tail.size() > kCopyBytesMax && message.block != nullptr;
  Header header{};
  header.account = &account;
  header.publisher = publisher;
  header.target_count = static_cast<uint32_t>(targets.size());
  header.queue_bytes = static_cast<uint32_t>(queue.size());
  header.subject_bytes = static_cast<uint32_t>(message.subject.size());
  header.tail_bytes = static_cast<uint32_t>(message.tail.size());
  header.reply_bytes = message.reply_bytes;
  header.sizes_bytes = message.sizes_bytes;
  header.header_bytes = message.header_bytes;
  if (by_reference) {
    header.tail = message.tail.data();
    if (referenced_.empty() || &*referenced_.back() != &**message.block) {
      referenced_.push_back(*message.block);
    }
    header.block_index = static_cast<uint32_t>(referenced_.size() - 1);
    charged_bytes_ += message.tail.size();
  }
  const size_t bytes = sizeof(Header) + targets.size_bytes() + queue.size() +
                       message.subject.size() + (by_reference ? 0 : message.tail.size());
  char* at = reserve(align_up(bytes));
  put(at, &header, sizeof(Header));
  put(at, targets.data(), targets.size_bytes());
  put(at, queue.data(), queue.size());
  put(at, message.subject.data(), message.subject.size());
  if (!by_reference) put(at, message.tail.data(), message.tail.size());
}

const char* DeliveryBatch::decode(const char* at, Record& record) const {
  const char* start = at;
  const auto* header = reinterpret_cast<const Header*>(at);
  at += sizeof(Header);
  record.account = header->account;
  record.publisher = header->publisher;
  record.targets = {reinterpret_cast<const Target*>(at), header->target_count};
  at += header->target_count * sizeof(Target);
  record.queue = Slice(at, header->queue_bytes);
  at += header->queue_bytes;
  record.message = Message{};
  record.message.subject = Slice(at, header->subject_bytes);
  at += header->subject_bytes;
  record.message.reply_bytes = header->reply_bytes;
  record.message.sizes_bytes = header->sizes_bytes;
  record.message.header_bytes = header->header_bytes;
  if (header->tail != nullptr) {
    record.message.tail = Slice(header->tail, header->tail_bytes);
    record.message.block = &referenced_[header->block_index];
  } else {
    record.message.tail = Slice(at, header->tail_bytes);
    at += header->tail_bytes;
  }
  return start + align_up(static_cast<size_t>(at - start));
}

}  // namespace petrel::router
