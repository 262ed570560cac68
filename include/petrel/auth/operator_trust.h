// OperatorTrust: which keys may sign accounts, as the operators of the configuration say.
//
// Immutable. Thread: any. Errors: what nats-server says at start.
// Source: spec auth.md 4.
#pragma once

#include "petrel/auth/jwt_claims.h"
#include "petrel/base/result.h"
#include "petrel/conf/options.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::auth {

class OperatorTrust {
 public:
  // Null: the configuration has neither operators nor trusted keys.
  static Result<std::shared_ptr<const OperatorTrust>> create(const conf::Options& options);

  bool trusts(const std::string& issuer) const { return keys_.count(issuer) != 0; }
  // Whether accounts that this key signed may not sign users themselves.
  bool is_strict(const std::string& issuer) const { return strict_keys_.count(issuer) != 0; }
  // "": none.
  const std::string& system_account() const { return system_account_; }
  // Of the first operator, for a resolver of its own. "": none.
  const std::string& account_server_url() const { return account_server_url_; }
  bool has_operators() const { return !operators_.empty(); }
  // Whether nobody but a signing key of the first operator may sign what is pushed.
  bool refuses_identity_key(const std::string& issuer) const;
  // Whether that key may ask for accounts to be deleted: one of the first operator's.
  bool may_delete(const std::string& key) const;
  // Accounts that may be used at all. Empty: all.
  const std::set<std::string>& pinned_accounts() const { return pinned_accounts_; }
  const std::string& default_sentinel() const { return default_sentinel_; }

 private:
  Status read_operators(const conf::Options& options);
  Status choose_system_account(const conf::Options& options);
  Status check_sentinel();

  std::vector<OperatorClaims> operators_;
  std::set<std::string> keys_;
  std::set<std::string> strict_keys_;
  std::set<std::string> pinned_accounts_;
  std::string system_account_;
  std::string account_server_url_;
  std::string default_sentinel_;
};

}  // namespace petrel::auth
