// SyncRoute: whether a journal's batch is written through the ring or by a worker of ours. The ring
// takes half the processor time, but the flush behind its write may be sent by a worker of the
// kernel, which on a busy machine waits for a processor longer than ours does.
//
// The ring is used as long as it is quick, and where it is quicker than a worker. Whichever is not
// used is tried now and then: the worker often, for that costs little.
// Owner: a UringDisk. Thread: its loop's.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>

namespace petrel::disk {

enum class SyncPath : uint8_t { kRing, kWorker };

class SyncRoute {
 public:
  static constexpr Duration kQuick = Duration::millis(1);
  static constexpr uint32_t kTryWorkerEvery = 8;
  static constexpr uint32_t kTryRingEvery = 256;

  // Of the next batch.
  SyncPath next() {
    if (ring_ <= kQuick) return SyncPath::kRing;
    const bool is_ring_better = worker_.ns != 0 && ring_ <= worker_;
    const bool is_try = ++since_try_ >= (is_ring_better ? kTryWorkerEvery : kTryRingEvery);
    if (is_try) since_try_ = 0;
    return is_ring_better != is_try ? SyncPath::kRing : SyncPath::kWorker;
  }
  // It took so long until it was on disk.
  void note(SyncPath path, Duration took) {
    Duration& usual = path == SyncPath::kRing ? ring_ : worker_;
    usual = usual.ns == 0 ? took : usual + (took - usual) / 8;
  }

 private:
  Duration ring_{};  // 0: not used so far
  Duration worker_{};
  uint32_t since_try_ = 0;
};

}  // namespace petrel::disk
