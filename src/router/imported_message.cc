#include "router/imported_message.h"

#include "petrel/router/delivery_batch.h"

#include <algorithm>

namespace petrel::router {

namespace {

constexpr Slice kHeaderLine = "NATS/1.0\r\n";
constexpr Slice kEnd = "\r\n";
constexpr Slice kInfoKey = "Nats-Request-Info";
constexpr Slice kTraceKey = "Nats-Trace-Dest";

// Where the value of the first line with this key begins; npos: there is none.
size_t find_value(const std::string& block, Slice key) {
  const std::string line = std::string(kEnd).append(key).append(":");
  const size_t at = block.find(line);
  if (at == std::string::npos) return at;
  return at + line.size() + (block[at + line.size()] == ' ' ? 1 : 0);
}

// Takes out every line with this key.
void remove_header(std::string& block, Slice key) {
  size_t from = 0;
  while (true) {
    const size_t at = block.find(key, from);
    if (at == std::string::npos) return;
    const bool is_line = at >= 2 && block.compare(at - 2, 2, kEnd) == 0 &&
                         at + key.size() < block.size() && block[at + key.size()] == ':';
    if (!is_line) {
      from = at + key.size();
      continue;
    }
    const size_t end = block.find(kEnd, at);
    if (end == std::string::npos) return;
    block.erase(at, end + kEnd.size() - at);
    from = at - 2;
  }
}

std::string with_header(Slice header, Slice key, const std::string& value) {
  std::string block(header.size() > kEnd.size() ? header.substr(0, header.size() - kEnd.size())
                                                : kHeaderLine);
  remove_header(block, key);
  block.append(key).append(": ").append(value).append("\r\n\r\n");
  return block;
}

void set_trace(std::string& header, const ImportedHeaders& wanted) {
  const size_t at = wanted.replaces_trace ? find_value(header, kTraceKey) : std::string::npos;
  const size_t end = at == std::string::npos ? at : header.find(kEnd, at);
  if (end == std::string::npos) {
    header = with_header(header, kTraceKey, wanted.trace_destination);
  } else {
    header.replace(at, end - at, wanted.trace_destination);
  }
}

}  // namespace

ImportedMessage::ImportedMessage(const Message& original, Slice subject, Slice reply,
                                 const ImportedHeaders& headers) {
  message_ = original;
  message_.subject = subject;
  std::string header(original.body().substr(0, original.header_bytes));
  if (!headers.info.empty()) header = with_header(header, kInfoKey, headers.info);
  if (!headers.trace_destination.empty()) set_trace(header, headers);
  const bool is_changed = !headers.info.empty() || !headers.trace_destination.empty();
  if (is_changed || reply != original.reply()) rebuild(original, reply, header);
}

void ImportedMessage::rebuild(const Message& original, Slice reply, const std::string& header) {
  const Slice payload = original.body().substr(original.header_bytes);
  std::string head(reply);
  if (!reply.empty()) head.push_back(' ');
  const size_t sizes_at = head.size();
  if (!header.empty()) head.append(std::to_string(header.size())).push_back(' ');
  head.append(std::to_string(header.size() + payload.size()));
  message_.reply_bytes = static_cast<uint32_t>(reply.size());
  message_.sizes_bytes = static_cast<uint32_t>(head.size() - sizes_at);
  message_.header_bytes = static_cast<uint32_t>(header.size());
  head.append(kEnd).append(header);
  const size_t size = head.size() + payload.size() + kEnd.size();
  if (size <= DeliveryBatch::kCopyBytesMax) {
    text_.reserve(size);
    text_.append(head).append(payload).append(kEnd);
    message_.tail = text_;
    message_.block = nullptr;
    return;
  }
  block_ = BlockRef::allocate(static_cast<uint32_t>(size));
  char* at = std::copy(head.begin(), head.end(), block_->bytes());
  at = std::copy(payload.begin(), payload.end(), at);
  std::copy(kEnd.begin(), kEnd.end(), at);
  message_.tail = Slice(block_->bytes(), size);
  message_.block = &block_;
}

}  // namespace petrel::router
