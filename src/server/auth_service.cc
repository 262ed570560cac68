#include "server/auth_service.h"

#include "server/time_zones.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/go_quote.h"

#include <algorithm>

namespace petrel::server {

namespace {

auth::AuthAnswer refused(std::string reason, bool is_error = false) {
  auth::AuthAnswer answer;
  answer.reason = std::move(reason);
  answer.is_error = is_error;
  return answer;
}

std::string random_inbox() {
  NkeyBytes random;
  for (size_t i = 0; i < random.size(); i += 8) {
    const uint64_t number = random_seed();
    for (size_t j = 0; j < 8; ++j) random[i + j] = static_cast<uint8_t>(number >> (8 * j));
  }
  return "$SYS._INBOX." + encode_public_nkey(NkeyKind::kServer, random).substr(1, 22);
}

}  // namespace

AuthService::AuthService(AuthEnvironment environment)
    : environment_(std::move(environment)),
      clock_(std::make_unique<TimeZones>()),
      own_endpoints_(std::make_unique<InternalEndpoints>(environment_.accounts, random_inbox())),
      endpoints_(own_endpoints_.get()),
      thread_(std::make_unique<net::WorkerPool>(1, kWaitingMax)) {
  environment_.decide_later = [this](std::function<void()> task) {
    return thread_->push(std::move(task));
  };
  environment_.watch_expiry = [this](const std::string& account, WallTime at) {
    environment_.post(0, [this, account, at](shard::Shard&) {
      endpoints_->call_at(account, at, [this, account] {
        static_cast<void>(environment_.decide_later([this, account] { keeper_->expire(account); }));
      });
    });
  };
}

AuthService::~AuthService() {
  stop();
}

void AuthService::stop() {
  thread_->close();
}

Result<std::unique_ptr<AuthService>> AuthService::create(AuthEnvironment environment) {
  const std::shared_ptr<const conf::Options> options = environment.options();
  PETREL_TRY(auto trust, auth::OperatorTrust::create(*options));
  if (trust == nullptr && !options->authorization.auth_callout) {
    return std::unique_ptr<AuthService>();
  }
  std::unique_ptr<AuthService> service(new AuthService(std::move(environment)));
  service->trust_ = std::move(trust);
  PETREL_TRY_STATUS(service->prepare());
  return service;
}

Status AuthService::prepare() {
  if (trust_ != nullptr) {
    preloads_ = environment_.options()->operators.resolver_preload;
    PETREL_TRY(resolver_,
               AccountResolver::create(environment_, *trust_,
                                       [this](const std::string& account, Duration timeout,
                                              AccountResolver::Done done) {
                                         ask_others(account, timeout, std::move(done));
                                       }));
    keeper_ = std::make_unique<AccountKeeper>(environment_, trust_, *resolver_);
    PETREL_TRY_STATUS(require_system_account());
    if (!trust_->system_account().empty()) {
      requests_ = std::make_unique<AccountRequests>(environment_, *endpoints_, trust_, *resolver_,
                                                    *keeper_);
      requests_->serve();
    }
  }
  callout_ = std::make_unique<AuthCallout>(
      AuthCallout::Parts{environment_, *endpoints_, *clock_, trust_, keeper_.get()});
  return {};
}

// What memory lacks will not come later, as it may from a directory or a URL.
Status AuthService::require_system_account() {
  const bool is_memory = resolver_->kind() == conf::ResolverKind::kMemory;
  if (!is_memory || trust_->system_account().empty()) return {};
  Status status;
  keeper_->lookup(trust_->system_account(),
                  [&status](const AccountKeeper::AccountPtr& account, const std::string& why) {
                    if (account != nullptr) return;
                    status = Error{Errc::kNotFound, "error resolving system account: " + why};
                  });
  return status;
}

// Streams are served without anybody of their account having connected: they may have sources or
// import their subjects from others.
void AuthService::start(const std::vector<std::string>& stored_accounts) {
  if (trust_ == nullptr) return;
  static_cast<void>(environment_.decide_later([this, stored_accounts] {
    if (!trust_->system_account().empty()) start_system_account();
    for (const std::string& name : stored_accounts) {
      keeper_->lookup(
          name, [this, name](const AccountKeeper::AccountPtr& account, const std::string& why) {
            if (account != nullptr) return;
            environment_.say(LogLevel::kWarn,
                             "JetStream account '" + name + "' could not be resolved: " + why);
          });
    }
  }));
}

void AuthService::start_system_account() {
  requests_->start();
  keeper_->lookup(trust_->system_account(),
                  [this](const AccountKeeper::AccountPtr& account, const std::string& why) {
                    if (account != nullptr) return;
                    environment_.say(LogLevel::kInfo, "Using bootstrapping system account");
                    environment_.say(LogLevel::kDebug, why);
                    keeper_->add_temporary_system_account();
                  });
}

void AuthService::reload() {
  if (resolver_ == nullptr) return;
  static_cast<void>(environment_.decide_later([this] {
    reload_preloads();
    if (requests_ != nullptr) requests_->reread_directory();
  }));
}

// Accounts that are in use take over what the configuration says of them now.
void AuthService::reload_preloads() {
  const std::shared_ptr<const conf::Options> options = environment_.options();
  const auto& tokens = options->operators.resolver_preload;
  if (tokens == preloads_) return;
  preloads_ = tokens;
  if (Status status = resolver_->preload(preloads_); !status) {
    environment_.say(LogLevel::kError, status.error().detail);
    return;
  }
  for (const auto& [account, token] : preloads_) {
    if (keeper_->find(account) == nullptr) continue;
    if (const std::string why = keeper_->update(account, token); !why.empty()) {
      environment_.say(LogLevel::kError,
                       "Update for account " + go_quote(account) + " resulted in error " + why);
    }
  }
}

bool AuthService::decide(router::ConnectionHandle connection, auth::AuthRequest request) {
  return environment_.decide_later([this, connection, request = std::move(request)] {
    decide_now(request, [this, connection](const auth::AuthAnswer& answer) {
      environment_.post(connection.loop, [connection, answer](shard::Shard& shard) {
        shard.authentication_decided(connection, answer);
      });
    });
  });
}

void AuthService::ask_others(const std::string& account, Duration timeout,
                             AccountResolver::Done done) {
  InternalMessage question;
  question.account = trust_->system_account();
  question.subject = "$SYS.REQ.ACCOUNT." + account + ".CLAIMS.LOOKUP";
  environment_.post(0, [this, question = std::move(question), timeout, done](shard::Shard&) {
    endpoints_->ask(question, timeout, true, [this, done](std::optional<std::string> body) {
      static_cast<void>(environment_.decide_later([done, body = std::move(body)] {
        if (body && !body->empty()) {
          done(*body);
        } else {
          done(Error{Errc::kNotFound, "account jwt not found"});
        }
      }));
    });
  });
}

// The user's JWT, or the default one for those who show none.
Result<auth::UserClaims> AuthService::claims_of(auth::AuthRequest& request) const {
  if (!auth::decode_user_claims(request.connect.jwt)) {
    request.connect.jwt = environment_.options()->operators.default_sentinel;
  }
  if (request.connect.jwt.empty()) {
    return Error{Errc::kInvalidArgument, "Authentication requires a user JWT"};
  }
  return auth::read_user(request.connect.jwt, environment_.wall_now());
}

void AuthService::decide_now(const auth::AuthRequest& asked, const Decided& decided) {
  if (trust_ == nullptr) {
    callout_->ask(asked, nullptr, decided);
    return;
  }
  auth::AuthRequest request = asked;
  const auto claims = claims_of(request);
  if (!claims) {
    decided(refused(claims.error().detail));
    return;
  }
  if (claims->limits.proxy_required && request.proxy_key.empty()) {
    auth::AuthAnswer answer;
    answer.kind = auth::AuthAnswer::Kind::kProxyRequired;
    decided(std::move(answer));
    return;
  }
  const std::string& account = claims->account();
  const auto& pinned = trust_->pinned_accounts();
  if (!pinned.empty() && pinned.count(account) == 0) {
    decided(refused("Account " + account + " not listed as operator pinned account"));
    return;
  }
  keeper_->lookup(account, [this, request, claims = *claims, decided](
                               const AccountKeeper::AccountPtr& found, const std::string& why) {
    if (found == nullptr) {
      decided(refused("Account JWT lookup error: " + why));
    } else {
      admit(request, claims, found, decided);
    }
  });
}

void AuthService::admit(const auth::AuthRequest& request, const auth::UserClaims& claims,
                        const AccountKeeper::AccountPtr& account, const Decided& decided) {
  // The temporary system account is signed by nobody.
  if (!account->claims.issuer.empty() && !trust_->trusts(account->claims.issuer)) {
    decided(refused("Account JWT not signed by trusted operator"));
    return;
  }
  auth::ClientProof proof;
  proof.nonce = request.nonce;
  proof.signature = request.connect.sig;
  proof.ip = request.ip;
  proof.connection_type = request.connection_type;
  proof.is_trusted_proxy = !request.proxy_key.empty();
  const auth::AdmissionRules rules{*clock_, environment_.wall_now(),
                                   environment_.options()->petrel.strict_permissions};
  auth::Admission admission = auth::admit_user(claims, *account, proof, rules);
  if (admission.user == nullptr) {
    auth::AuthAnswer answer = refused(admission.reason, admission.is_error);
    if (admission.lacks_proxy) answer.kind = auth::AuthAnswer::Kind::kProxyRequired;
    decided(std::move(answer));
    return;
  }
  const auto& auth_users = account->claims.callout.auth_users;
  const bool is_auth_user =
      std::find(auth_users.begin(), auth_users.end(), claims.subject) != auth_users.end();
  if (!auth_users.empty() && !is_auth_user) {
    auth::AuthRequest named = request;
    named.jwt_name = claims.name;
    named.jwt_tags = claims.tags;
    callout_->ask(named, account, decided);
    return;
  }
  auth::AuthAnswer answer;
  answer.kind = auth::AuthAnswer::Kind::kAccepted;
  answer.user = std::move(admission.user);
  decided(std::move(answer));
}

}  // namespace petrel::server
