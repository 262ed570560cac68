// CRC-32C (Castagnoli), eight bytes at a time by tables. Thread: any.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>

namespace petrel::raft {

// Continues `before`, the checksum of the bytes that stand before these.
uint32_t crc32c(Slice bytes, uint32_t before = 0);

}  // namespace petrel::raft
