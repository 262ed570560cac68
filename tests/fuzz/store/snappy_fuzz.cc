// Compressed blocks: what is written is read back; damaged ones end in time and inside their
// bounds.
#include "petrel/store/snappy_block.h"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace petrel::store;
  const petrel::Slice bytes(reinterpret_cast<const char*>(data), size);
  const std::string packed = snappy_compress(bytes);
  std::string out(size, '\0');
  if (!snappy_decompress(packed, out.data(), out.size()) || out != bytes) std::abort();
  for (const size_t expected : {size_t{0}, size_t{1}, size, size * 2, size_t{4096}}) {
    std::string room(expected, '\0');
    (void)snappy_decompress(bytes, room.data(), room.size());
  }
  return 0;
}
