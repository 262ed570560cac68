// AuthCallout: has an auth callout service decide over clients, in config and in operator mode.
//
// Owner: AuthService. Thread: the one that decides. The request goes out and the answer comes in
// over InternalEndpoints; nothing waits.
// Errors: nats-server's texts. Source: spec auth.md 5.
#pragma once

#include "server/account_keeper.h"
#include "server/auth_environment.h"
#include "server/internal_endpoints.h"

#include "petrel/auth/auth_request.h"
#include "petrel/auth/callout_request.h"
#include "petrel/auth/local_clock.h"
#include "petrel/auth/operator_trust.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace petrel::server {

class AuthCallout {
 public:
  using Decided = std::function<void(auth::AuthAnswer answer)>;

  struct Parts {
    AuthEnvironment& environment;
    InternalEndpoints& endpoints;
    const auth::LocalClock& clock;
    std::shared_ptr<const auth::OperatorTrust> trust = {};  // null: config mode
    AccountKeeper* keeper = nullptr;                        // null: config mode
  };
  explicit AuthCallout(Parts parts) : parts_(std::move(parts)) {}

  // `account`: whose service decides; null: that of the configuration.
  void ask(const auth::AuthRequest& request, const AccountKeeper::AccountPtr& account,
           Decided decided);

 private:
  struct Asked {
    auth::AuthRequest request = {};
    AccountKeeper::AccountPtr account = {};  // null: config mode
    std::string account_name = {};
    std::string user_nkey = {};
    std::string xkey = {};  // of the service, "": nothing is encrypted
    conf::AuthCalloutOptions options = {};
    Decided decided = {};
  };
  using AskedPtr = std::shared_ptr<const Asked>;

  auth::CalloutRequest make_request(const Asked& asked) const;
  void send(const AskedPtr& asked);
  void answered(const AskedPtr& asked, const std::optional<std::string>& body);
  Result<auth::UserClaims> read_answer(const Asked& asked, const std::string& body) const;
  Status check_issuer(const Asked& asked, const auth::Claims& answer,
                      const std::string& issuer_account) const;
  // The account that the user is for.
  Result<std::string> target_of(const Asked& asked, const auth::UserClaims& user) const;
  void place(const AskedPtr& asked, auth::UserClaims user);
  void admit(const Asked& asked, const auth::UserClaims& user, const auth::AccountPtr& account);
  void refuse(const Asked& asked, const std::string& reason) const;

  Parts parts_;
};

}  // namespace petrel::server
