// FailureDetector: is a node alive, judged by when its frames came. One per pair of nodes stands in
// for the heartbeats of all sleeping groups between them.
// Adaptive: it waits three mean gaps plus four deviations, within the limits; a suspicion that
// proves wrong makes it more patient for a while. Thread: owner loop. Time is given.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>

namespace petrel::raft {

struct FailureDetectorOptions {
  Duration patience_min = Duration::millis(160);
  Duration patience_max = Duration::seconds(2);
};

class FailureDetector {
 public:
  explicit FailureDetector(const FailureDetectorOptions& options) : options_(options) {}

  void on_heard(Instant now);
  // True once per suspicion: the moment it begins.
  bool begins_to_suspect(Instant now);
  bool is_suspected() const { return is_suspected_; }
  Duration patience() const;

 private:
  FailureDetectorOptions options_;
  Instant heard_;
  int64_t mean_ns_ = 0;
  int64_t deviation_ns_ = 0;
  int64_t extra_ns_ = 0;  // after wrong suspicions; fades
  bool has_heard_ = false;
  bool is_suspected_ = false;
};

}  // namespace petrel::raft
