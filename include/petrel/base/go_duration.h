// Durations as Go prints them ("1h0m0s", "1.5s", "726µs", "0s"), for log lines and monitoring.
#pragma once

#include "petrel/base/time.h"

#include <string>

namespace petrel {

std::string go_duration(Duration duration);

}  // namespace petrel
