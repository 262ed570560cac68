// Times and spans as monitoring prints them. Thread: pure functions.
// Source: spec monitoring.md sections 1 and 4.1.
#pragma once

#include "petrel/base/time.h"

#include <string>

namespace petrel::monitor {

// RFC 3339 in UTC with the digits of the fraction that are needed: 2026-01-02T03:04:05.06Z
std::string time_text(WallTime time);
// Whole seconds: 3s, 1m18s, 2h0m5s, 1d2h3m4s, 1y2d3h4m5s.
std::string uptime_text(Duration span);
// A round trip time; below a millisecond in whole microseconds.
std::string rtt_text(Duration rtt);

}  // namespace petrel::monitor
