// Checkpoint files: as they come, and with right checksums around the fuzzer's bytes so that it
// reaches the fields. What decodes is written and read again as the same.
#include "store/byte_codec.h"
#include "store/checkpoint_log.h"

#include "petrel/base/crc32c.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace petrel::store;
using petrel::Slice;

void require(bool is_true) {
  if (!is_true) std::abort();
}

void check(Slice file) {
  FrameCodec codec(Compression::kNone, {});
  const auto parsed = parse_checkpoint_file(file, codec);
  if (!parsed) return;
  require(parsed->bytes <= file.size());
  CheckpointRecord record = parsed->newest;
  record.is_full = true;
  record.removed.clear();
  const std::string again = encode_checkpoint_head() + encode_checkpoint(record, codec);
  const auto reparsed = parse_checkpoint_file(again, codec);
  require(reparsed.is_ok() && reparsed->bytes == again.size());
  require(reparsed->newest.extra == record.extra);
  require(reparsed->newest.segments.size() == record.segments.size());
}

std::string sealed(Slice body, uint32_t flags) {
  ByteWriter out;
  out.fixed(static_cast<uint32_t>(body.size()));
  out.fixed(flags);
  out.fixed(petrel::crc32c(body, petrel::crc32c(out.bytes())));
  out.raw(body.data(), body.size());
  return out.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  const std::string head = encode_checkpoint_head();
  check(head + sealed(bytes, 1));
  // A full record, then one with changes.
  const Slice first = bytes.substr(0, bytes.size() / 2);
  check(head + sealed(first, 1) + sealed(bytes.substr(first.size()), 0));
  return 0;
}
