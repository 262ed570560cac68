#include "petrel/router/outbound.h"

#include <algorithm>
#include <bit>

namespace petrel::router {

BufferPool::~BufferPool() {
  for (auto& buffers : free_) {
    for (char* buffer : buffers) ::operator delete(buffer);
  }
}

namespace {
size_t class_of(size_t bytes) {
  return static_cast<size_t>(std::countr_zero(bytes)) -
         static_cast<size_t>(std::countr_zero(size_t{BufferPool::kMinBytes}));
}
size_t size_for(size_t bytes) {
  return std::bit_ceil(std::max<size_t>(bytes, BufferPool::kMinBytes));
}
}  // namespace

bool BufferPool::has(size_t bytes) const {
  const size_t index = class_of(size_for(bytes));
  return index < kClasses && !free_[index].empty();
}

char* BufferPool::take(size_t& bytes) {
  bytes = size_for(bytes);
  const size_t index = class_of(bytes);
  if (index < kClasses && !free_[index].empty()) {
    char* buffer = free_[index].back();
    free_[index].pop_back();
    return buffer;
  }
  return static_cast<char*>(::operator new(bytes));
}

void BufferPool::give_back(char* buffer, size_t bytes) {
  const size_t index = class_of(bytes);
  if (index < kClasses && (free_[index].size() + 1) * bytes <= kKeepBytes) {
    free_[index].push_back(buffer);
  } else {
    ::operator delete(buffer);
  }
}

void Outbound::grow(size_t bytes) {
  const size_t pending = end_ - begin_;
  const bool has_references = references_ != nullptr && !references_->empty();
  if (begin_ > 0 && !has_references && pending + bytes <= capacity_ && pending <= capacity_ / 2) {
    std::memmove(data_, data_ + begin_, pending);
    begin_ = 0;
    end_ = pending;
    return;
  }
  size_t capacity = std::max(end_ + bytes, capacity_ * 2);
  // Only what is there: many receivers of a little each need no more memory for it.
  if (data_ == nullptr && pool_.has(usual_bytes_)) {
    capacity = std::max<size_t>(capacity, usual_bytes_);
  }
  char* data = pool_.take(capacity);
  // Positions of references count from data_, so the bytes keep their offsets.
  if (pending > 0) std::memcpy(data + begin_, data_ + begin_, pending);
  if (data_ != nullptr) pool_.give_back(data_, capacity_);
  data_ = data;
  capacity_ = capacity;
}

void Outbound::append_reference(Slice bytes, const BlockRef& block) {
  if (references_ == nullptr) references_ = std::make_unique<std::vector<Reference>>();
  references_->push_back({end_, bytes, block});
  referenced_bytes_ += bytes.size();
}

size_t Outbound::gather(std::span<Slice> parts) const {
  size_t count = 0;
  size_t cursor = begin_;
  if (references_ != nullptr) {
    for (const Reference& reference : *references_) {
      if (count == parts.size()) return count;
      if (reference.position > cursor) {
        parts[count++] = Slice(data_ + cursor, reference.position - cursor);
        cursor = reference.position;
        if (count == parts.size()) return count;
      }
      parts[count++] = reference.bytes;
    }
  }
  if (cursor < end_ && count < parts.size()) parts[count++] = Slice(data_ + cursor, end_ - cursor);
  return count;
}

void Outbound::consume(size_t bytes) {
  if (references_ != nullptr && !references_->empty()) {
    size_t done = 0;  // references sent whole
    for (Reference& reference : *references_) {
      const size_t inline_bytes = std::min(bytes, reference.position - begin_);
      begin_ += inline_bytes;
      bytes -= inline_bytes;
      if (begin_ < reference.position) break;
      const size_t taken = std::min(bytes, reference.bytes.size());
      reference.bytes.remove_prefix(taken);
      referenced_bytes_ -= taken;
      bytes -= taken;
      if (!reference.bytes.empty()) break;
      ++done;
    }
    references_->erase(references_->begin(),
                       references_->begin() + static_cast<std::ptrdiff_t>(done));
  }
  begin_ += bytes;
  if (is_empty()) release_buffer();
}

void Outbound::drop_references() {
  if (references_ == nullptr) return;
  if (!references_->empty()) {
    std::array<Slice, 64> parts;
    size_t capacity = pending_bytes();
    const size_t pending = capacity;
    char* data = pool_.take(capacity);
    size_t at = 0;
    while (at < pending) {
      const size_t count = gather(parts);
      size_t round = 0;
      for (const Slice& part : std::span(parts).first(count)) {
        std::memcpy(data + at + round, part.data(), part.size());
        round += part.size();
      }
      at += round;
      if (at == pending) break;
      consume(round);
    }
    clear();
    data_ = data;
    capacity_ = capacity;
    end_ = pending;
  }
  references_.reset();
}

void Outbound::release_buffer() {
  usual_bytes_ = static_cast<uint32_t>(std::min(end_, kUsualBytesMax));
  if (data_ != nullptr) pool_.give_back(data_, capacity_);
  data_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

void Outbound::clear() {
  release_buffer();
  references_.reset();
  referenced_bytes_ = 0;
}

}  // namespace petrel::router
