#include "store/segment_format.h"

#include "store/byte_codec.h"

#include "petrel/base/crc32c.h"

#include <array>
#include <charconv>
#include <cstring>

namespace petrel::store {
namespace {

constexpr Slice kSegmentMagic = "PETRLSEG";
constexpr uint32_t kFrameMagic = 0x4d524650;  // "PFRM"
constexpr Slice kSuffix = ".seg";

}  // namespace

std::string encode_segment_head(uint64_t id) {
  ByteWriter out;
  out.raw(kSegmentMagic.data(), kSegmentMagic.size());
  out.fixed(kSegmentVersion);
  out.fixed(uint16_t{0});
  out.fixed(uint32_t{0});
  out.fixed(id);
  out.fixed(uint32_t{0});
  out.fixed(crc32c(out.bytes()));
  return out.take();
}

bool parse_segment_head(Slice bytes, uint64_t& id) {
  if (bytes.size() < kSegmentHeadBytes || bytes.substr(0, 8) != kSegmentMagic) return false;
  if (load_le<uint32_t>(bytes.data() + 28) != crc32c(bytes.substr(0, 28))) return false;
  id = load_le<uint64_t>(bytes.data() + 16);
  return load_le<uint16_t>(bytes.data() + 8) == kSegmentVersion;
}

void write_frame_head(const FrameHead& head, char* out) {
  std::memset(out, 0, kFrameHeadBytes);
  store_le(out, kFrameMagic);
  out[4] = static_cast<char>(head.kind);
  out[5] = static_cast<char>(head.encoding);
  store_le(out + 8, head.segment);
  store_le(out + 16, head.offset);
  store_le(out + 20, head.raw_bytes);
  store_le(out + 24, head.stored_bytes);
  store_le(out + 28, head.slot_bytes);
  store_le(out + 32, head.stored_crc);
  store_le(out + 44, crc32c({out, 44}));
}

bool parse_frame_head(Slice bytes, FrameHead& head) {
  if (bytes.size() < kFrameHeadBytes || load_le<uint32_t>(bytes.data()) != kFrameMagic) {
    return false;
  }
  if (load_le<uint32_t>(bytes.data() + 44) != crc32c(bytes.substr(0, 44))) return false;
  head.kind = static_cast<FrameKind>(bytes[4]);
  head.encoding = static_cast<uint8_t>(bytes[5]);
  head.segment = load_le<uint64_t>(bytes.data() + 8);
  head.offset = load_le<uint32_t>(bytes.data() + 16);
  head.raw_bytes = load_le<uint32_t>(bytes.data() + 20);
  head.stored_bytes = load_le<uint32_t>(bytes.data() + 24);
  head.slot_bytes = load_le<uint32_t>(bytes.data() + 28);
  head.stored_crc = load_le<uint32_t>(bytes.data() + 32);
  return head.stored_bytes <= head.slot_bytes;
}

std::string segment_file_name(uint64_t id) {
  return std::to_string(id) + std::string(kSuffix);
}

uint64_t parse_segment_file_name(Slice name) {
  if (!name.ends_with(kSuffix)) return 0;
  name.remove_suffix(kSuffix.size());
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  return error == std::errc{} && end == name.data() + name.size() ? id : 0;
}

void seal_record(char* record) {
  const auto bytes = load_le<uint32_t>(record);
  store_le(record + 4, crc32c({record + 8, bytes - 8}, crc32c({record, 4})));
}

bool parse_record(Slice bytes, RecordView& record) {
  if (bytes.size() < kRecordHeadBytes) return false;
  const auto length = load_le<uint32_t>(bytes.data());
  if (length < kRecordHeadBytes || length > bytes.size()) return false;
  const auto crc = load_le<uint32_t>(bytes.data() + 4);
  if (crc32c(bytes.substr(8, length - 8), crc32c(bytes.substr(0, 4))) != crc) return false;
  const uint64_t named = uint64_t{load_le<uint16_t>(bytes.data() + 24)} +
                         load_le<uint32_t>(bytes.data() + 28) + kRecordHeadBytes;
  if (named > length) return false;
  view_record(bytes, record.message);
  record.bytes = length;
  return true;
}

}  // namespace petrel::store
