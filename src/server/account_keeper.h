// AccountKeeper: the accounts of operator mode: fetched when somebody needs them, verified, kept,
// updated and told to the rest of the server.
//
// Owner: AuthService. Thread: the one that decides (AuthService's).
// An account waits for those that it imports from; what cannot be had in time is left out until it
// appears. Errors: nats-server's texts. Source: spec auth.md 4.
#pragma once

#include "server/account_resolver.h"
#include "server/auth_environment.h"

#include "petrel/auth/jwt_account.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::server {

class AccountKeeper {
 public:
  using AccountPtr = std::shared_ptr<const auth::JwtAccount>;
  // Null: `why`.
  using Found = std::function<void(const AccountPtr& account, const std::string& why)>;

  AccountKeeper(AuthEnvironment& environment, std::shared_ptr<const auth::OperatorTrust> trust,
                AccountResolver& resolver)
      : environment_(environment), trust_(std::move(trust)), resolver_(resolver) {}

  // Answers at once if the account is known, else when it came.
  void lookup(const std::string& name, Found found);
  AccountPtr find(const std::string& name) const;
  // Takes over new claims of an account that is known. "", or why not.
  std::string update(const std::string& name, const std::string& token);
  // Its JWT was deleted: nobody gets in, those inside go.
  void disable(const std::string& name);
  // Stands in for the system account until its JWT comes.
  void add_temporary_system_account();
  // The expiry of an account's claims, when it came due.
  void expire(const std::string& name);

 private:
  struct Pending {
    std::vector<Found> waiting = {};
    auth::AccountClaims claims = {};
    std::string token = {};
    size_t missing = 0;  // exporters that it waits for
  };

  Result<auth::AccountClaims> verify(const std::string& token) const;
  void fetched(const std::string& name, const Result<std::string>& token);
  void exporter_came(const std::string& name);
  void finish(const std::string& name);
  void fail(const std::string& name, const std::string& why);
  void install(auth::AccountClaims claims, const std::string& token);
  void announce(const AccountPtr& before, const AccountPtr& after);
  void complete_importers(const std::string& exporter);
  void import_again(const std::string& name);
  void watch(const auth::JwtAccount& account);
  auth::AccountMaking making() const;
  int64_t now_seconds() const { return environment_.wall_now().ns / 1'000'000'000; }

  AuthEnvironment& environment_;
  const std::shared_ptr<const auth::OperatorTrust> trust_;
  AccountResolver& resolver_;
  std::map<std::string, AccountPtr> accounts_;
  std::map<std::string, Pending> pending_;
  std::set<std::string> disabled_;
  std::map<std::string, std::set<std::string>> importers_;  // by exporter
};

}  // namespace petrel::server
