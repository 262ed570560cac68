// The accounts { } block as it stands in the configuration, with every import matched to an export.
// Thread: values, any thread. Source: spec config.md 6.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_auth.h"
#include "petrel/conf/options_jetstream.h"
#include "petrel/conf/position.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::conf {

enum class ResponseType : uint8_t { kSingleton, kStreamed, kChunked };

struct LatencyOptions {
  std::string subject = {};
  int sampling = 100;  // percent, 0: decided by a header of the request
  friend bool operator==(const LatencyOptions&, const LatencyOptions&) = default;
};

struct ExportOptions {
  std::string subject = {};
  bool is_service = false;
  // Who may import: empty and not restricted: everyone.
  std::vector<std::string> accounts = {};
  int64_t account_token_position = 0;  // 0: none
  ResponseType response_type = ResponseType::kSingleton;
  Duration response_threshold = {};  // 0: 2 minutes
  std::optional<LatencyOptions> latency = {};
  bool allow_trace = false;
  friend bool operator==(const ExportOptions&, const ExportOptions&) = default;
};

struct ImportOptions {
  bool is_service = false;
  std::string account = {};
  std::string subject = {};  // in the exporting account
  std::string to = {};       // in this account; "" for a stream: the same, or below the prefix
  std::string prefix = {};   // streams
  bool share = false;        // services
  bool allow_trace = false;  // streams
  friend bool operator==(const ImportOptions&, const ImportOptions&) = default;
};

struct AccountLimits {
  // -1: no limit.
  int32_t max_connections = -1;
  int32_t max_subscriptions = -1;
  int32_t max_payload = -1;
  int32_t max_leafnodes = -1;
  friend bool operator==(const AccountLimits&, const AccountLimits&) = default;
};

// How fast the clients of an account may publish, all of them together. 0: as fast as they can.
struct RateLimit {
  int64_t messages = 0;                   // a second
  int64_t bytes = 0;                      // a second, of headers and payloads
  Duration burst = Duration::seconds(1);  // what was not used for so long may be made up for
  bool is_set() const { return messages != 0 || bytes != 0; }
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct AccountOptions {
  std::string name = {};
  std::string nkey = {};
  std::vector<UserOptions> users = {};
  std::optional<PermissionOptions> default_permissions = {};
  std::vector<ExportOptions> exports = {};
  std::vector<ImportOptions> imports = {};
  std::vector<MappingOptions> mappings = {};
  std::optional<AccountJetStreamLimits> jetstream = {};  // not set: no JetStream
  AccountLimits limits = {};
  std::optional<RateLimit> rate_limit = {};  // not set: that of petrel { }
  std::string trace_destination = {};
  int trace_sampling = 0;  // percent
  Position position = {};
};

}  // namespace petrel::conf
