#include "server/auth_callout.h"

#include "petrel/auth/jwt.h"
#include "petrel/auth/jwt_user.h"
#include "petrel/base/go_quote.h"

#include <sodium.h>

#include <algorithm>
#include <cctype>

namespace petrel::server {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

Error wrong(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

// A new user key for each request: an answer to another one does not fit.
std::string new_user_nkey() {
  NkeyBytes seed;
  randombytes_buf(seed.data(), seed.size());
  return encode_public_nkey(NkeyKind::kUser, auth::SigningKey::from_seed(seed).public_key());
}

std::string shown_user(const proto::ConnectInfo& connect) {
  if (!connect.nkey.empty()) return connect.nkey;
  if (!connect.user.empty()) return connect.user;
  return connect.auth_token.empty() ? "" : "[REDACTED]";
}

std::string title_case(std::string text) {
  if (!text.empty()) {
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  }
  return text;
}

}  // namespace

void AuthCallout::ask(const auth::AuthRequest& request, const AccountKeeper::AccountPtr& account,
                      Decided decided) {
  auto asked = std::make_shared<Asked>();
  asked->request = request;
  asked->account = account;
  asked->user_nkey = new_user_nkey();
  asked->decided = std::move(decided);
  if (account != nullptr) {
    asked->account_name = account->account->name;
    asked->xkey = account->claims.callout.xkey;
  } else if (const auto options = parts_.environment.options()->authorization.auth_callout) {
    asked->options = *options;
    asked->account_name = options->account;
    asked->xkey = options->xkey;
  } else {
    refuse(*asked, "no auth callout service is configured");
    return;
  }
  send(asked);
}

auth::CalloutRequest AuthCallout::make_request(const Asked& asked) const {
  const std::shared_ptr<const conf::Options> options = parts_.environment.options();
  const Identity& identity = parts_.environment.identity;
  auth::CalloutRequest made;
  made.subject = asked.account != nullptr ? asked.account_name : asked.options.issuer;
  made.user_nkey = asked.user_nkey;
  made.shown_user = shown_user(asked.request.connect);
  made.issued_at = parts_.environment.wall_now().ns / kSecond;
  const Duration timeout = options->authorization.timeout.value_or(Duration::seconds(2));
  made.expires = (parts_.environment.wall_now() + timeout).ns / kSecond;
  made.server.name = options->server_name.empty() ? identity.id : options->server_name;
  made.server.host = options->host;
  made.server.id = identity.id;
  made.server.version = "2.15.2";
  made.server.cluster = options->cluster.name;
  made.server.tags = options->tags;
  if (!asked.xkey.empty()) made.server.xkey = identity.xkey;
  made.client = asked.request;
  return made;
}

void AuthCallout::send(const AskedPtr& asked) {
  const Identity& identity = parts_.environment.identity;
  InternalMessage message;
  message.account = asked->account_name;
  message.subject = std::string(auth::kCalloutSubject);
  message.body = auth::encode_callout_request(make_request(*asked), identity.signing_key);
  if (!asked->xkey.empty()) {
    const auto to = decode_public_nkey(asked->xkey, NkeyKind::kCurve);
    auth::CurveKey::Nonce nonce;
    randombytes_buf(nonce.data(), nonce.size());
    auto sealed = to ? identity.curve_key.seal(message.body, *to, nonce) : std::nullopt;
    if (!sealed) {
      refuse(*asked,
             "Error encrypting auth request claim on account " + go_quote(asked->account_name));
      return;
    }
    message.body = *std::move(sealed);
    message.header = "NATS/1.0\r\nNats-Server-Xkey: " + identity.xkey + "\r\n\r\n";
  }
  const std::shared_ptr<const conf::Options> options = parts_.environment.options();
  const Duration timeout = options->authorization.timeout.value_or(Duration::seconds(2));
  parts_.environment.post(0, [this, asked, timeout, message = std::move(message)](shard::Shard&) {
    parts_.endpoints.ask(message, timeout, true, [this, asked](std::optional<std::string> body) {
      const bool is_queued = parts_.environment.decide_later(
          [this, asked, body = std::move(body)] { answered(asked, body); });
      if (!is_queued) refuse(*asked, "too many clients wait for a decision");
    });
  });
}

void AuthCallout::answered(const AskedPtr& asked, const std::optional<std::string>& body) {
  if (!body) {
    parts_.environment.say(
        LogLevel::kDebug,
        "Authorization callout response not received in time on account " + asked->account_name);
    refuse(*asked, "");
    return;
  }
  auto user = read_answer(*asked, *body);
  if (!user) {
    refuse(*asked, title_case(user.error().detail));
    return;
  }
  const bool needs_proxy = asked->request.proxy_required || user->limits.proxy_required;
  if (needs_proxy && asked->request.proxy_key.empty()) {
    auth::AuthAnswer answer;
    answer.kind = auth::AuthAnswer::Kind::kProxyRequired;
    asked->decided(std::move(answer));
    return;
  }
  const auth::Issues issues = auth::validate(*user, parts_.environment.wall_now().ns / kSecond);
  if (!issues.empty()) {
    refuse(*asked, "Error validating user JWT: " + issues.front().text);
    return;
  }
  if (user->subject != asked->user_nkey) {
    refuse(*asked, "Expected authorized user of " + go_quote(asked->user_nkey) + " but got " +
                       go_quote(user->subject) + " on account " + go_quote(asked->account_name));
    return;
  }
  place(asked, *std::move(user));
}

Result<auth::UserClaims> AuthCallout::read_answer(const Asked& asked,
                                                  const std::string& body) const {
  const std::string on_account = " on account " + go_quote(asked.account_name);
  if (body.empty()) {
    return wrong("auth callout violation: \"no reason supplied\"" + on_account);
  }
  std::string token = body;
  bool was_sealed = false;
  if (!asked.xkey.empty() && body.rfind(auth::kJwtPrefix, 0) != 0) {
    const auto from = decode_public_nkey(asked.xkey, NkeyKind::kCurve);
    auto opened = from ? parts_.environment.identity.curve_key.open(body, *from) : std::nullopt;
    if (!opened) return wrong("error decrypting auth callout response" + on_account);
    token = *std::move(opened);
    was_sealed = true;
  }
  PETREL_TRY(const auth::AuthResponseClaims answer, auth::decode_auth_response_claims(token));
  const auth::Issues issues = auth::validate(answer, parts_.environment.wall_now().ns / kSecond);
  if (!issues.empty()) {
    return wrong("authorization response had validation errors: " + issues.front().text);
  }
  if (answer.subject != asked.user_nkey) {
    return wrong("auth callout violation: auth callout response is not for expected user");
  }
  if (answer.audience != parts_.environment.identity.id) {
    return wrong("auth callout violation: auth callout response is not for server");
  }
  if (!was_sealed) PETREL_TRY_STATUS(check_issuer(asked, answer, answer.issuer_account));
  if (!answer.error.empty()) {
    return wrong("auth callout service returned an error: " + answer.error);
  }
  return auth::decode_user_claims(answer.jwt);
}

Status AuthCallout::check_issuer(const Asked& asked, const auth::Claims& answer,
                                 const std::string& issuer_account) const {
  if (asked.account == nullptr) {
    if (answer.issuer == asked.options.issuer) return {};
    return wrong("auth callout signing key is unknown");
  }
  if (!issuer_account.empty() && issuer_account != asked.account_name) {
    return wrong("auth callout response issuer account " + go_quote(issuer_account) +
                 " is not the callout account");
  }
  const auth::UserScope* scope = nullptr;
  if (answer.issuer == asked.account_name || asked.account->has_issuer(answer.issuer, &scope)) {
    return {};
  }
  return wrong("auth callout signing key is unknown");
}

Result<std::string> AuthCallout::target_of(const Asked& asked, const auth::UserClaims& user) const {
  const std::string on_account = " on account " + go_quote(asked.account_name);
  if (asked.account == nullptr) {
    if (!user.issuer_account.empty()) {
      return wrong("error non operator mode account " + go_quote(asked.account_name) +
                   ": attempted to use issuer_account");
    }
    if (user.issuer != asked.options.issuer) {
      return wrong("wrong issuer for auth callout response" + on_account + ", expected " +
                   go_quote(asked.options.issuer) + " got " + go_quote(user.issuer));
    }
    return user.audience;
  }
  const std::string& target = user.account();
  if (target == asked.account_name) return target;
  const auto& allowed = asked.account->claims.callout.allowed_accounts;
  const bool takes_any = allowed.size() == 1 && allowed.front() == auth::kAnyAccount;
  if (takes_any || std::find(allowed.begin(), allowed.end(), target) != allowed.end()) {
    return target;
  }
  return wrong("account " + go_quote(user.issuer) +
               " not permitted as valid account option for auth callout for account " +
               go_quote(asked.account_name));
}

void AuthCallout::place(const AskedPtr& asked, auth::UserClaims user) {
  const auto target = target_of(*asked, user);
  if (!target) {
    refuse(*asked, title_case(target.error().detail));
    return;
  }
  const std::string about = "No valid account " + go_quote(*target) +
                            " for auth callout response on account " +
                            go_quote(asked->account_name) + ": ";
  if (asked->account == nullptr) {
    const auth::AccountPtr account = parts_.environment.find_account(*target);
    if (account == nullptr) {
      refuse(*asked, about + "account missing");
    } else {
      admit(*asked, user, account);
    }
    return;
  }
  parts_.keeper->lookup(
      *target, [this, asked, user = std::move(user), about](
                   const AccountKeeper::AccountPtr& account, const std::string& why) {
        if (account == nullptr) {
          refuse(*asked, about + why);
          return;
        }
        const auth::UserScope* scope = nullptr;
        auth::UserClaims placed = user;
        if (!account->has_issuer(user.issuer, &scope)) {
          refuse(*asked, "User JWT issuer " + go_quote(user.issuer) + " is not known");
          return;
        }
        if (scope != nullptr) {
          auto limits = auth::scoped_limits(*scope, user, account->claims);
          if (!limits) {
            refuse(*asked, "User JWT is not valid: " + limits.error().detail);
            return;
          }
          placed.limits = *std::move(limits);
        }
        if (auth::is_revoked(account->claims.revocations, user.subject, user.issued_at)) {
          refuse(*asked, "User authentication revoked");
          return;
        }
        admit(*asked, placed, account->account);
      });
}

void AuthCallout::admit(const Asked& asked, const auth::UserClaims& user,
                        const auth::AccountPtr& account) {
  auth::AuthAnswer answer;
  if (user.limits.proxy_required && asked.request.proxy_key.empty()) {
    answer.kind = auth::AuthAnswer::Kind::kProxyRequired;
    asked.decided(std::move(answer));
    return;
  }
  auth::ClientProof proof;
  proof.ip = asked.request.ip;
  proof.connection_type = asked.request.connection_type;
  proof.is_trusted_proxy = !asked.request.proxy_key.empty();
  const bool is_service_account = account->name == asked.account_name;
  auth::UserClaims limited = user;
  // Who is in the service's account may not pose as the server.
  if (is_service_account) {
    limited.limits.permissions.publish_deny.emplace_back(auth::kCalloutSubject);
  }
  const auth::AdmissionRules rules{parts_.clock, parts_.environment.wall_now(),
                                   parts_.environment.options()->petrel.strict_permissions};
  auth::Admission admission = auth::admit_callout_user(limited, account, proof, rules);
  if (admission.user == nullptr) {
    refuse(asked, title_case(admission.reason));
    return;
  }
  answer.kind = auth::AuthAnswer::Kind::kAccepted;
  answer.user = std::move(admission.user);
  asked.decided(std::move(answer));
}

void AuthCallout::refuse(const Asked& asked, const std::string& reason) const {
  if (!reason.empty()) parts_.environment.say(LogLevel::kWarn, reason);
  asked.decided({});
}

}  // namespace petrel::server
