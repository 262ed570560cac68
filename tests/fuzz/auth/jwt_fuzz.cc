// Whatever a token or the JSON inside it says: refused or read, never harm. The input is taken as a
// token, and as the payload of one whose signature was right.
#include "auth/jwt_read.h"
#include "auth/user_template.h"

#include "petrel/auth/jwt.h"
#include "petrel/auth/jwt_account.h"
#include "petrel/base/check.h"
#include "petrel/proto/json_text.h"

#include <cstdint>

namespace {

using petrel::Slice;
namespace auth = petrel::auth;

constexpr int64_t kNow = 1'800'000'000;

template <typename T>
void read_payload(Slice payload) {
  T claims;
  if (!auth::read_common(payload, claims) || !auth::read_claims(payload, claims)) return;
  T again;
  PETREL_CHECK(auth::read_common(payload, again) && auth::read_claims(payload, again));
}

void read_user(Slice payload) {
  auth::UserClaims user;
  if (!auth::read_common(payload, user) || !auth::read_claims(payload, user)) return;
  static_cast<void>(auth::validate(user, kNow));
  const auto expanded = auth::apply_template(user.limits, user, auth::AccountClaims{});
  if (!expanded) return;
  PETREL_CHECK(expanded->permissions.publish_allow.size() <=
               auth::kExpansionsMax + user.limits.permissions.publish_allow.size());
}

void read_account(Slice payload) {
  auth::AccountClaims account;
  if (!auth::read_common(payload, account) || !auth::read_claims(payload, account)) return;
  static_cast<void>(auth::check_account_claims(account, kNow, true));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const Slice input(reinterpret_cast<const char*>(bytes), size);
  static_cast<void>(auth::decode_user_claims(input));
  static_cast<void>(auth::decode_account_claims(input));
  static_cast<void>(auth::decode_generic_claims(input));
  if (!petrel::proto::json::is_valid(input)) return 0;
  read_user(input);
  read_account(input);
  read_payload<auth::OperatorClaims>(input);
  read_payload<auth::ActivationClaims>(input);
  read_payload<auth::AuthResponseClaims>(input);
  read_payload<auth::GenericClaims>(input);
  return 0;
}
