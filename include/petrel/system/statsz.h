// STATSZ: the figures of the server, broadcast and on request.
//
// Thread: pure functions. Source: spec monitoring.md section 5.
#pragma once

#include "petrel/monitor/varz.h"

#include <string>

namespace petrel::system {

struct Statsz {
  WallTime start = {};
  monitor::VarzRuntime figures = {};
  uint64_t active_accounts = 0;  // with a client
  std::optional<monitor::JetStreamSettings> jetstream = {};
};
// {"server":{...},"statsz":{...}}. `server`: ServerDescription::to_json.
std::string statsz_json(const std::string& server, const Statsz& statsz);

// How long to wait between two broadcasts: it begins fast and doubles up to the slowest.
class StatszRamp {
 public:
  Duration next();

 private:
  Duration last_{};
};

}  // namespace petrel::system
