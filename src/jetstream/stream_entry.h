// The entries of a stream's group: what is journaled, replicated and applied.
//
// Thread: pure functions and values, any thread. Numbers are little-endian; the first byte is the
// kind. Entries of a version that is not known are refused when read.
// Source: docs/formats/stream_entry.md.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace petrel::jetstream {

enum class EntryKind : uint8_t {
  kMessage = 1,
  kTogether = 2,        // entries that are applied as one: u32 length and bytes of each
  kPurge = 3,           // u64 sequence, u64 keep, filter
  kRemove = 4,          // u8 erase, u64 sequence
  kExpireBelow = 5,     // u64 sequence
  kExpire = 6,          // u64 sequences
  kSkip = 7,            // u64 first, u64 last, i64 time
  kUpdate = 8,          // configuration as JSON
  kConsumer = 9,        // i64 created, u16 name length, name, configuration as JSON
  kConsumerGone = 10,   // name
  kConsumerState = 11,  // u64 id of the consumer, bytes
  kConsumerPause = 12,  // u64 id, i64 until
  kConsumerReset = 13,  // u64 id, u64 sequence
  kReleased = 15,       // u64 numbers of delayed messages that became part of the stream
  kGone = 14,           // the stream was deleted
};

namespace message_flag {
inline constexpr uint8_t kSkipped = 1;  // no interest: only the sequence is used up
inline constexpr uint8_t kRollupSubject = 2;
inline constexpr uint8_t kRollupAll = 4;
inline constexpr uint8_t kHasId = 8;        // id_offset and id_bytes say where in the header
inline constexpr uint8_t kHasTtl = 16;      // ttl_seconds
inline constexpr uint8_t kHasMore = 32;     // apply looks into the header (schedules, sources, ...)
inline constexpr uint8_t kDelayed = 128;    // no sequence yet: kept until `due`
inline constexpr uint8_t kReplicated = 64;  // of a mirror: sequence and time are the origin's
}  // namespace message_flag

// In front of subject, header and body.
struct MessageHead {
  uint8_t kind = static_cast<uint8_t>(EntryKind::kMessage);
  uint8_t flags = 0;
  uint16_t subject_bytes = 0;
  uint32_t header_bytes = 0;
  uint64_t sequence = 0;
  int64_t time = 0;
  int64_t ttl_seconds = 0;  // -1: never
  int64_t due = 0;  // kHasMore: when a schedule fires, or a delayed message may be delivered
  uint32_t id_offset = 0;
  uint32_t id_bytes = 0;

  Slice bytes() const { return {reinterpret_cast<const char*>(this), sizeof(*this)}; }
};
static_assert(sizeof(MessageHead) == 48);

struct MessageEntry {
  MessageHead head;
  Slice subject;
  Slice header;
  Slice body;
  Slice id() const {
    return (head.flags & message_flag::kHasId) == 0 ? Slice()
                                                    : header.substr(head.id_offset, head.id_bytes);
  }
};

// False: not a whole message entry.
bool read_message(Slice entry, MessageEntry& message);

// Writes fields one after another.
class EntryWriter {
 public:
  explicit EntryWriter(EntryKind kind) { bytes_.push_back(static_cast<char>(kind)); }
  EntryWriter() = default;
  void u8(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u16(uint16_t value) { number(value); }
  void u32(uint32_t value) { number(value); }
  void u64(uint64_t value) { number(value); }
  void i64(int64_t value) { number(value); }
  void text(Slice text) { bytes_.append(text); }
  // u32 length, then the bytes.
  void sized(Slice text) {
    u32(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }
  Slice bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  template <typename T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  std::string bytes_;
};

// Reads them; what is beyond the end is zero and `is_ok` false from then on.
class EntryReader {
 public:
  explicit EntryReader(Slice bytes) : rest_(bytes) {}
  uint8_t u8() { return number<uint8_t>(); }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  int64_t i64() { return number<int64_t>(); }
  Slice text(size_t bytes);
  Slice sized() { return text(u32()); }
  Slice rest() {
    const Slice all = rest_;
    rest_ = {};
    return all;
  }
  bool is_ok() const { return is_ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  template <typename T>
  T number() {
    T value = 0;
    if (rest_.size() < sizeof(T)) {
      is_ok_ = false;
      rest_ = {};
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  Slice rest_;
  bool is_ok_ = true;
};

}  // namespace petrel::jetstream
