#include "store/journal_format.h"

#include "store/byte_codec.h"

#include "petrel/base/check.h"
#include "petrel/base/crc32c.h"

#include <sodium.h>

#include <algorithm>

namespace petrel::store {

namespace {

constexpr Slice kMagic = "PTRLJNL1";
constexpr uint16_t kRecordMagic = 0x5250;
constexpr uint8_t kEndsBatch = 1;
constexpr uint8_t kBeginsBatch = 2;
constexpr uint8_t kEncrypted = 4;

// Offsets in the header of a record: crc u32, bytes u32, group u64, index u64, batch u64, term u32,
// magic u16, kind u8, flags u8.
constexpr size_t kBytesAt = 4;
constexpr size_t kGroupAt = 8;
constexpr size_t kIndexAt = 16;
constexpr size_t kBatchAt = 24;
constexpr size_t kTermAt = 32;
constexpr size_t kMagicAt = 36;
constexpr size_t kKindAt = 38;
constexpr size_t kFlagsAt = 39;

// An encrypted body: u64 counter of the nonce, cipher text, tag.
constexpr size_t kCounterBytes = 8;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
static_assert(kSeedBytes + kCounterBytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);

const unsigned char* as_bytes(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

// What an encrypted body is bound to: group, index, and the term with kind.
std::string about(const JournalRecord& record) {
  ByteWriter out;
  out.fixed(record.group);
  out.fixed(record.index);
  out.fixed(static_cast<uint32_t>(record.term));
  out.fixed(record.kind);
  return out.take();
}

bool decrypt(const JournalRecord& record, const std::string& seed,
             const std::vector<std::string>& keys, std::string& body) {
  if (seed.empty() || record.bytes.size() < kCounterBytes + kTagBytes) return false;
  const std::string nonce = seed + std::string(record.bytes.substr(0, kCounterBytes));
  const Slice cipher = record.bytes.substr(kCounterBytes);
  const std::string bound = about(record);
  body.resize(cipher.size() - kTagBytes);
  for (const std::string& key : keys) {
    if (key.size() != kKeyBytes) continue;
    unsigned long long written = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            reinterpret_cast<unsigned char*>(body.data()), &written, nullptr,
            as_bytes(cipher.data()), cipher.size(), as_bytes(bound.data()), bound.size(),
            as_bytes(nonce.data()), as_bytes(key.data())) == 0) {
      return true;
    }
  }
  return false;
}

struct Record {
  JournalRecord record;
  uint64_t batch = 0;
  uint8_t flags = 0;
  size_t bytes = 0;  // with its header
};

uint32_t checksum(Slice record, uint64_t salt, uint64_t offset) {
  char where[2 * sizeof(uint64_t)];
  store_le(where, salt);
  store_le(where + sizeof(salt), offset);
  return crc32c(record.substr(kBytesAt), crc32c(Slice(where, sizeof(where))));
}

// False: no valid record begins at `offset` of the file.
bool read_record(Slice file, uint64_t salt, size_t offset, Record& out) {
  const Slice bytes = file.substr(offset);
  if (bytes.size() < kRecordHeaderBytes) return false;
  if (load_le<uint16_t>(bytes.data() + kMagicAt) != kRecordMagic) return false;
  const auto length = load_le<uint32_t>(bytes.data() + kBytesAt);
  if (length > bytes.size() - kRecordHeaderBytes) return false;
  const Slice whole = bytes.substr(0, kRecordHeaderBytes + length);
  if (load_le<uint32_t>(whole.data()) != checksum(whole, salt, offset)) return false;
  out.record.group = load_le<uint64_t>(whole.data() + kGroupAt);
  out.record.index = load_le<uint64_t>(whole.data() + kIndexAt);
  out.record.term = load_le<uint32_t>(whole.data() + kTermAt);
  out.record.kind = static_cast<uint8_t>(whole[kKindAt]);
  out.record.bytes = whole.substr(kRecordHeaderBytes);
  out.batch = load_le<uint64_t>(whole.data() + kBatchAt);
  out.flags = static_cast<uint8_t>(whole[kFlagsAt]);
  out.bytes = whole.size();
  return true;
}

// Whether a batch begins anywhere behind a place that cannot be read: what stood there was on disk
// before that one was written.
bool begins_behind(Slice file, uint64_t salt, size_t offset) {
  for (size_t at = offset + kSectorBytes; at < file.size(); at += kSectorBytes) {
    Record record;
    if (read_record(file, salt, at, record) && (record.flags & kBeginsBatch) != 0) return true;
  }
  return false;
}

Error damaged_at(size_t offset) {
  return {Errc::kCorrupt, "damaged record at offset " + std::to_string(offset)};
}

// Reads the batch that begins at `at` and moves it behind. False: it is not whole.
bool read_batch(Slice file, uint64_t salt, size_t& at, std::vector<Record>& batch) {
  batch.clear();
  size_t end = at;
  while (end < file.size()) {
    Record record;
    if (!read_record(file, salt, end, record)) return false;
    if (((record.flags & kBeginsBatch) != 0) != batch.empty()) return false;
    if (!batch.empty() && batch.front().batch != record.batch) return false;
    end += record.bytes;
    batch.push_back(record);
    if ((record.flags & kEndsBatch) == 0) continue;
    at = std::min<size_t>(round_to_sector(end), file.size());
    return true;
  }
  return false;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  ByteWriter out;
  out.raw(kMagic.data(), kMagic.size());
  out.fixed(header.journal);
  out.fixed(header.number);
  out.fixed(header.bytes);
  out.fixed(header.loop);
  out.fixed(static_cast<uint8_t>(header.seed.empty() ? 0 : 1));
  std::string text = out.take() + header.seed;
  text.resize(kSegmentHeaderBytes - sizeof(uint32_t), '\0');
  char crc[sizeof(uint32_t)];
  store_le(crc, crc32c(text));
  return text.append(crc, sizeof(crc));
}

Result<SegmentHeader> decode_segment_header(Slice bytes) {
  if (bytes.find_first_not_of('\0') == Slice::npos) {
    return Error{Errc::kNotFound, "nothing was written to it"};
  }
  const Slice header = bytes.substr(0, std::min(bytes.size(), kSegmentHeaderBytes));
  const size_t checked = kSegmentHeaderBytes - sizeof(uint32_t);
  if (header.size() < kSegmentHeaderBytes ||
      load_le<uint32_t>(header.data() + checked) != crc32c(header.substr(0, checked))) {
    return Error{Errc::kCorrupt, "segment header is damaged at offset 0"};
  }
  ByteReader in(header);
  if (in.raw(kMagic.size()) != kMagic) {
    return Error{Errc::kCorrupt, "segment of an unknown format"};
  }
  SegmentHeader out;
  out.journal = in.fixed<uint64_t>();
  out.number = in.fixed<uint64_t>();
  out.bytes = in.fixed<uint64_t>();
  out.loop = in.fixed<uint16_t>();
  if (in.fixed<uint8_t>() != 0) out.seed = in.raw(kSeedBytes);
  return out;
}

uint64_t salt_of(const SegmentHeader& header) {
  return header.number ^ (header.seed.empty() ? 0 : load_le<uint64_t>(header.seed.data()));
}

size_t RecordWriter::bytes_of(const JournalRecord& record) const {
  const size_t extra = key_.empty() ? 0 : kCounterBytes + kTagBytes;
  return kRecordHeaderBytes + record.bytes.size() + extra;
}

void RecordWriter::append(std::string& out, const JournalRecord& record) {
  char header[kRecordHeaderBytes] = {};
  const size_t bytes = bytes_of(record);
  store_le(header + kBytesAt, static_cast<uint32_t>(bytes - kRecordHeaderBytes));
  store_le(header + kGroupAt, record.group);
  store_le(header + kIndexAt, record.index);
  store_le(header + kTermAt, static_cast<uint32_t>(record.term));
  store_le(header + kMagicAt, kRecordMagic);
  header[kKindAt] = static_cast<char>(record.kind);
  header[kFlagsAt] = static_cast<char>(key_.empty() ? 0 : kEncrypted);
  out.append(header, sizeof(header));
  if (key_.empty()) {
    out.append(record.bytes);
    return;
  }
  PETREL_CHECK(key_.size() == kKeyBytes && seed_.size() == kSeedBytes);
  char counter[kCounterBytes];
  store_le(counter, ++encrypted_);
  out.append(counter, sizeof(counter));
  const size_t begin = out.size();
  out.resize(begin + record.bytes.size() + kTagBytes);
  const std::string nonce = seed_ + std::string(counter, sizeof(counter));
  const std::string bound = about(record);
  unsigned long long written = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      reinterpret_cast<unsigned char*>(out.data() + begin), &written, as_bytes(record.bytes.data()),
      record.bytes.size(), as_bytes(bound.data()), bound.size(), nullptr, as_bytes(nonce.data()),
      as_bytes(key_.data()));
}

