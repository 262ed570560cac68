// Files and environment variables in memory, for tests of `conf`.
#pragma once

#include "petrel/conf/sources.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace petrel::conf {

class MemoryFiles : public FileReader {
 public:
  std::map<std::string, std::string> files;
  std::map<std::string, PathKind> kinds;

  Result<std::string> read(const std::string& path) const override {
    const auto found = files.find(path);
    if (found == files.end()) {
      return Error{Errc::kNotFound, "open " + path + ": no such file or directory"};
    }
    return found->second;
  }

  PathKind kind(const std::string& path) const override {
    if (files.count(path) > 0) return PathKind::kFile;
    const auto found = kinds.find(path);
    return found == kinds.end() ? PathKind::kMissing : found->second;
  }
};

class MemoryEnv : public EnvReader {
 public:
  std::map<std::string, std::string> variables;

  std::optional<std::string> get(const std::string& name) const override {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  }
};

// Both, and the Sources over them.
struct MemorySources {
  MemoryFiles files = {};
  MemoryEnv env = {};

  Sources sources() const { return {files, env}; }
};

}  // namespace petrel::conf
