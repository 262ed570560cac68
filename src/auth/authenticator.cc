#include "petrel/auth/authenticator.h"

#include "auth/base64.h"

#include "petrel/auth/callout_request.h"
#include "petrel/auth/nkey.h"

#include <algorithm>
#include <cctype>

namespace petrel::auth {

namespace {

std::optional<conf::PermissionOptions> without_callout_requests(
    const std::optional<conf::PermissionOptions>& options) {
  conf::PermissionOptions out = options.value_or(conf::PermissionOptions{});
  if (!out.publish) out.publish.emplace();
  out.publish->deny.push_back({std::string(kCalloutSubject), ""});
  return out;
}

bool is_type_allowed(const User& user) {
  const auto& types = user.connection_types;
  return types.empty() || std::find(types.begin(), types.end(), "STANDARD") != types.end();
}

Verdict refused(std::string reason, AuthFault fault = AuthFault::kViolation) {
  Verdict verdict;
  verdict.reason = std::move(reason);
  verdict.fault = fault;
  return verdict;
}

Verdict accepted(const std::shared_ptr<const User>& user) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::kAccepted;
  verdict.user = user;
  return verdict;
}

std::shared_ptr<const Permissions> compile(const std::optional<conf::PermissionOptions>& own,
                                           const std::optional<conf::PermissionOptions>& fallback,
                                           bool strict) {
  const auto& options = own.has_value() ? own : fallback;
  if (!options.has_value()) return nullptr;
  return std::make_shared<const Permissions>(*options, strict);
}

}  // namespace

Authenticator::Authenticator(const conf::Options& options,
                             const std::shared_ptr<const AccountSnapshot>& accounts) {
  const conf::AuthorizationOptions& authorization = options.authorization;
  const bool strict = options.petrel.strict_permissions;
  const AccountPtr global = accounts != nullptr ? accounts->global() : nullptr;
  callout_ = authorization.auth_callout;
  proxies_ = options.trusted_proxies;
  proxy_required_ = authorization.proxy_required;
  operator_mode_ = !options.operators.operators.empty() || !options.operators.trusted_keys.empty();
  add_users(authorization.users, authorization.default_permissions, strict, global);
  for (const conf::AccountOptions& account : options.accounts) {
    const AccountPtr owner = accounts != nullptr ? accounts->find(account.name) : nullptr;
    add_users(account.users, account.default_permissions, strict, owner);
  }
  if (!authorization.user.empty()) {
    auto user = std::make_shared<User>();
    user->name = authorization.user;
    user->password = authorization.password;
    user->permissions = compile(std::nullopt, authorization.default_permissions, strict);
    user->account = global;
    single_user_ = std::move(user);
  }
  if (!authorization.token.empty()) {
    token_ = authorization.token;
    auto user = std::make_shared<User>();
    user->permissions = compile(std::nullopt, authorization.default_permissions, strict);
    user->account = global;
    token_user_ = std::move(user);
  }
  required_ = operator_mode_ || !users_.empty() || !nkeys_.empty() || single_user_ != nullptr ||
              token_user_ != nullptr;
  choose_no_auth_user(options, accounts);
  if (options.tls && options.tls->verify_and_map) map_certificates();
}

void Authenticator::add_users(const std::vector<conf::UserOptions>& users,
                              const std::optional<conf::PermissionOptions>& default_permissions,
                              bool strict, const AccountPtr& account) {
  for (const conf::UserOptions& entry : users) {
    auto user = std::make_shared<User>();
    user->name = entry.user;
    user->password = entry.password;
    const bool is_in_callout_account =
        callout_ && account != nullptr && account->name == callout_->account;
    const auto& permissions = entry.permissions ? entry.permissions : default_permissions;
    user->permissions =
        compile(is_in_callout_account ? without_callout_requests(permissions) : permissions,
                std::nullopt, strict);
    user->proxy_required = entry.proxy_required;
    user->connection_types = entry.allowed_connection_types;
    user->account = account;
    if (!entry.nkey.empty()) {
      auto identity = std::make_shared<JwtIdentity>();
      identity->nkey = entry.nkey;
      user->identity = std::move(identity);
      nkeys_.emplace(entry.nkey, std::move(user));
    } else if (!entry.user.empty()) {
      users_.emplace(entry.user, std::move(user));
    }
  }
}

// With users in the system account only, everyone else goes on without credentials, in $G.
void Authenticator::choose_no_auth_user(const conf::Options& options,
                                        const std::shared_ptr<const AccountSnapshot>& accounts) {
  if (!options.no_auth_user.empty()) {
    no_auth_user_ = find_user(options.no_auth_user);
    if (no_auth_user_ == nullptr) no_auth_user_ = find_nkey(options.no_auth_user);
    return;
  }
  const bool is_system_only = accounts != nullptr && accounts->system() != nullptr &&
                              options.accounts.size() == 1 &&
                              options.accounts.front().name == accounts->system()->name;
  if (!required_ || !is_system_only || options.authorization.defined) return;
  auto user = std::make_shared<User>();
  user->account = accounts->global();
  no_auth_user_ = std::move(user);
  is_no_auth_implied_ = true;
}

std::shared_ptr<const User> Authenticator::find_user(Slice user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? nullptr : found->second;
}

std::shared_ptr<const User> Authenticator::find_nkey(Slice nkey) const {
  const auto found = nkeys_.find(nkey);
  return found == nkeys_.end() ? nullptr : found->second;
}

