// GatherWait: whether a journal's next batch waits for more records. Those who were answered
// together send again at once, and one sync costs as much for 64 records as for eight.
//
// It waits only for as many as were answered, while they come, and no longer than a sync takes;
// when they did not come it leaves more and more batches out.
// Owner: a SegmentJournal. Thread: its loop.
#pragma once

#include "petrel/base/time.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace petrel::store {

class GatherWait {
 public:
  static constexpr uint64_t kAnsweredMin = 4;  // of fewer records nobody waits for more
  static constexpr Duration kGap = Duration::micros(50);
  static constexpr Duration kShortest = Duration::micros(200);
  static constexpr Duration kLongest = Duration::micros(500);

  // A batch was given to the disk.
  void began(Instant now) { began_ = now; }
  // It is on disk: `answered` records, while `gathered` came.
  void answered(uint64_t answered, uint64_t gathered) {
    expected_ = 0;
    if (answered < kAnsweredMin) return;
    if (left_out_ > 0) {
      --left_out_;
      return;
    }
    start_ = seen_ = gathered;
    expected_ = gathered + answered;
    first_ = since_ = quiet_since_ = {};
  }
  // Of `gathered` records, none of which is with the disk. Asked in every turn.
  bool is_worth_it(uint64_t gathered, Instant now) {
    if (expected_ == 0) return false;
    if (gathered < expected_ && !is_over(gathered, now)) return gathered > 0;
    note((gathered - start_) * 2 >= expected_ - start_);
    return false;
  }
  bool is_waiting() const { return expected_ != 0; }
  void stop() { expected_ = 0; }

 private:
  static constexpr uint32_t kMissesMax = 6;
  static constexpr Duration kStale = Duration::millis(1);

  bool is_over(uint64_t gathered, Instant now) {
    const bool has_grown = std::exchange(seen_, gathered) != gathered;
    // The turn that answers ends with sending the answers: the time goes by from the next one on.
    if (first_.ns == 0) {
      first_ = now;
      longest_ = std::clamp((now - began_) * 4, kShortest, kLongest);
      return false;
    }
    if (gathered == 0) return false;
    if (since_.ns == 0) since_ = now;
    if (has_grown) {
      quiet_since_ = {};
    } else if (quiet_since_.ns == 0) {
      quiet_since_ = now;
    }
    return since_ - first_ >= kStale || now - since_ >= longest_ ||
           (quiet_since_.ns != 0 && now - quiet_since_ >= kGap);
  }
  void note(bool has_paid) {
    expected_ = 0;
    misses_ = has_paid ? 0 : std::min(misses_ + 1, kMissesMax);
    left_out_ = has_paid ? 0 : 1U << misses_;
  }

  uint64_t expected_ = 0;  // 0: it does not wait
  uint64_t start_ = 0;     // gathered when it began to
  uint64_t seen_ = 0;
  Instant began_{};
  Instant first_{};        // turn after the answer
  Instant since_{};        // there is something to write
  Instant quiet_since_{};  // 0: the last turn brought some
  Duration longest_{};
  uint32_t misses_ = 0;
  uint32_t left_out_ = 0;
};

}  // namespace petrel::store
