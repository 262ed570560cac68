#include "petrel/raft/failure_detector.h"

#include <algorithm>

namespace petrel::raft {

void FailureDetector::on_heard(Instant now) {
  if (has_heard_) {
    const int64_t gap = (now - heard_).ns;
    if (is_suspected_) {
      // Alive after all, if the gap was no restart: wait that long the next time.
      extra_ns_ = std::min(gap, options_.patience_max.ns);
    } else {
      const int64_t error = gap - mean_ns_;
      mean_ns_ += error / 8;
      deviation_ns_ += ((error < 0 ? -error : error) - deviation_ns_) / 8;
      extra_ns_ -= extra_ns_ / 256;
    }
  }
  heard_ = now;
  has_heard_ = true;
  is_suspected_ = false;
}

Duration FailureDetector::patience() const {
  const int64_t wanted = std::max(3 * mean_ns_ + 4 * deviation_ns_, extra_ns_);
  return Duration{std::clamp(wanted, options_.patience_min.ns, options_.patience_max.ns)};
}

bool FailureDetector::begins_to_suspect(Instant now) {
  if (!has_heard_ || is_suspected_ || now - heard_ <= patience()) return false;
  is_suspected_ = true;
  return true;
}

}  // namespace petrel::raft
