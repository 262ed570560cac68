// The files and the environment of this process, for reading the configuration.
//
// Thread: control.
#pragma once

#include "petrel/conf/sources.h"

namespace petrel::server {

class SystemFiles final : public conf::FileReader {
 public:
  Result<std::string> read(const std::string& path) const override;
  conf::PathKind kind(const std::string& path) const override;
};

class SystemEnvironment final : public conf::EnvReader {
 public:
  std::optional<std::string> get(const std::string& name) const override;
};

}  // namespace petrel::server
