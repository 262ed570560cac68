// CRC-32C (Castagnoli), the checksum of everything Petrel writes to disk.
// Thread: pure, any thread. Uses the processor's instruction where there is one.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>

namespace petrel {

// The checksum of what `before` is the checksum of, followed by `bytes`.
uint32_t crc32c(Slice bytes, uint32_t before = 0);

}  // namespace petrel
