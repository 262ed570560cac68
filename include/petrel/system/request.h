// Requests of the system account: which service a subject names, what its body asks for, which
// servers are meant.
//
// Thread: values and pure functions. Errors: nats-server's texts, to be sent with code 400.
// Source: spec monitoring.md section 5, protocol.md section 13.
#pragma once

#include "petrel/base/result.h"
#include "petrel/monitor/query.h"
#include "petrel/system/server_description.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::system {

enum class Service : uint8_t {
  kStatsz,
  kIdz,
  kVarz,
  kSubsz,
  kConnz,
  kRoutez,
  kGatewayz,
  kLeafz,
  kAccountz,
  kJsz,
  kHealthz,
  kProfilez,
  kExpvarz,
  kIpqueuesz,
  kRaftz,
  kReload,
  kKick,
  kLameDuck,
  // Of one account, or of all (kAccountsStatz):
  kAccountSubsz,
  kAccountConnz,
  kAccountLeafz,
  kAccountJsz,
  kAccountInfo,
  kAccountStatz,
  kAccountConns,
  kAccountsStatz,
};

// The subjects to subscribe to in the system account, each with what it asks for.
struct Door {
  std::string subject = {};
  Service service = Service::kStatsz;
};
std::vector<Door> service_doors(const std::string& server_id);

// The account in "$SYS.REQ.ACCOUNT.<account>.CONNZ".
std::string account_of(Slice subject);

// Which servers are meant; empty members mean all.
struct ServerFilter {
  std::string name = {};
  std::string host = {};
  std::string cluster = {};
  std::string domain = {};
  std::vector<std::string> tags = {};
  bool is_exact = false;

  bool admits(const ServerDescription& server) const;
};

struct RequestOptions {
  ServerFilter filter = {};
  monitor::Query::Params params = {};  // as the HTTP endpoint takes them
  // Without a parameter of HTTP:
  std::vector<std::string> accounts = {};  // STATZ of accounts
  bool include_unused = false;
  std::string filter_subject = {};  // CONNZ
  std::string profile = {};         // PROFILEZ
  int64_t profile_duration_ns = 0;
  uint64_t cid = 0;  // KICK, LDM
};

// An empty body asks for the defaults.
Result<RequestOptions> parse_options(Service service, Slice body);

}  // namespace petrel::system
