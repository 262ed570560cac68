// AuthRequest: all that a client showed, for a decision that takes time or asks others: a JWT, an
// auth callout service. AuthAnswer: the decision.
//
// Thread: values; they go from the connection's loop to whoever decides and back.
#pragma once

#include "petrel/auth/authenticator.h"
#include "petrel/base/tls_peer.h"
#include "petrel/proto/connect_info.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace petrel::auth {

struct AuthRequest {
  uint64_t cid = 0;
  std::string ip = {};
  std::string nonce = {};
  std::string connection_type = "STANDARD";
  proto::ConnectInfo connect = {};
  std::shared_ptr<const TlsPeer> tls = {};  // null: a plain connection
  std::string proxy_key = {};               // of the trusted proxy it came through, "": none
  std::string jwt_name = {};                // of the user JWT, for a callout service
  std::vector<std::string> jwt_tags = {};
  bool proxy_required = false;  // so far: the user that is known asks for one
};

struct AuthAnswer {
  enum class Kind : uint8_t { kAccepted, kRefused, kProxyRequired };
  Kind kind = Kind::kRefused;
  std::shared_ptr<const User> user = {};
  std::string reason = {};  // why not, for the log
  bool is_error = false;    // the reason is an error, not only of interest to debuggers
};

}  // namespace petrel::auth
