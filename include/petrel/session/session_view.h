// SessionView: what monitoring may know of a connection, as plain values.
#pragma once

#include "petrel/auth/jwt_identity.h"
#include "petrel/base/time.h"
#include "petrel/base/tls_peer.h"
#include "petrel/session/close_reason.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace petrel::session {

struct SubscriptionView {
  std::string subject;
  std::string queue;
  std::string sid;
  uint64_t delivered = 0;
  uint64_t max = 0;
  uint64_t cid = 0;
  std::string account = {};
};

struct ViewOptions {
  bool subscriptions = false;
  bool user = false;  // who it authenticated as
};

struct SessionView {
  uint64_t cid = 0;
  std::string ip;
  uint16_t port = 0;
  WallTime start{};
  WallTime last_activity{};
  std::optional<WallTime> stop;
  std::optional<CloseReason> reason;
  Duration rtt{};
  uint64_t pending_bytes = 0;
  uint64_t in_msgs = 0;
  uint64_t in_bytes = 0;
  uint64_t out_msgs = 0;
  uint64_t out_bytes = 0;
  uint64_t stalls = 0;
  uint64_t subscription_count = 0;
  std::string name;
  std::string lang;
  std::string version;
  std::string account;
  std::string account_tag;  // for people; "": the account's name
  std::string user;
  std::shared_ptr<const TlsPeer> tls;  // null: it does not speak TLS
  bool tls_first = false;
  std::shared_ptr<const auth::JwtIdentity> identity;  // null: neither an nkey nor a JWT
  std::string jwt;                                    // "" for a bearer: it would be a password
  std::vector<SubscriptionView> subscriptions;
};

}  // namespace petrel::session
