// Semantic versions as texts: 2.8.0, 2.11.1-RC.1.
// Thread: any.
#pragma once

#include "petrel/base/result.h"

#include <compare>
#include <cstdint>
#include <string_view>

namespace petrel::conf {

struct Version {
  int64_t major = 0;
  int64_t minor = 0;
  int64_t patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// Error::detail: invalid semver.
Result<Version> parse_version(std::string_view text);

}  // namespace petrel::conf
