// The request that a server sends to an auth callout service: a JWT signed by the server.
//
// Thread: pure functions, any thread. Source: spec auth.md 5.
#pragma once

#include "petrel/auth/auth_request.h"
#include "petrel/auth/nkey.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::auth {

inline constexpr Slice kCalloutSubject = "$SYS.REQ.USER.AUTH";

struct CalloutServer {
  std::string name = {};
  std::string host = {};
  std::string id = {};
  std::string version = {};
  std::string cluster = {};
  std::vector<std::string> tags = {};
  std::string xkey = {};  // "": nothing is encrypted
};

struct CalloutRequest {
  std::string subject = {};    // the issuer of the answer, or the account
  std::string user_nkey = {};  // whom the answer must speak of
  std::string shown_user = {};
  int64_t issued_at = 0;  // Unix seconds
  int64_t expires = 0;
  CalloutServer server = {};
  AuthRequest client = {};
};

std::string encode_callout_request(const CalloutRequest& request, const SigningKey& server_key);

}  // namespace petrel::auth
