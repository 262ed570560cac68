// Archives of streams, both versions, and their compression: damaged ones are refused without harm.
// The first byte says in how large pieces the rest comes, and whether it is packed first so that
// what stands inside is reached.
#include "jetstream/s2_stream.h"

#include "petrel/jetstream/archive.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using petrel::Slice;
using petrel::Status;
using petrel::WallTime;
using namespace petrel::jetstream;

class Ignore : public ArchiveReader::Sink {
 public:
  Status on_state(const StreamStateView&) override { return {}; }
  Status on_stream(const StreamConfig&, WallTime) override { return {}; }
  Status on_consumer(const ArchivedConsumer&) override { return {}; }
  Status on_message(const StoredMessageView&) override { return {}; }
  Status on_removed(uint64_t) override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t how = data[0];
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((how & 1) != 0) {
    std::string packed;
    S2Writer writer;
    writer.write(bytes, packed);
    writer.flush(packed);
    bytes = packed;
  }
  Ignore sink;
  ArchiveReader reader(sink);
  const size_t piece = 1 + static_cast<size_t>(how >> 1) * 7;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.feed(Slice(bytes).substr(at, piece))) return 0;
  }
  (void)reader.finish();
  return 0;
}
