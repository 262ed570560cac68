// ServerDescription: what every answer and event of the system account says of its server.
//
// Thread: a value. Source: spec monitoring.md section 5.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace petrel::system {

struct ServerDescription {
  std::string name = {};
  std::string host = {};
  std::string id = {};
  std::string cluster = {};
  std::string domain = {};
  std::string version = {};
  std::vector<std::string> tags = {};
  std::map<std::string, std::string> metadata = {};
  std::map<std::string, bool> feature_flags = {};
  bool has_jetstream = false;

  // `id`: the server's, also its name when it has none.
  static ServerDescription of(const conf::Options& options, const std::string& id);
  // The message with number `sequence`, sent at `now`.
  std::string to_json(uint64_t sequence, WallTime now) const;
};

}  // namespace petrel::system
