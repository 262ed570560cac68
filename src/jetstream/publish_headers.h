// PublishHeaders: the headers of a published message that a stream acts on, found in one pass.
//
// Thread: values over bytes owned by others, any thread. As in nats-server keys are compared with
// their case, the first header of a key counts, an empty value is none.
// Source: spec streams.md section 2.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <cstdint>
#include <optional>

namespace petrel::jetstream {

enum class PublishHeader : uint8_t {
  kMsgId,
  kExpectedStream,
  kExpectedLastSequence,
  kExpectedLastSubjectSequence,
  kExpectedLastSubjectSequenceSubject,
  kExpectedLastMsgId,
  kRollup,
  kTtl,
  kIncr,
  kCounterSources,
  kBatchId,
  kBatchSequence,
  kBatchCommit,
  kSchedule,
  kScheduleTarget,
  kScheduleSource,
  kScheduleTtl,
  kScheduleRollup,
  kScheduleTimeZone,
  kScheduler,
  kScheduleNext,
  kStreamSource,
  kRequiredApiLevel,
  kRequestInfo,
  kMarkerReason,
  kProducerId,
  kProducerSequence,
  kDelay,
  kPriority,
  kCount,
};

Slice header_name(PublishHeader header);

class PublishHeaders {
 public:
  // `block`: a header block, or empty.
  explicit PublishHeaders(Slice block);

  Slice operator[](PublishHeader header) const { return values_[static_cast<size_t>(header)]; }
  bool has(PublishHeader header) const { return !(*this)[header].empty(); }
  // Some header of this list is there.
  bool any() const { return seen_ != 0; }
  // Some header other than a message id is there.
  bool more_than_id() const { return (seen_ & ~1U) != 0; }

 private:
  void note(Slice line);

  std::array<Slice, static_cast<size_t>(PublishHeader::kCount)> values_{};
  uint32_t seen_ = 0;
};

// Digits only, as nats-server reads sequences in headers: anything else is 2^64 - 1.
uint64_t header_number(Slice digits);
// Digits that fit, or nothing.
std::optional<uint64_t> strict_number(Slice digits);

// Nats-TTL in seconds: -1 never, 0 "0" (none); nothing: invalid.
std::optional<int64_t> parse_ttl(Slice value);

bool equals_any_case(Slice a, Slice lower);

}  // namespace petrel::jetstream
