// JwtIdentity: who a user is whose name is a key: what monitoring, events and later changes of the
// account ask about.
// Thread: values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::auth {

struct JwtIdentity {
  std::string nkey = {};             // U...
  std::string issuer = {};           // who signed the JWT; "": there is none
  bool is_signed_by_account = true;  // not by a signing key
  bool is_callout = false;           // made by an auth callout service
  bool is_bearer = false;
  std::string jwt = {};   // "" for a callout
  std::string name = {};  // for people
  std::vector<std::string> tags = {};
  int64_t issued_at = 0;  // Unix seconds
};

}  // namespace petrel::auth
