// Message: one published message on its way to the subscribers, as views into the bytes it came in.
//
// Owner: the caller of Router::route, for the time of the call.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>

namespace petrel::router {

class Receiver;

struct Message {
  Slice subject;
  // "[reply ]sizes CRLF body CRLF": what follows "MSG subject sid " in a delivery.
  Slice tail;
  uint32_t reply_bytes = 0;         // 0: no reply subject
  uint32_t sizes_bytes = 0;         // digits of the size, or "header_size total_size"
  uint32_t header_bytes = 0;        // leading part of body
  const BlockRef* block = nullptr;  // where tail lies; null: it is to be copied
  Receiver* publisher = nullptr;    // null: came from another loop or from the server itself

  Slice reply() const { return tail.substr(0, reply_bytes); }
  Slice sizes() const { return tail.substr(sizes_offset(), sizes_bytes); }
  Slice body() const {
    const size_t start = sizes_offset() + sizes_bytes + 2;
    return tail.substr(start, tail.size() - start - 2);
  }
  uint32_t body_bytes() const {
    return static_cast<uint32_t>(tail.size() - sizes_offset() - sizes_bytes - 4);
  }

 private:
  size_t sizes_offset() const { return reply_bytes == 0 ? 0 : reply_bytes + 1; }
};

}  // namespace petrel::router
