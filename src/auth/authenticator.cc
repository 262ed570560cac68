#include "petrel/auth/authenticator.h"

#include <algorithm>
#include <cctype>

namespace petrel::auth {

namespace {

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
  required_ = !users_.empty() || single_user_ != nullptr || token_user_ != nullptr;
  choose_no_auth_user(options, accounts);
}

void Authenticator::add_users(const std::vector<conf::UserOptions>& users,
                              const std::optional<conf::PermissionOptions>& default_permissions,
                              bool strict, const AccountPtr& account) {
  for (const conf::UserOptions& entry : users) {
    if (entry.user.empty()) continue;
    auto user = std::make_shared<User>();
    user->name = entry.user;
    user->password = entry.password;
    user->permissions = compile(entry.permissions, default_permissions, strict);
    user->connection_types = entry.allowed_connection_types;
    user->account = account;
    users_.emplace(entry.user, std::move(user));
  }
}

// With users in the system account only, everyone else goes on without credentials, in $G.
void Authenticator::choose_no_auth_user(const conf::Options& options,
                                        const std::shared_ptr<const AccountSnapshot>& accounts) {
  if (!options.no_auth_user.empty()) {
    no_auth_user_ = find_user(options.no_auth_user);
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

Verdict Authenticator::authenticate(const Credentials& credentials) const {
  Verdict verdict;
  if (!required_) {
    verdict.kind = Verdict::Kind::kAccepted;
    return verdict;
  }
  const bool is_anonymous =
      credentials.user.empty() && credentials.password.empty() && credentials.token.empty();
  if (is_anonymous && no_auth_user_ != nullptr) {
    verdict.kind = Verdict::Kind::kAccepted;
    verdict.user = no_auth_user_;
    return verdict;
  }
  if (const auto found = users_.find(credentials.user); found != users_.end()) {
    const auto& types = found->second->connection_types;
    if (!types.empty() && std::find(types.begin(), types.end(), "STANDARD") == types.end()) {
      return verdict;
    }
    return check_password(found->second, found->second->password, credentials.password);
  }
  if (token_user_ != nullptr) return check_password(token_user_, token_, credentials.token);
  if (single_user_ != nullptr && credentials.user == single_user_->name) {
    return check_password(single_user_, single_user_->password, credentials.password);
  }
  return verdict;
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
