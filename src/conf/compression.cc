#include "conf/compression.h"

#include "conf/characters.h"
#include "conf/go_values.h"
#include "conf/reader.h"

#include "petrel/base/go_quote.h"

namespace petrel::conf {
namespace {

constexpr size_t kThresholdsMax = 4;

struct Alias {
  std::string_view names;
  std::string_view mode;
};

constexpr Alias kAliases[] = {
    {"not supported|not_supported", "not supported"},
    {"disabled|off|false", "off"},
    {"accept", "accept"},
    {"auto|s2_auto", "s2_auto"},
    {"fast|s2_fast", "s2_fast"},
    {"better|s2_better", "s2_better"},
    {"best|s2_best", "s2_best"},
};

std::string thresholds_text(const std::vector<Duration>& thresholds) {
  std::string out = "[";
  for (const Duration threshold : thresholds) {
    if (out.size() > 1) out += ' ';
    out += duration_text(threshold);
  }
  return out + "]";
}

// Ascending, where 0 leaves a level out; zeros at the end are dropped.
Result<std::vector<Duration>> checked_thresholds(const CompressionOptions& compression) {
  const std::string all = thresholds_text(compression.rtt_thresholds);
  const std::string mode = "compression mode " + go_quote(compression.mode);
  std::vector<Duration> thresholds;
  for (Duration threshold : compression.rtt_thresholds) {
    if (threshold.ns < 0) threshold = Duration{};
    for (const Duration earlier : thresholds) {
      if (threshold.ns != 0 && threshold < earlier) {
        return Error{Errc::kInvalidArgument,
                     "RTT threshold values " + all + " should be in ascending order"};
      }
    }
    thresholds.push_back(threshold);
  }
  while (!thresholds.empty() && thresholds.back().ns == 0) thresholds.pop_back();
  if (thresholds.size() > kThresholdsMax) {
    return Error{Errc::kInvalidArgument,
                 mode + " should have no more than 4 RTT thresholds: " + all};
  }
  if (thresholds.empty()) {
    return Error{Errc::kInvalidArgument, mode + " requires at least one RTT threshold"};
  }
  return thresholds;
}

}  // namespace

Status normalise_compression(CompressionOptions& compression, std::string_view mode_for_on) {
  std::string mode = lower(compression.mode);
  if (has_name("on|enabled|true", mode)) mode = mode_for_on;
  for (const Alias& alias : kAliases) {
    if (!has_name(alias.names, mode)) continue;
    if (alias.mode == "s2_auto") {
      if (compression.rtt_thresholds.empty()) {
        compression.rtt_thresholds = {Duration::millis(10), Duration::millis(50),
                                      Duration::millis(100)};
      } else {
        PETREL_TRY(compression.rtt_thresholds, checked_thresholds(compression));
      }
    }
    compression.mode = alias.mode;
    return {};
  }
  return Error{Errc::kInvalidArgument,
               "unsupported compression mode " + go_quote(compression.mode)};
}

}  // namespace petrel::conf
