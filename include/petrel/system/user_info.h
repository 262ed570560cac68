// What a client may know of itself: the answer to $SYS.REQ.USER.INFO.
//
// Thread: pure functions. Source: spec monitoring.md section 5.
#pragma once

#include "petrel/auth/permissions.h"
#include "petrel/base/time.h"

#include <optional>
#include <string>

namespace petrel::system {

struct UserInfo {
  std::string user = {};
  std::string account = {};
  std::string account_name = {};                   // for people
  std::string user_name = {};                      // for people; "": none
  const auth::Permissions* permissions = nullptr;  // null: everything is allowed
  std::optional<Duration> expires = {};            // from now
};
std::string user_info_json(const UserInfo& info);

}  // namespace petrel::system
