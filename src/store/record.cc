#include "store/record.h"

#include <cstring>

namespace petrel::store {
namespace {

template <typename T>
void put(char* out, T value) {
  std::memcpy(out, &value, sizeof(value));
}

template <typename T>
T get(const char* in) {
  T value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}

void copy(char* out, Slice bytes) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
}

}  // namespace

void write_record(const NewMessage& message, char* out) {
  const uint64_t total =
      record_bytes(message.subject.size(), message.header.size(), message.body.size());
  put(out, static_cast<uint32_t>(total));
  put(out + 4, uint32_t{0});
  put(out + 8, message.sequence);
  put(out + 16, message.time.ns);
  put(out + 24, static_cast<uint16_t>(message.subject.size()));
  put(out + 26, uint16_t{0});
  put(out + 28, static_cast<uint32_t>(message.header.size()));
  out += kRecordHeadBytes;
  copy(out, message.subject);
  out += message.subject.size();
  copy(out, message.header);
  copy(out + message.header.size(), message.body);
}

void view_record(Slice bytes, StoredMessage& message) {
  const char* in = bytes.data();
  const auto total = get<uint32_t>(in);
  message.sequence = get<uint64_t>(in + 8);
  message.time.ns = get<int64_t>(in + 16);
  const auto subject = get<uint16_t>(in + 24);
  const auto header = get<uint32_t>(in + 28);
  const Slice rest = bytes.substr(kRecordHeadBytes, total - kRecordHeadBytes);
  message.subject = rest.substr(0, subject);
  message.header = rest.substr(subject, header);
  message.body = rest.substr(size_t{subject} + header);
}

}  // namespace petrel::store
