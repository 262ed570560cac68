// AccountResolver: where account JWTs come from: memory, a URL, a directory, other servers.
//
// Owner: AuthService. Thread: the one that decides; a URL is asked on threads of its own.
// Errors: nats-server's texts. Source: spec auth.md 4.1.
#pragma once

#include "server/auth_environment.h"
#include "server/jwt_directory.h"

#include "petrel/auth/operator_trust.h"
#include "petrel/net/worker_pool.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace petrel::server {

class AccountResolver {
 public:
  using Done = std::function<void(const Result<std::string>& token)>;
  // Asks the servers of the system account; the first answer that is not empty counts.
  using AskOthers = std::function<void(const std::string& account, Duration timeout, Done done)>;

  // Loads the preloads and tries a URL.
  static Result<std::unique_ptr<AccountResolver>> create(AuthEnvironment& environment,
                                                         const auth::OperatorTrust& trust,
                                                         AskOthers ask_others);

  conf::ResolverKind kind() const { return options_.kind; }
  // Null: no directory.
  JwtDirectory* directory() { return directory_.get(); }
  const conf::ResolverOptions& options() const { return options_; }
  // Takes over accounts of the configuration; what it does not name any more stays.
  Status preload(const std::map<std::string, std::string>& tokens);
  // `done` is called at once or later.
  void fetch(const std::string& account, Done done);

 private:
  explicit AccountResolver(AuthEnvironment& environment) : environment_(environment) {}
  Status prepare(const auth::OperatorTrust& trust);
  Result<std::string> fetch_url(const std::string& account) const;
  void fetch_from_directory(const std::string& account, Done done);

  AuthEnvironment& environment_;
  conf::ResolverOptions options_;
  std::optional<conf::TlsOptions> tls_;
  AskOthers ask_others_;
  std::map<std::string, std::string> memory_;
  std::unique_ptr<JwtDirectory> directory_;
  std::unique_ptr<net::WorkerPool> fetchers_;
};

}  // namespace petrel::server
