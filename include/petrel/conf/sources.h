// Where configuration comes from: files and the environment, handed in so that the module reads
// neither itself.
// Thread: control. Implemented by `server` on the operating system and by tests in memory.
#pragma once

#include "petrel/base/result.h"

#include <cstdint>
#include <optional>
#include <string>

namespace petrel::conf {

enum class PathKind : uint8_t { kMissing, kFile, kDirectory, kReadOnlyDirectory };

class FileReader {
 public:
  virtual ~FileReader() = default;
  // The whole file. The detail of an error is what a user reads: "open NAME: no such file or
  // directory".
  virtual Result<std::string> read(const std::string& path) const = 0;
  virtual PathKind kind(const std::string& path) const = 0;
};

class EnvReader {
 public:
  virtual ~EnvReader() = default;
  virtual std::optional<std::string> get(const std::string& name) const = 0;
};

struct Sources {
  const FileReader& files;
  const EnvReader& env;
};

}  // namespace petrel::conf
