// The block format of Snappy, which is also a block of S2.
// Thread: pure functions, any thread.
// Source: google/snappy format_description.txt.
#pragma once

#include "petrel/base/block.h"

#include <string>

namespace petrel::store {

// Larger inputs are not compressed.
inline constexpr size_t kSnappyBytesMax = size_t{1} << 30;

std::string snappy_compress(Slice bytes);
// Fills `out`, which has the size that is expected. False: damaged, or of another size.
bool snappy_decompress(Slice bytes, char* out, size_t size);

}  // namespace petrel::store
