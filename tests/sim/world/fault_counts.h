// FaultCounts: how often each thing a simulation can do really happened, by name. A name that stays
// at zero over many seeds is a fault that nobody tested. Thread: one.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

namespace petrel::sim {

using FaultCounts = std::map<std::string, uint64_t>;

inline void add_counts(FaultCounts& total, const FaultCounts& more) {
  for (const auto& [name, count] : more) total[name] += count;
}

// Prints all of them; returns how many never happened.
inline size_t print_counts(const FaultCounts& counts) {
  size_t never = 0;
  for (const auto& [name, count] : counts) {
    std::printf("  %-32s %12llu%s\n", name.c_str(), static_cast<unsigned long long>(count),
                count == 0 ? "  NEVER" : "");
    never += count == 0;
  }
  return never;
}

}  // namespace petrel::sim
