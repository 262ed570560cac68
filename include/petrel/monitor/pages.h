// The pages that are for people: the root page with its links, the command line and memory of the
// process, its threads.
//
// Thread: pure functions. Source: spec monitoring.md section 2.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace petrel::monitor {

// `base_path` is http_base_path: "/" or "/mon".
std::string root_page(Slice base_path, Slice version);
// The path of an endpoint below the base path: "/mon/varz".
std::string path_below(Slice base_path, Slice endpoint);

struct ProcessMemory {
  uint64_t resident_bytes = 0;
  uint64_t allocated_bytes = 0;
  uint64_t heap_bytes = 0;  // taken from the system
};
// /debug/vars, with the keys that Go programs have and of which this one knows something.
std::string debug_vars_json(const std::vector<std::string>& command_line,
                            const ProcessMemory& memory);

struct ThreadView {
  uint64_t id = 0;
  std::string name = {};
  char state = '?';  // of proc(5)
};
std::string stacksz_text(const std::vector<ThreadView>& threads);

}  // namespace petrel::monitor
