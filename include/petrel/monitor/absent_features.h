// Endpoints of features that this server does not have: what nats-server answers when they are
// off. Parameters are checked nevertheless.
//
// Thread: pure functions. Errors: the text of the answer with status 400.
// Source: spec monitoring.md sections 4.3, 4.4, 4.7.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/monitor/query.h"

#include <string>

namespace petrel::monitor {

struct ServerName {
  std::string id = {};
  std::string name = {};
  WallTime now = {};
};

Result<std::string> routez_json(const ServerName& server, const Query& query);
Result<std::string> gatewayz_json(const ServerName& server, const Query& query);
Result<std::string> leafz_json(const ServerName& server, const Query& query);
Result<std::string> jsz_json(const ServerName& server, const Query& query);
// There are no such queues.
Result<std::string> ipqueuesz_json(const Query& query);

// The answer of /raftz, with status 404.
inline constexpr Slice kNoRaftNodes = "No Raft nodes registered";

}  // namespace petrel::monitor
