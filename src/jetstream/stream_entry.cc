#include "jetstream/stream_entry.h"

namespace petrel::jetstream {

bool read_message(Slice entry, MessageEntry& message) {
  if (entry.size() < sizeof(MessageHead)) return false;
  std::memcpy(&message.head, entry.data(), sizeof(MessageHead));
  const MessageHead& head = message.head;
  Slice rest = entry.substr(sizeof(MessageHead));
  if (rest.size() < size_t{head.subject_bytes} + head.header_bytes) return false;
  message.subject = rest.substr(0, head.subject_bytes);
  message.header = rest.substr(head.subject_bytes, head.header_bytes);
  message.body = rest.substr(size_t{head.subject_bytes} + head.header_bytes);
  return size_t{head.id_offset} + head.id_bytes <= head.header_bytes;
}

Slice EntryReader::text(size_t bytes) {
  if (rest_.size() < bytes) {
    is_ok_ = false;
    rest_ = {};
    return {};
  }
  const Slice found = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return found;
}

}  // namespace petrel::jetstream
