#include "petrel/raft/wire.h"

#include "raft/checksum.h"
#include "raft/varint.h"
#include "raft/wire_format.h"

#include <cstring>
#include <utility>

namespace petrel::raft {

namespace {

void put_number(std::string& out, uint64_t field, uint64_t value) {
  if (value == 0) return;
  put_varint(out, field * 2);
  put_varint(out, value);
}

void put_bytes(std::string& out, uint64_t field, Slice bytes) {
  put_varint(out, field * 2 + 1);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_u32(std::string& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t get_u32(Slice bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

// One field of any kind: its number and either a value or bytes.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;
  Slice bytes;
  bool is_bytes = false;
};

Field next_field(VarintReader& reader) {
  Field field;
  const uint64_t key = reader.varint();
  field.number = key / 2;
  field.is_bytes = (key & 1) != 0;
  field.value = reader.varint();
  if (field.is_bytes) field.bytes = reader.bytes(field.value);
  return field;
}

std::string encode_entry(const Entry& entry) {
  std::string out;
  out.reserve(entry.data.size() + 32);
  put_number(out, wire::kEntryTerm, entry.term);
  put_number(out, wire::kEntryIndex, entry.index);
  put_number(out, wire::kEntryKind, static_cast<uint64_t>(entry.kind));
  if (entry.data.size() > 0) put_bytes(out, wire::kEntryData, entry.data.bytes());
  return out;
}

std::string encode_chunk(const SnapshotChunk& chunk) {
  std::string out;
  put_number(out, wire::kChunkIndex, chunk.meta.index);
  put_number(out, wire::kChunkTerm, chunk.meta.term);
  put_number(out, wire::kChunkId, chunk.meta.id);
  put_bytes(out, wire::kChunkMembership, chunk.meta.membership.encode());
  put_number(out, wire::kChunkOffset, chunk.offset);
  put_number(out, wire::kChunkLast, chunk.last ? 1 : 0);
  put_bytes(out, wire::kChunkBytes, chunk.bytes.bytes());
  return out;
}

std::string encode_message(const Message& message) {
  std::string out;
  put_number(out, wire::kKind, static_cast<uint64_t>(message.kind));
  put_number(out, wire::kFlags, message.flags);
  put_number(out, wire::kIncarnation, message.incarnation);
  put_number(out, wire::kGroup, message.group);
  put_number(out, wire::kTerm, message.term);
  put_number(out, wire::kLogTerm, message.log_term);
  put_number(out, wire::kIndex, message.index);
  put_number(out, wire::kCommit, message.commit);
  put_number(out, wire::kLast, message.last);
  put_number(out, wire::kRound, message.round);
  put_number(out, wire::kSentNs, static_cast<uint64_t>(message.sent_ns));
  put_number(out, wire::kContext, message.context);
  for (const Entry& entry : message.entries) put_bytes(out, wire::kEntry, encode_entry(entry));
  if (message.chunk != nullptr) put_bytes(out, wire::kChunk, encode_chunk(*message.chunk));
  return out;
}

// Reads one frame; payloads refer to the block when there is one.
class FrameReader {
 public:
  explicit FrameReader(const BlockRef& block) : block_(block) {}

  Result<Frame> read_body(Slice body) {
    Frame frame;
    VarintReader reader(body);
    while (reader.is_ok() && !reader.is_at_end()) {
      const Field field = next_field(reader);
      switch (field.number) {
        case wire::kEpoch:
          frame.info.epoch = field.value;
          break;
        case wire::kBeat:
          frame.info.beat = field.value;
          break;
        case wire::kFrom:
          frame.info.from = field.value;
          break;
        case wire::kTo:
          frame.info.to = field.value;
          break;
        case wire::kMessage:
          if (frame.messages.size() >= kFrameMessagesMax) return Error{Errc::kOutOfRange};
          if (!field.is_bytes) return Error{Errc::kCorrupt};
          frame.messages.emplace_back();
          if (!read_message(field.bytes, frame.messages.back())) return Error{Errc::kCorrupt};
          break;
        default:
          break;
      }
    }
    if (!reader.is_ok()) return Error{Errc::kCorrupt};
    for (Message& message : frame.messages) {
      message.from = frame.info.from;
      message.to = frame.info.to;
    }
    return frame;
  }

 private:
  Payload payload(Slice bytes) const {
    if (bytes.empty()) return {};
    return block_ ? Payload(block_, bytes) : Payload::copy_of(bytes);
  }

  // Where a plain number of a message goes; null for fields that are none.
  static uint64_t* number_of(Message& message, uint64_t field) {
    switch (field) {
      case wire::kGroup:
        return &message.group;
      case wire::kTerm:
        return &message.term;
      case wire::kLogTerm:
        return &message.log_term;
      case wire::kIndex:
        return &message.index;
      case wire::kCommit:
        return &message.commit;
      case wire::kLast:
        return &message.last;
      case wire::kRound:
        return &message.round;
      case wire::kContext:
        return &message.context;
      default:
        return nullptr;
    }
  }

  bool read_message(Slice bytes, Message& message) const {
    message.kind = MessageKind{};
    VarintReader reader(bytes);
    while (reader.is_ok() && !reader.is_at_end()) {
      const Field field = next_field(reader);
      if (!reader.is_ok() || !read_message_field(field, message)) return false;
    }
    return reader.is_ok() && message.kind != MessageKind{};
  }

  bool read_message_field(const Field& field, Message& message) const {
    if (uint64_t* number = number_of(message, field.number)) {
      *number = field.value;
      return !field.is_bytes;
    }
    switch (field.number) {
      case wire::kKind:
        message.kind = static_cast<MessageKind>(field.value);
        return !field.is_bytes && field.value >= 1 && field.value <= kMessageKindMax;
      case wire::kFlags:
        message.flags = static_cast<uint8_t>(field.value);
        return !field.is_bytes && field.value <= UINT8_MAX;
      case wire::kIncarnation:
        message.incarnation = static_cast<Incarnation>(field.value);
        return !field.is_bytes && field.value <= UINT32_MAX;
      case wire::kSentNs:
        message.sent_ns = static_cast<int64_t>(field.value);
        return !field.is_bytes && field.value <= INT64_MAX;
      case wire::kEntry:
        if (!field.is_bytes || message.entries.size() >= kMessageEntriesMax) return false;
        message.entries.emplace_back();
        return read_entry(field.bytes, message.entries.back());
      case wire::kChunk:
        message.chunk = std::make_unique<SnapshotChunk>();
        return field.is_bytes && read_chunk(field.bytes, *message.chunk);
      default:
        return true;  // of a later version
    }
  }

  bool read_entry(Slice bytes, Entry& entry) const {
    VarintReader reader(bytes);
    uint64_t kind = 0;
    while (reader.is_ok() && !reader.is_at_end()) {
      const Field field = next_field(reader);
      switch (field.number) {
        case wire::kEntryTerm:
          entry.term = field.value;
          break;
        case wire::kEntryIndex:
          entry.index = field.value;
          break;
        case wire::kEntryKind:
          kind = field.value;
          break;
        case wire::kEntryData:
          if (field.bytes.size() > kPayloadBytesMax) return false;
          entry.data = payload(field.bytes);
          break;
        default:
          break;
      }
    }
    entry.kind = static_cast<EntryKind>(kind);
    return reader.is_ok() && kind <= static_cast<uint64_t>(EntryKind::kMembership);
  }

  bool read_chunk(Slice bytes, SnapshotChunk& chunk) const {
    VarintReader reader(bytes);
    while (reader.is_ok() && !reader.is_at_end()) {
      const Field field = next_field(reader);
      switch (field.number) {
        case wire::kChunkIndex:
          chunk.meta.index = field.value;
          break;
        case wire::kChunkTerm:
          chunk.meta.term = field.value;
          break;
        case wire::kChunkId:
          chunk.meta.id = field.value;
          break;
        case wire::kChunkMembership: {
          Result<Membership> membership = Membership::decode(field.bytes);
          if (!membership) return false;
          chunk.meta.membership = *std::move(membership);
          break;
        }
        case wire::kChunkOffset:
          chunk.offset = field.value;
          break;
        case wire::kChunkLast:
          chunk.last = field.value != 0;
          break;
        case wire::kChunkBytes:
          chunk.bytes = payload(field.bytes);
          break;
        default:
          break;
      }
    }
    return reader.is_ok();
  }

  const BlockRef& block_;
};

}  // namespace

std::string encode_frame(std::span<const Message> messages, FrameInfo info) {
  if (info.from == kNoNode && !messages.empty()) {
    info.from = messages.front().from;
    info.to = messages.front().to;
  }
  std::string body;
  put_number(body, wire::kEpoch, info.epoch);
  put_number(body, wire::kBeat, info.beat);
  put_number(body, wire::kFrom, info.from);
  put_number(body, wire::kTo, info.to);
  for (const Message& message : messages) put_bytes(body, wire::kMessage, encode_message(message));
  std::string out;
  out.reserve(kFrameHeadBytes + body.size());
  put_u32(out, wire::kMagic);
  put_u32(out, wire::kVersion);  // three bytes reserved, zero
  put_u32(out, static_cast<uint32_t>(body.size()));
  put_u32(out, crc32c(body, crc32c(out)));
  out += body;
  return out;
}

Result<size_t> frame_bytes(Slice head) {
  if (get_u32(head, 0) != wire::kMagic) return Error{Errc::kCorrupt, "no frame"};
  if (static_cast<unsigned char>(head[4]) != wire::kVersion) {
    return Error{Errc::kUnsupported, "version of the frame"};
  }
  const uint32_t body = get_u32(head, 8);
  if (body > kFrameBytesMax) return Error{Errc::kOutOfRange, "frame too long"};
  return kFrameHeadBytes + body;
}

Result<Frame> decode_frame(const BlockRef& block, Slice bytes) {
  if (bytes.size() < kFrameHeadBytes) return Error{Errc::kCorrupt, "frame cut"};
  PETREL_TRY(const size_t length, frame_bytes(bytes));
  if (bytes.size() != length) return Error{Errc::kCorrupt, "frame cut"};
  const Slice body = bytes.substr(kFrameHeadBytes);
  if (crc32c(body, crc32c(bytes.substr(0, 12))) != get_u32(bytes, 12)) {
    return Error{Errc::kCorrupt, "checksum of the frame"};
  }
  return FrameReader(block).read_body(body);
}

}  // namespace petrel::raft
