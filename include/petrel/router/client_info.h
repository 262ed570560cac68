// ClientInfo: what a service in another account, or the system account, is told of a client.
//
// Thread: values. Source: spec protocol.md sections 12 and 13.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::router {

struct ClientInfo {
  std::optional<WallTime> start = {};
  std::string host = {};
  uint64_t id = 0;
  std::string account = {};
  std::string service = {};  // the account through which the request came
  std::string user = {};
  std::string name = {};
  std::string lang = {};
  std::string version = {};
  Duration rtt = {};
  std::string server = {};
  std::string cluster = {};
  std::optional<WallTime> stop = {};
  std::string jwt = {};
  std::string issuer_key = {};
  std::string name_tag = {};
  std::vector<std::string> tags = {};
  std::string kind = {};
  std::string client_type = {};

  // With nats-server's names; what is not known is left out.
  std::string to_json() const;
};

}  // namespace petrel::router
