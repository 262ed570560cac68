// AuthService: decides over clients where that takes time or asks others (operator mode, auth
// callout), on a thread of its own; the answers go back to the loops as tasks.
//
// Owner: Server. Thread: decide from any loop; the rest of its state belongs to its thread.
// Limits: kWaitingMax decisions wait; more are refused.
// Source: spec auth.md 1, 4, 5.
#pragma once

#include "server/account_keeper.h"
#include "server/account_requests.h"
#include "server/account_resolver.h"
#include "server/auth_callout.h"
#include "server/auth_environment.h"
#include "server/internal_endpoints.h"

#include "petrel/auth/auth_request.h"
#include "petrel/net/worker_pool.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace petrel::server {

class AuthService {
 public:
  static constexpr size_t kWaitingMax = 65536;

  // Null: the configuration needs none. Errors: nats-server's texts at start.
  static Result<std::unique_ptr<AuthService>> create(AuthEnvironment environment);
  ~AuthService();

  // The service of the first loop, to be handed over to it before it runs.
  std::unique_ptr<InternalEndpoints> take_endpoints() { return std::move(own_endpoints_); }
  // The loops run: accounts may be fetched, first those whose streams are stored here.
  void start(const std::vector<std::string>& stored_accounts);
  // No loop gets an answer after this.
  void stop();

  // False: too much waits.
  bool decide(router::ConnectionHandle connection, auth::AuthRequest request);
  // The configuration was read again.
  void reload();
  // Of operator mode; "": the configuration says.
  std::string system_account() const { return trust_ ? trust_->system_account() : ""; }

 private:
  using Decided = std::function<void(auth::AuthAnswer)>;

  AuthService(AuthEnvironment environment);
  Status prepare();
  Status require_system_account();
  void start_system_account();
  void reload_preloads();
  void decide_now(const auth::AuthRequest& request, const Decided& decided);
  Result<auth::UserClaims> claims_of(auth::AuthRequest& request) const;
  void admit(const auth::AuthRequest& request, const auth::UserClaims& claims,
             const AccountKeeper::AccountPtr& account, const Decided& decided);
  void ask_others(const std::string& account, Duration timeout, AccountResolver::Done done);

  AuthEnvironment environment_;
  std::unique_ptr<auth::LocalClock> clock_;
  std::unique_ptr<InternalEndpoints> own_endpoints_;  // until the loop has them
  InternalEndpoints* endpoints_;
  std::shared_ptr<const auth::OperatorTrust> trust_;  // null: config mode
  std::unique_ptr<AccountResolver> resolver_;
  std::map<std::string, std::string> preloads_;  // the configuration's, as last read
  std::unique_ptr<AccountKeeper> keeper_;
  std::unique_ptr<AccountRequests> requests_;
  std::unique_ptr<AuthCallout> callout_;
  std::unique_ptr<net::WorkerPool> thread_;
};

}  // namespace petrel::server
