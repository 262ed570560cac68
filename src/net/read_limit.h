// ReadLimit: how much a loop reads at once from a socket. As much as there is, unless what is read
// goes out several times: then less, so that the input of a turn and all its copies stay in the
// processor's cache until they are sent, and each receiver's share leaves as one segment.
//
// Owner: one loop. Thread: the loop's.
// Source: docs/design/003-small-decisions.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace petrel::net {

class ReadLimit {
 public:
  static constexpr size_t kNone = SIZE_MAX;
  static constexpr size_t kSpreadBytes = 48 << 10;

  void note_turn(size_t read, size_t written) {
    read_ += read - read_ / kMemory;
    written_ += written - written_ / kMemory;
  }

  size_t bytes() const {
    // Beyond the most, the copies do not fit whatever is read, and long turns cost less.
    const bool is_spread = written_ > read_ * kSpreadMin && written_ < read_ * kSpreadMax;
    return is_spread ? kSpreadBytes : kNone;
  }

 private:
  static constexpr size_t kMemory = 8;  // turns
  static constexpr size_t kSpreadMin = 2;
  static constexpr size_t kSpreadMax = 20;

  size_t read_ = 0;
  size_t written_ = 0;
};

}  // namespace petrel::net
