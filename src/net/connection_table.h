// ConnectionTable: the sockets of one loop by slot and generation.
//
// Owner: a loop, its thread only. A retired slot keeps its number until recycle(), so an id that
// was given out in this turn never names another connection. Limits: 16 bytes a connection.
#pragma once

#include "petrel/net/loop.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace petrel::net {

struct ConnectionSlot {
  int fd = -1;  // -1: free or retired
  uint32_t generation = 1;
  uint32_t next = 0;  // chain of free and of retired slots
  bool is_paused : 1 = false;
  bool awaits_room : 1 = false;  // a write was short, on_writable is due
  bool is_ending : 1 = false;    // on_closed is due
  bool is_broken : 1 = false;    // ... and nothing can be sent any more
  uint8_t backend_bits = 0;      // the back end's own
};
static_assert(sizeof(ConnectionSlot) == 16);

class ConnectionTable {
 public:
  // Generations use 29 bits and are never 0: a back end packs them with other things.
  static constexpr uint32_t kGenerationMask = (1U << 29) - 1;

  ConnectionId add(int fd) {
    uint32_t slot = free_;
    if (slot == kNone) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      free_ = slots_[slot].next;
    }
    const uint32_t generation = slots_[slot].generation;
    slots_[slot] = ConnectionSlot{.fd = fd, .generation = generation};
    return {slot, generation};
  }

  // Null if the id is stale.
  ConnectionSlot* find(ConnectionId id) {
    if (id.slot >= slots_.size()) return nullptr;
    ConnectionSlot& slot = slots_[id.slot];
    return slot.generation == id.generation && slot.fd >= 0 ? &slot : nullptr;
  }

  // Makes the id stale. The slot is reused after recycle().
  void retire(ConnectionId id) {
    ConnectionSlot& slot = slots_[id.slot];
    slot.fd = -1;
    slot.generation = (slot.generation + 1) & kGenerationMask;
    if (slot.generation == 0) slot.generation = 1;
    slot.next = retired_;
    retired_ = id.slot;
  }

  void recycle() {
    while (retired_ != kNone) {
      const uint32_t slot = retired_;
      retired_ = slots_[slot].next;
      slots_[slot].next = free_;
      free_ = slot;
    }
  }

  // Calls visit(ConnectionId) for every open connection; visit may retire the one it is given.
  template <typename Visit>
  void for_each(Visit visit) {
    for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].fd >= 0) visit(ConnectionId{slot, slots_[slot].generation});
    }
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  std::vector<ConnectionSlot> slots_;
  uint32_t free_ = kNone;
  uint32_t retired_ = kNone;
};

}  // namespace petrel::net
