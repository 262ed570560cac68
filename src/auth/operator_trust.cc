#include "petrel/auth/operator_trust.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/go_quote.h"
#include "petrel/base/nkey_text.h"

#include <array>
#include <charconv>

namespace petrel::auth {

namespace {

constexpr std::array<int, 3> kServerVersion = {2, 15, 2};

Error refused(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

Result<std::array<int, 3>> parse_version(const std::string& text) {
  std::array<int, 3> version = {};
  const Error wrong =
      refused("asserted server version must be of the form <major>.<minor>.<update>");
  const char* at = text.data();
  const char* end = at + text.size();
  for (size_t i = 0; i < version.size(); ++i) {
    const auto read = std::from_chars(at, end, version[i]);
    if (read.ec != std::errc{} || version[i] < 0) return wrong;
    at = read.ptr;
    if (i == 2) break;
    if (at == end || *at != '.') return wrong;
    ++at;
  }
  if (at != end) return wrong;
  return version;
}

Status check_version(const OperatorClaims& claims) {
  if (claims.assert_server_version.empty()) return {};
  const std::string about = "operator " + claims.subject;
  const auto version = parse_version(claims.assert_server_version);
  if (!version) {
    return refused(about + " expects version " + claims.assert_server_version +
                   " got error instead: " + version.error().detail);
  }
  constexpr std::array<const char*, 3> kParts = {"major", "minor", "update"};
  for (size_t i = 0; i < kParts.size(); ++i) {
    const int asked = (*version)[i];
    if (asked < kServerVersion[i]) return {};
    if (asked == kServerVersion[i]) continue;
    const std::string part = kParts[i];
    return refused(about + " expected " + part + " version " + std::to_string(asked) +
                   " > server " + part + " version " + std::to_string(kServerVersion[i]));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const OperatorTrust>> OperatorTrust::create(const conf::Options& options) {
  const conf::OperatorOptions& from = options.operators;
  if (from.operators.empty() && from.trusted_keys.empty()) {
    return std::shared_ptr<const OperatorTrust>();
  }
  auto trust = std::make_shared<OperatorTrust>();
  PETREL_TRY_STATUS(trust->read_operators(options));
  trust->default_sentinel_ = from.default_sentinel;
  PETREL_TRY_STATUS(trust->check_sentinel());
  PETREL_TRY_STATUS(trust->choose_system_account(options));
  for (const OperatorClaims& claims : trust->operators_) {
    PETREL_TRY_STATUS(check_version(claims));
    if (!claims.strict_signing_key_usage) trust->keys_.insert(claims.subject);
    for (const std::string& key : claims.signing_keys) {
      trust->keys_.insert(key);
      if (claims.strict_signing_key_usage) trust->strict_keys_.insert(key);
    }
  }
  trust->keys_.insert(from.trusted_keys.begin(), from.trusted_keys.end());
  for (const std::string& key : trust->keys_) {
    if (!is_public_nkey(key, NkeyKind::kOperator)) {
      return refused("trusted Keys " + go_quote(key) +
                     " are required to be a valid public operator nkey");
    }
  }
  for (const std::string& key : from.resolver_pinned_accounts) {
    if (!is_public_nkey(key, NkeyKind::kAccount)) {
      return refused("pinned account key " + go_quote(key) + " is not a valid public account nkey");
    }
    trust->pinned_accounts_.insert(key);
  }
  if (!trust->pinned_accounts_.empty() && !trust->system_account_.empty()) {
    trust->pinned_accounts_.insert(trust->system_account_);
  }
  return std::shared_ptr<const OperatorTrust>(std::move(trust));
}

Status OperatorTrust::read_operators(const conf::Options& options) {
  for (const std::string& token : options.operators.operators) {
    auto claims = decode_operator_claims(token);
    if (!claims) return refused("error parsing operator JWT: " + claims.error().detail);
    operators_.push_back(*std::move(claims));
  }
  if (operators_.size() == 1) account_server_url_ = operators_.front().account_server_url;
  return {};
}

Status OperatorTrust::choose_system_account(const conf::Options& options) {
  system_account_ = options.system_account;
  if (operators_.empty()) return {};
  if (system_account_.empty()) {
    system_account_ = operators_.front().system_account;
    const conf::ResolverKind kind = options.operators.resolver.kind;
    const bool needs_one = kind == conf::ResolverKind::kFull || kind == conf::ResolverKind::kCache;
    if (system_account_.empty() && needs_one) {
      return refused(
          "using nats based account resolver - the system account needs to be specified in "
          "configuration or the operator jwt");
    }
    return {};
  }
  bool names_one = false;
  for (const OperatorClaims& claims : operators_) {
    if (claims.system_account == system_account_) return {};
    names_one = names_one || !claims.system_account.empty();
  }
  if (names_one) {
    return refused("system_account in config and operator JWT must be identical");
  }
  return {};
}

Status OperatorTrust::check_sentinel() {
  if (default_sentinel_.empty()) return {};
  const auto claims = decode_user_claims(default_sentinel_);
  if (!claims) return refused("default sentinel JWT not valid");
  if (claims->limits.bearer_token) return {};
  // A scoped user may become a bearer by its template.
  if (!claims->issuer_account.empty() && claims->limits.is_empty()) return {};
  return refused("default sentinel must be a bearer token");
}

bool OperatorTrust::refuses_identity_key(const std::string& issuer) const {
  return !operators_.empty() && operators_.front().strict_signing_key_usage &&
         operators_.front().subject == issuer;
}

bool OperatorTrust::may_delete(const std::string& key) const {
  if (operators_.empty()) return false;
  const OperatorClaims& first = operators_.front();
  if (key == first.subject) return !first.strict_signing_key_usage;
  for (const std::string& signing_key : first.signing_keys) {
    if (signing_key == key) return true;
  }
  return false;
}

}  // namespace petrel::auth
