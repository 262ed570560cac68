// Loads configuration text in memory, for tests of `conf`.
#pragma once

#include "memory_sources.h"

#include "petrel/conf/startup.h"

#include <string>
#include <vector>

namespace petrel::conf {

// Options as a server would start with, or what stands in the way.
inline Result<Options> load(const std::string& text, MemorySources memory = {},
                            std::vector<FlagSetting> flags = {}) {
  memory.files.files["t.conf"] = text;
  std::string warnings;
  return load_options({"t.conf", std::move(flags), true}, memory.sources(), warnings);
}

// What -t prints to standard error, without the program's name and the empty line.
inline std::string check(const std::string& text, MemorySources memory = {}) {
  memory.files.files["t.conf"] = text;
  std::string err = start_up({"-t", "-c", "t.conf"}, memory.sources()).err;
  const std::string program = "nats-server: ";
  if (err.rfind(program, 0) == 0) err.erase(0, program.size());
  while (!err.empty() && err.back() == '\n') err.pop_back();
  return err;
}

// The error of load, "" if there is none.
inline std::string refusal(const std::string& text) {
  auto options = load(text);
  return options ? "" : options.error().detail;
}

}  // namespace petrel::conf
