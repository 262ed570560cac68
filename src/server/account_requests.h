// AccountRequests: what the system account may ask about accounts: look up, list, update, delete,
// pack ($SYS.REQ.CLAIMS..., $SYS.REQ.ACCOUNT.<id>.CLAIMS...).
//
// Owner: AuthService. Thread: `serve` and what comes in on the first loop, the rest on the thread
// that decides. Errors: nats-server's texts. Source: spec auth.md 4.1.
#pragma once

#include "server/account_keeper.h"
#include "server/account_resolver.h"
#include "server/auth_environment.h"
#include "server/internal_endpoints.h"

#include <memory>
#include <string>

namespace petrel::server {

class AccountRequests {
 public:
  AccountRequests(AuthEnvironment& environment, InternalEndpoints& endpoints,
                  std::shared_ptr<const auth::OperatorTrust> trust, AccountResolver& resolver,
                  AccountKeeper& keeper);

  // Before the loops run.
  void serve();
  // The loops run: what is done again and again begins.
  void start();
  // Files of the directory that changed beside us.
  void reread_directory();

 private:
  using Handler = void (AccountRequests::*)(const InternalMessage& request);
  struct Outcome {
    std::string account = {};
    std::string message = {};
    std::string error = {};  // "": none
  };

  void serve_one(const std::string& subject, const std::string& queue, Handler handler);
  void update_named(const InternalMessage& request);
  void update_any(const InternalMessage& request);
  void update_known(const InternalMessage& request);
  void store(const InternalMessage& request, const auth::AccountClaims& claims);
  void lookup(const InternalMessage& request);
  void list(const InternalMessage& request);
  void remove(const InternalMessage& request);
  void pack(const InternalMessage& request);
  void take_pack(const InternalMessage& packed);
  void ask_for_packs();
  void forget_unused();
  using Step = void (AccountRequests::*)();
  void repeat(const std::string& name, Duration every, Step step);

  Result<std::vector<std::string>> read_removal(const std::string& token, std::string& by) const;
  std::string words(const char* full, const char* cache) const;
  void respond(const InternalMessage& request, const Outcome& outcome);
  void reply(const InternalMessage& request, std::string body);
  std::string server_json();
  bool is_cache() const { return resolver_.kind() == conf::ResolverKind::kCache; }

  AuthEnvironment& environment_;
  InternalEndpoints& endpoints_;
  const std::shared_ptr<const auth::OperatorTrust> trust_;
  AccountResolver& resolver_;
  AccountKeeper& keeper_;
  const std::string pack_inbox_;
  uint64_t sent_ = 0;
};

}  // namespace petrel::server
