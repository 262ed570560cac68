// HashFilter: says of most hashes that were never added that they were not, and never so of one
// that was. A Bloom filter whose bits for one hash lie in one cache line: 12 bits each, about one
// false answer in 250.
//
// Owner: a run (IdRun, SortedRun). Thread: the home loop.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/hash.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace petrel::store {

class HashFilter {
 public:
  HashFilter() = default;
  explicit HashFilter(uint64_t entries)
      : lines_(static_cast<size_t>(entries * kBitsPerEntry / kLineBits + 1)) {}

  void add(uint64_t hash) {
    Line& line = line_of(hash);
    uint64_t bits = bits_of(hash);
    for (int i = 0; i < kProbes; ++i, bits >>= 9) line[bits >> 6 & 7] |= uint64_t{1} << (bits & 63);
  }
  // An empty filter admits everything.
  bool may_hold(uint64_t hash) const {
    if (lines_.empty()) return true;
    const Line& line = lines_[at(hash)];
    uint64_t bits = bits_of(hash);
    for (int i = 0; i < kProbes; ++i, bits >>= 9) {
      if ((line[bits >> 6 & 7] >> (bits & 63) & 1) == 0) return false;
    }
    return true;
  }
  void prefetch(uint64_t hash) const {
    if (!lines_.empty()) __builtin_prefetch(&lines_[at(hash)]);
  }
  Slice bytes() const {
    return {reinterpret_cast<const char*>(lines_.data()), lines_.size() * sizeof(Line)};
  }
  static HashFilter from(Slice bytes) {
    HashFilter filter;
    filter.lines_.resize(bytes.size() / sizeof(Line));
    if (!filter.lines_.empty()) {
      std::memcpy(filter.lines_.data(), bytes.data(), filter.lines_.size() * sizeof(Line));
    }
    return filter;
  }
  size_t memory() const { return lines_.size() * sizeof(Line); }

 private:
  static constexpr uint64_t kBitsPerEntry = 12;
  static constexpr uint64_t kLineBits = 512;
  static constexpr int kProbes = 7;
  struct alignas(64) Line : std::array<uint64_t, 8> {};

  static uint64_t bits_of(uint64_t hash) { return hash_mix(hash, 0x9e3779b97f4a7c15ULL); }
  size_t at(uint64_t hash) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<size_t>(static_cast<Wide>(hash) * lines_.size() >> 64);
  }
  Line& line_of(uint64_t hash) { return lines_[at(hash)]; }

  std::vector<Line> lines_;
};

}  // namespace petrel::store
