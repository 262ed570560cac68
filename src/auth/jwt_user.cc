#include "petrel/auth/jwt_user.h"

#include "auth/connect_times.h"
#include "auth/source_network.h"
#include "auth/user_template.h"

#include "petrel/auth/jwt.h"
#include "petrel/auth/nkey.h"
#include "petrel/base/go_quote.h"

#include <algorithm>
#include <array>
#include <limits>

namespace petrel::auth {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::array<Slice, 7> kConnectionTypes = {
    "STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"};

Admission refused(std::string reason) {
  Admission admission;
  admission.reason = std::move(reason);
  return admission;
}

int64_t seconds(WallTime time) {
  return time.ns / kSecond;
}

std::string upper(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// The types that are known. Only unknown ones: nobody may connect.
std::vector<std::string> known_types(const std::vector<std::string>& named) {
  std::vector<std::string> known;
  for (const std::string& type : named) {
    std::string plain = upper(type);
    if (std::find(kConnectionTypes.begin(), kConnectionTypes.end(), plain) !=
        kConnectionTypes.end()) {
      known.push_back(std::move(plain));
    }
  }
  return known;
}

bool may_connect_as(const std::vector<std::string>& named, const std::vector<std::string>& known,
                    const std::string& type) {
  if (named.empty()) return true;
  return std::find(known.begin(), known.end(), type) != known.end();
}

int32_t limit_of(int64_t claim) {
  return static_cast<int32_t>(std::clamp<int64_t>(claim, std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

conf::PermissionSubject subject_of(const std::string& entry) {
  const size_t space = entry.find(' ');
  if (space == std::string::npos) return {entry, ""};
  return {entry.substr(0, space), entry.substr(space + 1)};
}

std::optional<conf::SubjectPermission> subject_permission(const std::vector<std::string>& allow,
                                                          const std::vector<std::string>& deny) {
  if (allow.empty() && deny.empty()) return std::nullopt;
  conf::SubjectPermission out;
  if (!allow.empty()) {
    out.allow.emplace();
    for (const std::string& entry : allow) out.allow->push_back(subject_of(entry));
  }
  for (const std::string& entry : deny) out.deny.push_back(subject_of(entry));
  return out;
}

// When the connection has to end: the JWT expires or the window of its times closes.
std::optional<WallTime> end_of(const UserClaims& claims, const ConnectWindow& window,
                               WallTime now) {
  std::optional<WallTime> end;
  if (claims.expires > 0) end = WallTime{claims.expires * kSecond};
  if (window.remaining) {
    const WallTime closes = now + *window.remaining;
    if (!end || closes < *end) end = closes;
  }
  return end;
}

std::shared_ptr<User> make_user(const UserClaims& claims, const AccountPtr& account,
                                bool strict_permissions, bool is_callout) {
  auto user = std::make_shared<User>();
  user->account = account;
  user->connection_types = known_types(claims.limits.connection_types);
  user->max_payload = limit_of(claims.limits.payload);
  user->max_subscriptions = limit_of(claims.limits.subscriptions);
  if (const auto permissions = permission_options(claims.limits.permissions)) {
    user->permissions = std::make_shared<const Permissions>(*permissions, strict_permissions);
  }
  auto identity = std::make_shared<JwtIdentity>();
  identity->is_callout = is_callout;
  identity->nkey = claims.subject;
  identity->issuer = claims.issuer;
  identity->is_signed_by_account = claims.issuer_account.empty();
  identity->name = claims.name;
  identity->tags = claims.tags;
  identity->issued_at = claims.issued_at;
  identity->is_bearer = claims.limits.bearer_token;
  user->identity = std::move(identity);
  return user;
}

std::string check_signature(const UserClaims& claims, const ClientProof& proof) {
  if (proof.signature.empty()) return "Signature missing";
  if (verify_nonce(claims.subject, NkeyKind::kUser, proof.nonce, proof.signature)) return "";
  return "Signature not verified";
}

// Why the account does not take this user, "": it does.
std::string check_account(const UserClaims& claims, const JwtAccount& account,
                          const AdmissionRules& rules) {
  const int64_t now = seconds(rules.now);
  if (account.claims.expires > 0 && now > account.claims.expires) return "Account JWT has expired";
  if (claims.limits.bearer_token && account.claims.limits.disallow_bearer) {
    return "Account does not allow bearer tokens";
  }
  return "";
}

}  // namespace

bool JwtAccount::has_issuer(const std::string& key, const UserScope** scope) const {
  *scope = nullptr;
  const auto found = claims.signing_keys.find(key);
  if (found != claims.signing_keys.end()) {
    if (found->second) *scope = &*found->second;
    return true;
  }
  return !is_strict && key == claims.subject;
}

SignerChange compare_signers(const JwtAccount& before, const JwtAccount& after) {
  SignerChange change;
  const auto& keys = after.claims.signing_keys;
  change.any =
      keys.size() != before.claims.signing_keys.size() || before.is_strict != after.is_strict;
  for (const auto& [key, scope] : keys) {
    const auto old = before.claims.signing_keys.find(key);
    if (old == before.claims.signing_keys.end()) {
      change.any = true;
    } else if (old->second != scope) {
      change.any = true;
      change.altered.insert(key);
    }
  }
  return change;
}

std::optional<conf::PermissionOptions> permission_options(const PermissionClaims& claims) {
  conf::PermissionOptions out;
  out.publish = subject_permission(claims.publish_allow, claims.publish_deny);
  out.subscribe = subject_permission(claims.subscribe_allow, claims.subscribe_deny);
  if (claims.response) {
    conf::ResponsePermission response;
    if (claims.response->max != 0) response.max = claims.response->max;
    if (claims.response->ttl_ns != 0) response.expires = Duration{claims.response->ttl_ns};
    out.allow_responses = response;
  }
  if (!out.publish && !out.subscribe && !out.allow_responses) return std::nullopt;
  return out;
}

Result<UserClaims> read_user(Slice token, WallTime now) {
  auto claims = decode_user_claims(token);
  if (!claims) {
    return Error{Errc::kInvalidArgument, "User JWT not valid: " + claims.error().detail};
  }
  const Issues issues = validate(*claims, seconds(now));
  if (const Issue* issue = first_blocking(issues, true)) {
    return Error{Errc::kInvalidArgument, "User JWT no longer valid: " + issue->text};
  }
  return claims;
}

Result<UserLimits> scoped_limits(const UserScope& scope, const UserClaims& user,
                                 const AccountClaims& account) {
  if (user.issuer != scope.key) {
    return Error{Errc::kInvalidArgument, "issuer not the scoped signer"};
  }
  if (!user.limits.is_empty()) {
    return Error{Errc::kInvalidArgument, "scoped users require no permissions or limits set"};
  }
  return apply_template(scope.limits, user, account);
}

Admission admit_user(const UserClaims& shown, const JwtAccount& account, const ClientProof& proof,
                     const AdmissionRules& rules) {
  UserClaims claims = shown;
  const UserScope* scope = nullptr;
  if (!account.has_issuer(claims.issuer, &scope)) return refused("User JWT issuer is not known");
  if (scope != nullptr) {
    auto limits = scoped_limits(*scope, claims, account.claims);
    if (!limits) return refused("User JWT is not valid: " + limits.error().detail);
    claims.limits = *std::move(limits);
  }
  if (claims.limits.proxy_required && !proof.is_trusted_proxy) {
    Admission admission = refused("proxy required");
    admission.lacks_proxy = true;
    return admission;
  }
  if (std::string reason = check_account(claims, account, rules); !reason.empty()) {
    return refused(std::move(reason));
  }
  const std::vector<std::string>& named = claims.limits.connection_types;
  if (!may_connect_as(named, known_types(named), proof.connection_type)) {
    return refused("Connection type not allowed");
  }
  if (!claims.limits.bearer_token) {
    if (std::string reason = check_signature(claims, proof); !reason.empty()) {
      return refused(std::move(reason));
    }
  }
  if (is_revoked(account.claims.revocations, claims.subject, claims.issued_at)) {
    return refused("User authentication revoked");
  }
  Admission admission;
  admission.is_error = true;
  if (!is_from_networks(proof.ip, claims.limits.source_networks)) {
    admission.reason = "Bad src Ip " + proof.ip;
    return admission;
  }
  const ConnectWindow window = connect_window(claims.limits, rules.now, rules.clock);
  if (!window.is_open) {
    admission.reason = "Outside connect times";
    return admission;
  }
  std::shared_ptr<User> user = make_user(claims, account.account, rules.strict_permissions, false);
  user->takes_default_permissions = user->permissions == nullptr;
  if (user->takes_default_permissions) user->permissions = account.default_permissions;
  user->ends = end_of(claims, window, rules.now);
  admission.user = std::move(user);
  return admission;
}

Admission admit_callout_user(const UserClaims& claims, const AccountPtr& account,
                             const ClientProof& proof, const AdmissionRules& rules) {
  const ConnectWindow window = connect_window(claims.limits, rules.now, rules.clock);
  const std::string about = "authorized user on account " + go_quote(account->name);
  if (!window.is_open) return refused(about + " outside of valid connect times");
  const std::vector<std::string>& named = claims.limits.connection_types;
  const std::vector<std::string> known = known_types(named);
  if (!named.empty() && known.empty()) return refused(about + " using invalid connection type");
  if (!may_connect_as(named, known, proof.connection_type)) {
    return refused(about + " not allowed to use connection type");
  }
  std::shared_ptr<User> user = make_user(claims, account, rules.strict_permissions, true);
  user->name = claims.name;
  // What the JWT says of payloads and subscriptions does not count here.
  user->max_payload = user->max_subscriptions = -1;
  user->ends = end_of(claims, window, rules.now);
  Admission admission;
  admission.user = std::move(user);
  return admission;
}

}  // namespace petrel::auth