size_t record_bytes(Slice bytes) {
  return kRecordHeaderBytes + load_le<uint32_t>(bytes.data() + kBytesAt);
}

RecordName seal_record(char* record, const RecordPlace& place) {
  store_le(record + kBatchAt, place.batch);
  auto flags = static_cast<uint8_t>(static_cast<uint8_t>(record[kFlagsAt]) & kEncrypted);
  if (place.begins_batch) flags |= kBeginsBatch;
  if (place.ends_batch) flags |= kEndsBatch;
  record[kFlagsAt] = static_cast<char>(flags);
  const size_t bytes = record_bytes(Slice(record, kRecordHeaderBytes));
  store_le(record, checksum(Slice(record, bytes), place.salt, place.offset));
  return {load_le<uint64_t>(record + kGroupAt), load_le<uint64_t>(record + kIndexAt)};
}

Result<SegmentContent> read_segment(Slice bytes, const SegmentHeader& header,
                                    const std::vector<std::string>& keys,
                                    const std::function<void(const JournalRecord&)>& visit) {
  SegmentContent content;
  std::vector<Record> batch;
  std::string body;
  size_t at = kSegmentHeaderBytes;
  const uint64_t salt = salt_of(header);
  if (bytes.size() < header.bytes) return damaged_at(bytes.size());
  while (read_batch(bytes, salt, at, batch)) {
    const uint64_t number = batch.front().batch;
    if (content.first_batch == 0) content.first_batch = number;
    if (number != content.first_batch && number != content.last_batch + 1) return damaged_at(at);
    content.last_batch = number;
    for (Record& each : batch) {
      if ((each.flags & kEncrypted) != 0) {
        if (!decrypt(each.record, header.seed, keys, body)) {
          return Error{Errc::kCorrupt, "records cannot be decrypted with the given key"};
        }
        each.record.bytes = body;
      }
      visit(each.record);
    }
  }
  content.end = at;
  content.has_torn_batch = !batch.empty();
  // A batch is written only when the one before it is on disk.
  if (begins_behind(bytes, salt, at)) return damaged_at(at);
  return content;
}

}  // namespace petrel::store
