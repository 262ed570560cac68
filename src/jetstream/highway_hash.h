// HighwayHash-64: the checksum of nats-server's files.
// Thread: values, any thread.
// Source: google/highwayhash, portable form.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <cstdint>
#include <string>

namespace petrel::jetstream {

class HighwayHash {
 public:
  using Key = std::array<uint64_t, 4>;
  // The key is the SHA-256 of a text.
  explicit HighwayHash(Slice key_text);

  void update(Slice bytes);
  uint64_t finish();

 private:
  void reset();
  void update_packet(const char* packet);
  void update_lanes(const Key& lanes);
  void update_remainder();

  Key key_{};
  Key v0_{};
  Key v1_{};
  Key mul0_{};
  Key mul1_{};
  std::array<char, 32> tail_{};
  size_t tail_bytes_ = 0;
};

}  // namespace petrel::jetstream
