#include "petrel/auth/jwt_user.h"

#include "unit/auth/credentials.h"

#include "petrel/auth/jwt.h"

namespace petrel::auth {
namespace {

// UTC everywhere but in "East", an hour later; knows no other zone.
class TwoZones final : public LocalClock {
 public:
  std::optional<int64_t> offset_seconds(Slice zone, WallTime) const override {
    if (zone == "East") return 3600;
    if (zone.empty() || zone == "UTC") return 0;
    return std::nullopt;
  }
};

WallTime at_hour(int64_t hour) {
  return {((20'000 * 24) + hour) * 3600 * 1'000'000'000};
}

class JwtUserTest : public testing::Test {
 protected:
  static conf::Options options() {
    conf::Options made;
    made.operators.operators = {credential("jwt.operator")};
    return made;
  }

  void take_account(const std::string& name) {
    const auto claims = decode_account_claims(credential(name));
    ASSERT_TRUE(claims) << claims.error().detail;
    account_.claims = *claims;
    auto tenant = std::make_shared<Account>();
    tenant->name = claims->subject;
    account_.account = std::move(tenant);
    if (const auto permissions = permission_options(claims->default_permissions)) {
      account_.default_permissions = std::make_shared<const Permissions>(*permissions, true);
    }
  }

  Admission admit(const std::string& token) {
    const auto claims = decode_user_claims(credential(token));
    if (!claims) return {.reason = claims.error().detail};
    return admit_user(*claims, account_, proof_, {clock_, now_});
  }

  void SetUp() override {
    trust_ = *OperatorTrust::create(options());
    take_account("jwt.account");
    proof_.nonce = "a nonce";
    proof_.signature = credential("signature.ann");
    proof_.ip = "127.0.0.1";
  }

  std::shared_ptr<const OperatorTrust> trust_;
  TwoZones clock_;
  JwtAccount account_;
  ClientProof proof_;
  WallTime now_ = at_hour(10);
};

TEST_F(JwtUserTest, AUserOfTheAccountIsLetIn) {
  const Admission admission = admit("jwt.user");
  ASSERT_NE(admission.user, nullptr) << admission.reason;
  EXPECT_EQ(admission.user->account->name, credential("account.acc"));
  EXPECT_EQ(admission.user->permissions, nullptr);
  EXPECT_EQ(admission.user->identity->nkey, credential("user.ann"));
  EXPECT_FALSE(admission.user->ends);
}

TEST_F(JwtUserTest, TheSignatureOfTheNonceIsAskedForUnlessTheTokenIsABearer) {
  proof_.signature.clear();
  EXPECT_EQ(admit("jwt.user").reason, "Signature missing");
  EXPECT_NE(admit("jwt.user.bearer").user, nullptr);
  proof_.signature = credential("signature.ann");
  proof_.nonce = "another";
  EXPECT_EQ(admit("jwt.user").reason, "Signature not verified");
  take_account("jwt.account.no_bearer");
  EXPECT_EQ(admit("jwt.user.bearer").reason, "Account does not allow bearer tokens");
}

TEST_F(JwtUserTest, TheAccountMustBeTheOperators) {
  take_account("jwt.account.signed_by_key");
  EXPECT_NE(admit("jwt.user").user, nullptr);
  take_account("jwt.account.self_signed");
  EXPECT_FALSE(trust_->trusts(account_.claims.issuer));
  take_account("jwt.account.expired");
  EXPECT_EQ(admit("jwt.user").reason, "Account JWT has expired");
}

TEST_F(JwtUserTest, OnlyKeysOfTheAccountSignUsers) {
  EXPECT_EQ(admit("jwt.user.by_signer").reason, "User JWT issuer is not known");
  take_account("jwt.account.full");
  EXPECT_NE(admit("jwt.user.by_signer").user, nullptr);
  EXPECT_EQ(admit("jwt.user.by_stranger").reason, "User JWT issuer is not known");
  account_.is_strict = true;
  EXPECT_EQ(admit("jwt.user").reason, "User JWT issuer is not known");
}

TEST_F(JwtUserTest, AScopeGivesItsTemplateAndNothingElse) {
  take_account("jwt.account.full");
  const Admission admission = admit("jwt.user.scoped");
  ASSERT_NE(admission.user, nullptr) << admission.reason;
  const Permissions& permissions = *admission.user->permissions;
  EXPECT_TRUE(permissions.may_publish("work.ann.x"));
  EXPECT_TRUE(permissions.may_publish("tag.a"));
  EXPECT_TRUE(permissions.may_publish("tag.b"));
  EXPECT_TRUE(permissions.may_publish("acc.acc.west"));
  EXPECT_FALSE(permissions.may_publish("tag.c"));
  EXPECT_TRUE(permissions.may_subscribe("in." + credential("user.ann"), ""));
  EXPECT_FALSE(permissions.may_subscribe("gone.x", ""));
  EXPECT_EQ(admission.user->max_subscriptions, 5);
  EXPECT_EQ(admit("jwt.user.scoped.greedy").reason,
            "User JWT is not valid: scoped users require no permissions or limits set");
}

TEST_F(JwtUserTest, RevokedUsersStayOut) {
  take_account("jwt.account.full");
  account_.claims.revocations[credential("user.ann")] = 4'000'000'000;
  EXPECT_EQ(admit("jwt.user").reason, "User authentication revoked");
}

TEST_F(JwtUserTest, PlaceTimeAndKindOfConnectionCount) {
  EXPECT_EQ(admit("jwt.user.elsewhere").reason, "Bad src Ip 127.0.0.1");
  proof_.ip = "192.0.2.77";
  EXPECT_NE(admit("jwt.user.elsewhere").user, nullptr);
  EXPECT_EQ(admit("jwt.user.websocket").reason, "Connection type not allowed");
  proof_.connection_type = "WEBSOCKET";
  EXPECT_NE(admit("jwt.user.websocket").user, nullptr);
  EXPECT_TRUE(admit("jwt.user.proxied").lacks_proxy);
  proof_.is_trusted_proxy = true;
  EXPECT_NE(admit("jwt.user.proxied").user, nullptr);
}

TEST_F(JwtUserTest, TheConnectionEndsWithTheWindowOrTheToken) {
  const Admission morning = admit("jwt.user.morning");
  ASSERT_NE(morning.user, nullptr) << morning.reason;
  EXPECT_EQ(morning.user->ends, at_hour(12));
  now_ = at_hour(13);
  const Admission late = admit("jwt.user.morning");
  EXPECT_EQ(late.reason, "Outside connect times");
  EXPECT_TRUE(late.is_error);
  const Admission full = admit("jwt.user.full");
  ASSERT_NE(full.user, nullptr) << full.reason;
  EXPECT_EQ(full.user->ends, WallTime{4'102'444'800'000'000'000});
}

TEST_F(JwtUserTest, DefaultPermissionsAreForUsersWithoutTheirOwn) {
  take_account("jwt.account.full");
  const Admission plain = admit("jwt.user");
  ASSERT_NE(plain.user->permissions, nullptr);
  EXPECT_TRUE(plain.user->permissions->may_publish("default.x"));
  EXPECT_FALSE(plain.user->permissions->may_publish("x"));
  EXPECT_TRUE(admit("jwt.user.full").user->permissions->may_publish("a.x"));
}

TEST_F(JwtUserTest, ATokenIsReadOnlyInItsTime) {
  EXPECT_TRUE(read_user(credential("jwt.user"), now_));
  EXPECT_EQ(read_user(credential("jwt.user.expired"), now_).error().detail,
            "User JWT no longer valid: claim is expired");
  EXPECT_EQ(read_user(credential("jwt.user.future"), now_).error().detail,
            "User JWT no longer valid: claim is not yet valid");
}

TEST(OperatorTrustTest, SaysWhoMaySign) {
  conf::Options options;
  EXPECT_EQ(*OperatorTrust::create(options), nullptr);
  options.operators.operators = {credential("jwt.operator")};
  const auto plain = *OperatorTrust::create(options);
  EXPECT_TRUE(plain->trusts(credential("operator.op")));
  EXPECT_TRUE(plain->trusts(credential("operator.op2")));
  EXPECT_FALSE(plain->trusts(credential("account.acc")));
  EXPECT_FALSE(plain->is_strict(credential("operator.op2")));
  EXPECT_EQ(plain->system_account(), credential("account.sys"));
  options.operators.operators = {credential("jwt.operator.strict")};
  const auto strict = *OperatorTrust::create(options);
  EXPECT_FALSE(strict->trusts(credential("operator.op")));
  EXPECT_TRUE(strict->is_strict(credential("operator.op2")));
  EXPECT_TRUE(strict->refuses_identity_key(credential("operator.op")));
  EXPECT_FALSE(strict->may_delete(credential("operator.op")));
  EXPECT_TRUE(strict->may_delete(credential("operator.op2")));
}

TEST(OperatorTrustTest, RefusesWhatCannotWork) {
  conf::Options options;
  options.operators.operators = {credential("jwt.operator.newer")};
  EXPECT_EQ(OperatorTrust::create(options).error().detail,
            "operator " + credential("operator.op") +
                " expected minor version 16 > server minor version 15");
  options.operators.operators = {credential("jwt.user")};
  EXPECT_EQ(OperatorTrust::create(options).error().detail,
            "error parsing operator JWT: not operator claim");
  options.operators.operators = {credential("jwt.operator")};
  options.system_account = credential("account.acc");
  EXPECT_EQ(OperatorTrust::create(options).error().detail,
            "system_account in config and operator JWT must be identical");
  options.system_account.clear();
  options.operators.default_sentinel = credential("jwt.user");
  EXPECT_EQ(OperatorTrust::create(options).error().detail,
            "default sentinel must be a bearer token");
}

}  // namespace
}  // namespace petrel::auth
