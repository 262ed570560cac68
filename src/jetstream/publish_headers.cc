#include "jetstream/publish_headers.h"

#include "jetstream/go_values.h"

#include <charconv>
#include <cstring>

namespace petrel::jetstream {
namespace {

constexpr Slice kPrefix = "Nats-";
// What stands behind it in a dead letter are the headers of the original: they do not act again.
constexpr Slice kOriginalFollows = "Nats-Dead-Letter-Stream:";
// Behind the prefix, in the order of PublishHeader.
constexpr std::array<Slice, static_cast<size_t>(PublishHeader::kCount)> kNames = {
    "Nats-Msg-Id",
    "Nats-Expected-Stream",
    "Nats-Expected-Last-Sequence",
    "Nats-Expected-Last-Subject-Sequence",
    "Nats-Expected-Last-Subject-Sequence-Subject",
    "Nats-Expected-Last-Msg-Id",
    "Nats-Rollup",
    "Nats-TTL",
    "Nats-Incr",
    "Nats-Counter-Sources",
    "Nats-Batch-Id",
    "Nats-Batch-Sequence",
    "Nats-Batch-Commit",
    "Nats-Schedule",
    "Nats-Schedule-Target",
    "Nats-Schedule-Source",
    "Nats-Schedule-TTL",
    "Nats-Schedule-Rollup",
    "Nats-Schedule-Time-Zone",
    "Nats-Scheduler",
    "Nats-Schedule-Next",
    "Nats-Stream-Source",
    "Nats-Required-Api-Level",
    "Nats-Request-Info",
    "Nats-Marker-Reason",
    "Nats-Producer-Id",
    "Nats-Producer-Sequence",
    "Nats-Delay",
    "Nats-Priority",
};

}  // namespace

Slice header_name(PublishHeader header) {
  return kNames[static_cast<size_t>(header)];
}

PublishHeaders::PublishHeaders(Slice block) {
  const char* at = block.data();
  const char* const end = at + block.size();
  while (at < end) {
    const void* found = std::memchr(at, '\r', static_cast<size_t>(end - at));
    const char* line_end = found == nullptr ? end : static_cast<const char*>(found);
    const Slice line(at, static_cast<size_t>(line_end - at));
    if (line.size() > kPrefix.size() && std::memcmp(at, kPrefix.data(), kPrefix.size()) == 0) {
      if (line.substr(0, kOriginalFollows.size()) == kOriginalFollows) return;
      note(line);
    }
    at = line_end + 2;
  }
}

void PublishHeaders::note(Slice line) {
  const size_t colon = line.find(':');
  if (colon == Slice::npos) return;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i].size() != colon || std::memcmp(kNames[i].data(), line.data(), colon) != 0) {
      continue;
    }
    const uint32_t bit = 1U << i;
    if ((seen_ & bit) != 0) return;
    seen_ |= bit;
    size_t start = colon + 1;
    while (start < line.size() && line[start] == ' ') ++start;
    values_[i] = line.substr(start);
    return;
  }
}

uint64_t header_number(Slice digits) {
  uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return ~uint64_t{0};
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return digits.empty() ? ~uint64_t{0} : value;
}

std::optional<uint64_t> strict_number(Slice digits) {
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (digits.empty() || digits[0] == '+' || digits[0] == '-') return std::nullopt;
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

bool equals_any_case(Slice a, Slice lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::optional<int64_t> parse_ttl(Slice value) {
  if (value.empty()) return 0;
  if (equals_any_case(value, "never")) return -1;
  if (const auto duration = parse_go_duration(value)) {
    if (*duration < Duration::seconds(1)) return std::nullopt;
    return duration->ns / 1'000'000'000;
  }
  const auto seconds = strict_number(value);
  if (!seconds || *seconds > uint64_t{1} << 40) return std::nullopt;
  return static_cast<int64_t>(*seconds);
}

}  // namespace petrel::jetstream
