// Account: one tenant as the configuration (or a JWT) describes it. AccountSnapshot: all accounts
// that the configuration describes, with $G and $SYS.
//
// Immutable once shared: a reload or a new JWT makes new ones. What an account has at run time
// (interest, counters) is router::AccountInterest, by name, and outlives its descriptions.
// Thread: any. Errors: nats-server's texts. Source: spec auth.md 8, config.md 6, protocol.md 12.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options.h"
#include "petrel/subject/subject_mapping.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace petrel::auth {

inline constexpr const char* kGlobalAccount = "$G";
inline constexpr const char* kSystemAccount = "$SYS";

struct Account {
  std::string name = {};
  std::string name_tag = {};  // for people; "": the name
  bool is_system = false;
  conf::AccountLimits limits = {};
  std::optional<conf::RateLimit> rate_limit = {};              // not set: the default
  std::optional<conf::AccountJetStreamLimits> jetstream = {};  // not set: no JetStream
  // With tiers (operator mode), `jetstream` only says that there is JetStream. By "R1", "R3".
  std::map<std::string, conf::AccountJetStreamLimits> jetstream_tiers = {};
  std::vector<subject::SubjectMapping> mappings = {};
  std::vector<conf::MappingOptions> mapping_options = {};  // the same, for monitoring
  std::vector<conf::ExportOptions> exports = {};
  std::vector<conf::ImportOptions> imports = {};
  std::string trace_destination = {};
  int trace_sampling = 0;  // percent
};

using AccountPtr = std::shared_ptr<const Account>;

// How fast its clients may publish: its own limit, else `otherwise`, which does not hold for the
// system account. `account` null: nothing is said of it.
conf::RateLimit rate_limit_of(const Account* account, const conf::RateLimit& otherwise);

Result<std::vector<subject::SubjectMapping>> make_mappings(
    const std::vector<conf::MappingOptions>& options);

class AccountSnapshot {
 public:
  // `options` as read from a configuration: every import was checked against its export.
  static Result<std::shared_ptr<const AccountSnapshot>> create(const conf::Options& options);

  // Null: no such account.
  AccountPtr find(Slice name) const;
  const AccountPtr& global() const { return global_; }
  // Null with no_system_account.
  const AccountPtr& system() const { return system_; }
  // By name.
  const std::map<std::string, AccountPtr, std::less<>>& all() const { return accounts_; }

 private:
  std::map<std::string, AccountPtr, std::less<>> accounts_;
  AccountPtr global_;
  AccountPtr system_;
};

}  // namespace petrel::auth
