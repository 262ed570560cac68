// What the JWTs of operator mode say, as values.
//
// Thread: values, any thread. Source: spec auth.md 4; documentation of github.com/nats-io/jwt/v2.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_accounts.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace petrel::auth {

inline constexpr int64_t kNoLimit = -1;
inline constexpr const char* kAnyAccount = "*";

// What all JWTs have. Times are Unix seconds, 0: not set.
struct Claims {
  std::string id = {};
  std::string issuer = {};
  std::string subject = {};
  std::string audience = {};
  std::string name = {};
  int64_t issued_at = 0;
  int64_t expires = 0;
  int64_t not_before = 0;
  std::string type = {};
  int64_t version = 0;
  std::vector<std::string> tags = {};
};

struct OperatorClaims : Claims {
  std::vector<std::string> signing_keys = {};
  std::string account_server_url = {};
  std::vector<std::string> operator_service_urls = {};
  std::string system_account = {};
  std::string assert_server_version = {};
  bool strict_signing_key_usage = false;
};

struct ResponseClaim {
  int64_t max = 0;
  int64_t ttl_ns = 0;
  friend bool operator==(const ResponseClaim&, const ResponseClaim&) = default;
};

struct PermissionClaims {
  std::vector<std::string> publish_allow = {};
  std::vector<std::string> publish_deny = {};
  std::vector<std::string> subscribe_allow = {};
  std::vector<std::string> subscribe_deny = {};
  std::optional<ResponseClaim> response = {};
  friend bool operator==(const PermissionClaims&, const PermissionClaims&) = default;
  bool is_empty() const { return *this == PermissionClaims{}; }
};

// "HH:MM:SS" in the zone of UserLimits::times_location.
struct TimeRange {
  std::string start = {};
  std::string end = {};
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

// What a user may do, or the template of a scoped signing key.
struct UserLimits {
  PermissionClaims permissions = {};
  std::vector<std::string> source_networks = {};
  std::vector<TimeRange> times = {};
  std::string times_location = {};
  int64_t subscriptions = 0;
  int64_t data = 0;
  int64_t payload = 0;
  bool bearer_token = false;
  bool proxy_required = false;
  std::vector<std::string> connection_types = {};
  friend bool operator==(const UserLimits&, const UserLimits&) = default;
  bool is_empty() const { return *this == UserLimits{}; }
};

struct UserClaims : Claims {
  UserLimits limits = {};
  std::string issuer_account = {};  // "": the issuer is the account itself

  const std::string& account() const { return issuer_account.empty() ? issuer : issuer_account; }
};

struct UserScope {
  std::string key = {};
  std::string role = {};
  UserLimits limits = {};  // the template
  friend bool operator==(const UserScope&, const UserScope&) = default;
};

enum class ShareKind : uint8_t { kUnknown, kStream, kService };

// Public key (or "*" for all) -> Unix seconds: what was issued until then does not count.
using Revocations = std::map<std::string, int64_t>;
bool is_revoked(const Revocations& revocations, const std::string& key, int64_t issued_at);

struct ImportClaim {
  std::string name = {};
  std::string subject = {};
  std::string account = {};
  std::string token = {};
  std::string to = {};
  std::string local_subject = {};
  ShareKind kind = ShareKind::kUnknown;
  bool share = false;
  bool allow_trace = false;
};

struct LatencyClaim {
  int64_t sampling = 0;  // percent, 0: by header
  std::string results = {};
};

struct ExportClaim {
  std::string name = {};
  std::string subject = {};
  ShareKind kind = ShareKind::kUnknown;
  bool token_required = false;
  Revocations revocations = {};
  std::string response_type = {};
  int64_t response_threshold_ns = 0;
  std::optional<LatencyClaim> latency = {};
  uint64_t account_token_position = 0;
  bool allow_trace = false;
};

struct JetStreamClaim {
  int64_t memory = 0;
  int64_t disk = 0;
  int64_t streams = 0;
  int64_t consumers = 0;
  int64_t max_ack_pending = 0;
  int64_t memory_max_stream_bytes = 0;
  int64_t disk_max_stream_bytes = 0;
  bool max_bytes_required = false;
  friend bool operator==(const JetStreamClaim&, const JetStreamClaim&) = default;
};

struct AccountLimitClaims {
  int64_t subscriptions = 0;
  int64_t data = 0;
  int64_t payload = 0;
  int64_t imports = 0;
  int64_t exports = 0;
  bool wildcard_exports = false;
  bool disallow_bearer = false;
  int64_t connections = 0;
  int64_t leafnodes = 0;
  JetStreamClaim jetstream = {};
  std::map<std::string, JetStreamClaim> tiers = {};
};

struct CalloutClaims {
  std::vector<std::string> auth_users = {};
  std::vector<std::string> allowed_accounts = {};
  std::string xkey = {};
};

struct TraceClaim {
  std::string destination = {};
  int64_t sampling = 0;
};

struct AccountClaims : Claims {
  std::vector<ImportClaim> imports = {};
  std::vector<ExportClaim> exports = {};
  AccountLimitClaims limits = {};
  std::map<std::string, std::optional<UserScope>> signing_keys = {};
  Revocations revocations = {};
  PermissionClaims default_permissions = {};
  std::vector<conf::MappingOptions> mappings = {};
  CalloutClaims callout = {};
  std::optional<TraceClaim> trace = {};
  std::string cluster_traffic = {};
  std::string description = {};
  std::string info_url = {};
};

struct ActivationClaims : Claims {
  std::string import_subject = {};
  ShareKind import_kind = ShareKind::kUnknown;
  std::string issuer_account = {};
};

// The answer of an auth callout service.
struct AuthResponseClaims : Claims {
  std::string jwt = {};
  std::string error = {};
  std::string issuer_account = {};
};

// A JWT of no type that is known. `accounts`: the list of a request to delete some.
struct GenericClaims : Claims {
  std::optional<std::vector<std::string>> accounts = {};
};

}  // namespace petrel::auth
