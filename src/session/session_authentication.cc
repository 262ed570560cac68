// Who a client is: what it showed, who decides, what follows from a decision and from later changes
// of its account.
#include "petrel/base/go_quote.h"
#include "petrel/session/client_session.h"

#include <algorithm>
#include <utility>

namespace petrel::session {

namespace {

CloseReason reason_of(auth::AuthFault fault) {
  switch (fault) {
    case auth::AuthFault::kProxyNotTrusted:
      return CloseReason::kProxyNotTrusted;
    case auth::AuthFault::kProxyRequired:
      return CloseReason::kProxyRequired;
    case auth::AuthFault::kViolation:
      return CloseReason::kAuthenticationViolation;
  }
  return CloseReason::kAuthenticationViolation;
}

}  // namespace

std::string ClientSession::nonce() const {
  return context_.config->nonces != nullptr ? context_.config->nonces->nonce_of(cid_) : "";
}

// Without the nonce, which costs something and few need.
auth::Credentials ClientSession::credentials() const {
  auth::Credentials shown;
  if (tls_peer_ != nullptr && !tls_peer_->certificates.empty()) {
    shown.certificate = &tls_peer_->identity;
  }
  if (details_ == nullptr) return shown;
  const proto::ConnectInfo& connect = details_->connect;
  shown.user = connect.user;
  shown.password = connect.pass;
  shown.token = connect.auth_token;
  shown.nkey = connect.nkey;
  shown.jwt = connect.jwt;
  shown.signature = connect.sig;
  shown.proxy_signature = connect.proxy_sig;
  return shown;
}

auth::Verdict ClientSession::ask_authenticator() {
  const std::string own_nonce = nonce();
  auth::Credentials shown = credentials();
  shown.nonce = own_nonce;
  auth::Verdict verdict = context_.config->authenticator->authenticate(shown);
  if (!verdict.reason.empty()) log(LogLevel::kDebug, verdict.reason);
  if (details_ != nullptr) details_->proxy_key = verdict.proxy_key;
  return verdict;
}

void ClientSession::authenticate() {
  if (context_.config->authenticator->maps_certificates() && details_ != nullptr &&
      !details_->connect.user.empty()) {
    log(LogLevel::kWarn, "User " + go_quote(details_->connect.user) +
                             " found in connect proto, but user required from cert");
  }
  auth::Verdict verdict = ask_authenticator();
  switch (verdict.kind) {
    case auth::Verdict::Kind::kAccepted:
      accept(verdict.user);
      return;
    case auth::Verdict::Kind::kRejected:
      fail_login(verdict.fault);
      return;
    case auth::Verdict::Kind::kVerifyPassword:
      waits_for_password_ = true;
      asks_if_wrong_ = verdict.asks_if_wrong;
      user_ = verdict.user;
      context_.host.pause_reads(*this);
      if (!context_.host.verify_password(*this, std::move(verdict.password_hash),
                                         std::move(verdict.password))) {
        fail_login();
      }
      return;
    case auth::Verdict::Kind::kAskElsewhere:
      user_ = nullptr;
      waits_for_password_ = true;
      context_.host.pause_reads(*this);
      ask_elsewhere(verdict.proxy_required);
      return;
  }
}

void ClientSession::password_verified(bool is_right) {
  if (is_closed || !waits_for_password_) return;
  if (!is_right && asks_if_wrong_) {
    user_ = nullptr;
    ask_elsewhere(false);
    return;
  }
  waits_for_password_ = false;
  if (!is_right) {
    fail_login();
    return;
  }
  accept(user_);
  if (!is_closed) resume_input();
}

void ClientSession::ask_elsewhere(bool proxy_required) {
  auth::AuthRequest request;
  request.cid = cid_;
  request.ip = peer_.ip;
  request.nonce = nonce();
  request.tls = tls_peer_;
  request.proxy_required = proxy_required;
  if (details_ != nullptr) {
    request.connect = details_->connect;
    request.proxy_key = details_->proxy_key;
  }
  if (!context_.host.decide_elsewhere(*this, std::move(request))) fail_login();
}

void ClientSession::authentication_decided(const auth::AuthAnswer& answer) {
  if (is_closed) return;
  const bool waited = std::exchange(waits_for_password_, false);
  if (!answer.reason.empty()) {
    log(answer.is_error ? LogLevel::kError : LogLevel::kDebug, answer.reason);
  }
  switch (answer.kind) {
    case auth::AuthAnswer::Kind::kRefused:
      fail_login();
      return;
    case auth::AuthAnswer::Kind::kProxyRequired:
      fail_login(auth::AuthFault::kProxyRequired);
      return;
    case auth::AuthAnswer::Kind::kAccepted:
      break;
  }
  if (waited) {
    accept(answer.user);
    if (!is_closed) resume_input();
    return;
  }
  // Asked again after a reload: the connection went on meanwhile.
  apply_user(answer.user);
  if (!enter_account()) return;
  parser_.set_limits(parser_limits());
  prune_subscriptions();
}

std::pair<Slice, Slice> ClientSession::presented_name() const {
  const auth::JwtIdentity* identity = user_ != nullptr ? user_->identity.get() : nullptr;
  const bool is_named = user_ != nullptr && !user_->name.empty();
  if (identity != nullptr && identity->is_callout && is_named) return {"user", user_->name};
  if (details_ == nullptr) {
    if (identity != nullptr) return {"nkey", identity->nkey};
    return is_named ? std::pair<Slice, Slice>("user", user_->name) : std::pair<Slice, Slice>();
  }
  const proto::ConnectInfo& connect = details_->connect;
  if (!connect.nkey.empty()) return {"nkey", connect.nkey};
  if (identity != nullptr && identity->issuer.empty()) return {"nkey", identity->nkey};
  if (is_named) return {"user", user_->name};
  if (!connect.user.empty()) return {"user", connect.user};
  if (!connect.jwt.empty() || (identity != nullptr && !identity->is_callout)) {
    return {"jwt", identity != nullptr ? Slice(identity->nkey) : Slice()};
  }
  if (!connect.auth_token.empty()) return {"token", "[REDACTED]"};
  return {};
}

Slice ClientSession::presented_user() const {
  return presented_name().second;
}

void ClientSession::refuse_authentication(auth::AuthFault fault) {
  std::string text = "authentication error";
  const auto [kind, name] = presented_name();
  if (!name.empty()) {
    const Slice title = kind == "nkey"   ? "Nkey "
                        : kind == "user" ? "User "
                        : kind == "jwt"  ? "JWT User "
                                         : "Token ";
    text.append(" - ").append(title).append(go_quote(name));
  }
  log(LogLevel::kError, std::move(text));
  send_error("Authorization Violation");
  if (connect_received_ && rtt_.ns == 0) {
    rtt_ = std::max(Duration{context_.wall_now.ns - start_.ns}, Duration::nanos(1));
  }
  if (!is_closed) context_.host.client_changed(*this, ClientChange::kRefused, reason_of(fault));
  close(reason_of(fault));
}

void ClientSession::fail_login(auth::AuthFault fault) {
  context_.host.client_changed(*this, ClientChange::kLoginFailed, reason_of(fault));
  refuse_authentication(fault);
}

void ClientSession::accept(const std::shared_ptr<const auth::User>& user) {
  is_authenticated_ = true;
  apply_user(user);
  if (!enter_account()) return;
  context_.host.client_changed(*this, ClientChange::kAccepted, close_reason_);
  if (connect_received_) finish_connect();
  if (!is_closed) parser_.set_limits(parser_limits());
}

void ClientSession::apply_user(const std::shared_ptr<const auth::User>& user) {
  user_ = user;
  const auth::Permissions* permissions = user != nullptr ? user->permissions.get() : nullptr;
  checks_publish_ = permissions != nullptr && permissions->limits_publish();
  permitted_.reset();
  tracks_replies = permissions != nullptr && permissions->responses().has_value();
  if (user != nullptr && user->ends) {
    const Duration left = *user->ends - context_.wall_now;
    context_.host.set_timer(*this, TimerKind::kUserEnds,
                            context_.now + std::max(left, Duration::nanos(0)));
  }
}

void ClientSession::on_user_end() {
  if (user_ == nullptr || !user_->ends || context_.wall_now < *user_->ends) return;
  log(LogLevel::kDebug, "User Authentication Expired");
  send_error("User Authentication Expired");
  close(CloseReason::kAuthenticationExpired);
}

// --- changes of the account's JWT ---

void ClientSession::account_expired(Slice name) {
  if (is_closed || tenant_ == nullptr || tenant_->name != name) return;
  log(LogLevel::kDebug, "Account Authentication Expired");
  send_error("Account Authentication Expired");
  close(CloseReason::kAuthenticationExpired);
}

void ClientSession::account_is_full() {
  if (is_closed) return;
  log(LogLevel::kError, "maximum account active connections exceeded");
  send_error("maximum account active connections exceeded");
  close(CloseReason::kMaxAccountConnectionsExceeded);
}

void ClientSession::account_changed(const auth::JwtAccount& changed,
                                    const auth::SignerChange& signers) {
  if (is_closed || !is_authenticated_ || tenant_ == nullptr ||
      tenant_->name != changed.account->name) {
    return;
  }
  if (user_ != nullptr && user_->identity != nullptr) {
    auto user = std::make_shared<auth::User>(*user_);
    user->account = changed.account;
    if (user->takes_default_permissions) user->permissions = changed.default_permissions;
    apply_user(user);
  }
  tenant_ = changed.account;
  mappings_ = tenant_->mappings.empty() ? nullptr : &tenant_->mappings;
  parser_.set_limits(parser_limits());
  if (!obeys_account(changed, signers)) return;
  prune_subscriptions();
  if (const int64_t limit = max_subscriptions();
      limit >= 0 && static_cast<int64_t>(sids_.size()) >= limit) {
    log(LogLevel::kError, "maximum subscriptions exceeded");
    send_error("maximum subscriptions exceeded");
    close(CloseReason::kMaxSubscriptionsExceeded);
  }
}

// Closes a connection whose user the account does not want any more.
bool ClientSession::obeys_account(const auth::JwtAccount& changed,
                                  const auth::SignerChange& signers) {
  const auth::JwtIdentity* identity = user_ != nullptr ? user_->identity.get() : nullptr;
  if (identity == nullptr) return true;
  if (identity->is_bearer && changed.claims.limits.disallow_bearer) {
    log(LogLevel::kDebug, "Bearer User JWT not allowed");
    refuse_authentication();
    return false;
  }
  if (auth::is_revoked(changed.claims.revocations, identity->nkey, identity->issued_at)) {
    log(LogLevel::kDebug, "User Authentication Revoked");
    send_error("User Authentication Revoked");
    close(CloseReason::kCredentialsRevoked);
    return false;
  }
  if (!signers.any || identity->is_signed_by_account) return true;
  const auth::UserScope* scope = nullptr;
  if (signers.altered.count(identity->issuer) == 0 &&
      changed.has_issuer(identity->issuer, &scope)) {
    return true;
  }
  close(CloseReason::kAuthenticationViolation);
  return false;
}

}  // namespace petrel::session
