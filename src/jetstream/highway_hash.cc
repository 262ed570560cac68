#include "jetstream/highway_hash.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace petrel::jetstream {

namespace {

constexpr size_t kPacket = 32;
constexpr HighwayHash::Key kInit0 = {0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344,
                                     0x243f6a8885a308d3};
constexpr HighwayHash::Key kInit1 = {0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c,
                                     0x452821e638d01377};

uint64_t load64(const char* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  static_assert(std::endian::native == std::endian::little);
  return value;
}

uint64_t byte_of(uint64_t value, unsigned index) {
  return (value >> (8 * index)) & 0xff;
}

// Mixes the bytes of two lanes and adds them to two others.
void zipper_merge(uint64_t low, uint64_t high, uint64_t& add_low, uint64_t& add_high) {
  add_low += byte_of(low, 3) | byte_of(high, 4) << 8 | byte_of(low, 2) << 16 |
             byte_of(low, 5) << 24 | byte_of(high, 6) << 32 | byte_of(low, 1) << 40 |
             byte_of(high, 7) << 48 | byte_of(low, 0) << 56;
  add_high += byte_of(high, 3) | byte_of(low, 4) << 8 | byte_of(high, 2) << 16 |
              byte_of(high, 5) << 24 | byte_of(high, 1) << 32 | byte_of(low, 6) << 40 |
              byte_of(high, 0) << 48 | byte_of(low, 7) << 56;
}

uint32_t rotate(uint32_t value, size_t by) {
  return std::rotl(value, static_cast<int>(by));
}

}  // namespace

HighwayHash::HighwayHash(Slice key_text) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(key_text.data()),
                     key_text.size());
  std::memcpy(key_.data(), digest, sizeof key_);
  reset();
}

void HighwayHash::reset() {
  mul0_ = kInit0;
  mul1_ = kInit1;
  for (size_t i = 0; i < key_.size(); ++i) {
    v0_[i] = kInit0[i] ^ key_[i];
    v1_[i] = kInit1[i] ^ std::rotl(key_[i], 32);
  }
  tail_bytes_ = 0;
}

void HighwayHash::update_lanes(const Key& lanes) {
  for (size_t i = 0; i < lanes.size(); ++i) {
    v1_[i] += lanes[i] + mul0_[i];
    mul0_[i] ^= (v1_[i] & 0xffffffff) * (v0_[i] >> 32);
    v0_[i] += mul1_[i];
    mul1_[i] ^= (v0_[i] & 0xffffffff) * (v1_[i] >> 32);
  }
  zipper_merge(v1_[0], v1_[1], v0_[0], v0_[1]);
  zipper_merge(v1_[2], v1_[3], v0_[2], v0_[3]);
  zipper_merge(v0_[0], v0_[1], v1_[0], v1_[1]);
  zipper_merge(v0_[2], v0_[3], v1_[2], v1_[3]);
}

void HighwayHash::update_packet(const char* packet) {
  update_lanes({load64(packet), load64(packet + 8), load64(packet + 16), load64(packet + 24)});
}

void HighwayHash::update(Slice bytes) {
  while (!bytes.empty()) {
    if (tail_bytes_ == 0 && bytes.size() >= kPacket) {
      update_packet(bytes.data());
      bytes.remove_prefix(kPacket);
      continue;
    }
    const size_t part = std::min(bytes.size(), kPacket - tail_bytes_);
    std::memcpy(tail_.data() + tail_bytes_, bytes.data(), part);
    tail_bytes_ += part;
    bytes.remove_prefix(part);
    if (tail_bytes_ < kPacket) continue;
    update_packet(tail_.data());
    tail_bytes_ = 0;
  }
}

// What does not fill a packet: its length goes into the state, its last bytes to a fixed place.
void HighwayHash::update_remainder() {
  const size_t size = tail_bytes_;
  for (uint64_t& lane : v0_) lane += (static_cast<uint64_t>(size) << 32) + size;
  for (uint64_t& lane : v1_) {
    const uint32_t low = rotate(static_cast<uint32_t>(lane), size);
    const uint32_t high = rotate(static_cast<uint32_t>(lane >> 32), size);
    lane = static_cast<uint64_t>(high) << 32 | low;
  }
  const size_t odd = size & 3;
  const size_t whole = size - odd;
  std::array<char, kPacket> packet{};
  std::memcpy(packet.data(), tail_.data(), whole);
  if (size >= 16) {
    std::memcpy(packet.data() + 28, tail_.data() + size - 4, 4);
  } else if (odd != 0) {
    packet[16] = tail_[whole];
    packet[17] = tail_[whole + (odd >> 1)];
    packet[18] = tail_[size - 1];
  }
  update_packet(packet.data());
}

uint64_t HighwayHash::finish() {
  constexpr int kRounds = 4;
  if (tail_bytes_ != 0) update_remainder();
  for (int i = 0; i < kRounds; ++i) {
    update_lanes({std::rotl(v0_[2], 32), std::rotl(v0_[3], 32), std::rotl(v0_[0], 32),
                  std::rotl(v0_[1], 32)});
  }
  const uint64_t hash = v0_[0] + v1_[0] + mul0_[0] + mul1_[0];
  reset();
  return hash;
}

}  // namespace petrel::jetstream