bool Authenticator::find_proxy(const Credentials& credentials, std::string& key) const {
  if (credentials.proxy_signature.empty() || proxies_.empty()) return true;
  const auto signature = decode_base64_url(credentials.proxy_signature);
  if (!signature) return false;
  for (const std::string& proxy : proxies_) {
    const auto kind = public_nkey_kind(proxy);
    if (!kind || !verify_signature(proxy, *kind, credentials.nonce, *signature)) continue;
    key = proxy;
    return true;
  }
  return false;
}

Verdict Authenticator::authenticate(const Credentials& credentials) const {
  std::string proxy_key;
  if (!find_proxy(credentials, proxy_key)) {
    return refused("proxy is not trusted", AuthFault::kProxyNotTrusted);
  }
  if (!required_) return accepted(nullptr);
  Verdict verdict;
  if (operator_mode_) {
    verdict.kind = Verdict::Kind::kAskElsewhere;
  } else {
    verdict = authenticate_user(credentials);
    if (verdict.proxy_required && proxy_key.empty()) {
      const std::shared_ptr<const User> found = verdict.found;
      verdict = refused("proxy connection required", AuthFault::kProxyRequired);
      verdict.proxy_required = true;
      verdict.found = found;
    }
    if (is_delegated(verdict)) {
      verdict.kind = Verdict::Kind::kAskElsewhere;
    } else if (callout_ && verdict.kind == Verdict::Kind::kVerifyPassword) {
      verdict.asks_if_wrong = !is_auth_user(verdict.found);
    }
  }
  verdict.proxy_key = std::move(proxy_key);
  return verdict;
}

bool Authenticator::is_auth_user(const std::shared_ptr<const User>& user) const {
  if (user == nullptr) return false;
  const std::string& name = user->identity != nullptr ? user->identity->nkey : user->name;
  const auto& users = callout_->auth_users;
  return !name.empty() && std::find(users.begin(), users.end(), name) != users.end();
}

bool Authenticator::is_delegated(const Verdict& verdict) const {
  if (!callout_ || is_auth_user(verdict.found)) return false;
  const bool is_let_in = verdict.kind != Verdict::Kind::kRejected;
  const AccountPtr account = verdict.user != nullptr ? verdict.user->account : nullptr;
  if (!is_let_in || account == nullptr || account->name == kGlobalAccount) return true;
  const auto& accounts = callout_->allowed_accounts;
  return accounts.empty() ||
         std::find(accounts.begin(), accounts.end(), account->name) != accounts.end();
}

// The user that goes without credentials, if these are none; null otherwise.
std::shared_ptr<const User> Authenticator::user_without_credentials(
    const Credentials& credentials) const {
  const bool is_anonymous = credentials.user.empty() && credentials.password.empty() &&
                            credentials.token.empty() &&
                            (credentials.nkey.empty() || nkeys_.empty());
  return is_anonymous ? no_auth_user_ : nullptr;
}

Verdict Authenticator::authenticate_user(const Credentials& credentials) const {
  if (maps_certificates_ && credentials.nkey.empty()) return authenticate_certificate(credentials);
  Verdict verdict;
  std::shared_ptr<const User> found = user_without_credentials(credentials);
  const bool is_free = found != nullptr;
  if (!is_free && !credentials.nkey.empty() && !nkeys_.empty()) {
    found = find_nkey(credentials.nkey);
    if (found == nullptr) return verdict;
  } else if (!is_free) {
    found = find_user(credentials.user);
  }
  if (found != nullptr) {
    if (!is_type_allowed(*found)) return verdict;
    if (is_free || (found->identity != nullptr && found == no_auth_user_)) {
      verdict = accepted(found);
    } else if (found->identity != nullptr) {
      verdict = check_nkey(found, credentials);
    } else {
      verdict = check_password(found, found->password, credentials.password);
    }
    verdict.proxy_required = found->proxy_required;
  } else if (token_user_ != nullptr) {
    verdict = check_password(token_user_, token_, credentials.token);
    verdict.proxy_required = proxy_required_;
  } else if (single_user_ != nullptr && credentials.user == single_user_->name) {
    found = single_user_;
    verdict = check_password(single_user_, single_user_->password, credentials.password);
    verdict.proxy_required = proxy_required_;
  }
  verdict.found = std::move(found);
  return verdict;
}

Verdict Authenticator::check_nkey(const std::shared_ptr<const User>& user,
                                  const Credentials& credentials) const {
  if (credentials.signature.empty()) return refused("Signature missing");
  const bool is_signed =
      verify_nonce(user->identity->nkey, NkeyKind::kUser, credentials.nonce, credentials.signature);
  return is_signed ? accepted(user) : refused("Signature not verified");
}

Verdict Authenticator::check_password(const std::shared_ptr<const User>& user, Slice expected,
                                      Slice got) const {
  Verdict verdict;
  if (is_bcrypt(expected)) {
    verdict.kind = Verdict::Kind::kVerifyPassword;
    verdict.user = user;
    verdict.password_hash.assign(expected);
    verdict.password.assign(got);
  } else if (equal_in_constant_time(expected, got)) {
    verdict.kind = Verdict::Kind::kAccepted;
    verdict.user = user;
  }
  return verdict;
}

bool Authenticator::equal_in_constant_time(Slice a, Slice b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

bool Authenticator::is_bcrypt(Slice password) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return password.size() >= 7 && password.substr(0, 2) == "$2" &&
         Slice("abxy").find(password[2]) != Slice::npos && password[3] == '$' &&
         is_digit(password[4]) && is_digit(password[5]) && password[6] == '$';
}

}  // namespace petrel::auth
