#include "petrel/auth/jwt.h"

#include "auth/base64.h"
#include "unit/auth/credentials.h"

#include "petrel/auth/nkey.h"

namespace petrel::auth {
namespace {

constexpr int64_t kNow = 1'800'000'000;

// Signs any payload with ann's key.
std::string forge(const std::string& payload) {
  const SigningKey key =
      SigningKey::from_seed(*decode_seed(credential("seed.ann"), NkeyKind::kUser));
  const std::string text =
      encode_base64_url(R"({"typ":"JWT","alg":"ed25519-nkey"})") + "." + encode_base64_url(payload);
  return text + "." + encode_base64_url(key.sign(text));
}

std::string why(const Issues& issues) {
  const Issue* issue = first_blocking(issues, true);
  return issue == nullptr ? "" : issue->text;
}

TEST(JwtTest, ReadsAnOperator) {
  const auto claims = decode_operator_claims(credential("jwt.operator"));
  ASSERT_TRUE(claims) << claims.error().detail;
  EXPECT_EQ(claims->name, "op");
  EXPECT_EQ(claims->subject, credential("operator.op"));
  EXPECT_EQ(claims->system_account, credential("account.sys"));
  EXPECT_EQ(claims->signing_keys, std::vector<std::string>{credential("operator.op2")});
  EXPECT_FALSE(claims->strict_signing_key_usage);
  EXPECT_TRUE(decode_operator_claims(credential("jwt.operator.strict"))->strict_signing_key_usage);
}

TEST(JwtTest, ReadsTheLimitsAndKeysOfAnAccount) {
  const auto claims = decode_account_claims(credential("jwt.account.full"));
  ASSERT_TRUE(claims) << claims.error().detail;
  EXPECT_EQ(why(validate(*claims, kNow)), "");
  EXPECT_EQ(claims->limits.connections, 10);
  EXPECT_EQ(claims->limits.subscriptions, 20);
  EXPECT_EQ(claims->limits.payload, 30);
  EXPECT_EQ(claims->limits.leafnodes, 4);
  EXPECT_EQ(claims->limits.jetstream.disk, 1000);
  EXPECT_EQ(claims->limits.jetstream.consumers, 8);
  ASSERT_EQ(claims->signing_keys.size(), 2u);
  EXPECT_FALSE(claims->signing_keys.at(credential("account.signer")));
  const auto& scope = claims->signing_keys.at(credential("account.role"));
  ASSERT_TRUE(scope);
  EXPECT_EQ(scope->role, "worker");
  EXPECT_EQ(scope->limits.subscriptions, 5);
  EXPECT_EQ(scope->limits.payload, kNoLimit);
  EXPECT_EQ(claims->default_permissions.publish_allow, std::vector<std::string>{"default.>"});
  EXPECT_EQ(claims->tags, (std::vector<std::string>{"zone:east", "zone:west"}));
  EXPECT_EQ(claims->callout.allowed_accounts, std::vector<std::string>{kAnyAccount});
  EXPECT_EQ(claims->trace->sampling, 25);
}

TEST(JwtTest, ReadsWhatAnAccountSharesAndMaps) {
  const auto claims = decode_account_claims(credential("jwt.account.full"));
  ASSERT_TRUE(claims);
  ASSERT_EQ(claims->exports.size(), 2u);
  EXPECT_EQ(claims->exports[0].subject, "ask");
  EXPECT_EQ(claims->exports[0].response_type, "Chunked");
  EXPECT_EQ(claims->exports[0].latency->sampling, 50);
  EXPECT_TRUE(claims->exports[1].token_required);
  ASSERT_EQ(claims->imports.size(), 2u);
  EXPECT_EQ(claims->imports[0].kind, ShareKind::kService);
  EXPECT_TRUE(claims->imports[0].share);
  EXPECT_EQ(claims->imports[1].local_subject, "mine.*");
  ASSERT_EQ(claims->mappings.size(), 1u);
  EXPECT_EQ(claims->mappings[0].source, "old");
  EXPECT_EQ(claims->mappings[0].destinations[0].weight, 60);
}

TEST(JwtTest, TiersTakeThePlaceOfThePlainJetStreamLimits) {
  const auto claims = decode_account_claims(credential("jwt.account.tiers"));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->limits.jetstream, JetStreamClaim{});
  EXPECT_EQ(claims->limits.tiers.at("R3").streams, 3);
}

TEST(JwtTest, ReadsAUser) {
  const auto claims = decode_user_claims(credential("jwt.user.full"));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->account(), credential("account.acc"));
  EXPECT_EQ(claims->limits.permissions.publish_deny, std::vector<std::string>{"a.b"});
  EXPECT_EQ(claims->limits.permissions.response->max, 3);
  EXPECT_EQ(claims->limits.source_networks.size(), 2u);
  EXPECT_EQ(claims->limits.subscriptions, 7);
  EXPECT_EQ(claims->limits.data, kNoLimit);
  EXPECT_EQ(decode_user_claims(credential("jwt.user.by_signer"))->account(),
            credential("account.acc"));
}

TEST(JwtTest, ReadsActivationsAnswersAndOtherClaims) {
  const auto activation = decode_activation_claims(credential("jwt.activation"));
  ASSERT_TRUE(activation) << activation.error().detail;
  EXPECT_EQ(activation->import_subject, "theirs.*");
  EXPECT_EQ(activation->import_kind, ShareKind::kStream);
  const auto answer = decode_auth_response_claims(credential("jwt.response.error"));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->error, "no entry");
  EXPECT_EQ(why(validate(*answer, kNow)), "");
  const auto generic = decode_generic_claims(credential("jwt.generic"));
  ASSERT_TRUE(generic) << generic.error().detail;
  EXPECT_EQ(generic->accounts, std::vector<std::string>{credential("account.acc")});
}

TEST(JwtTest, AnotherKindOfClaimIsRefused) {
  EXPECT_EQ(decode_user_claims(credential("jwt.account")).error().detail, "not user claim");
  EXPECT_EQ(decode_account_claims(credential("jwt.user")).error().detail, "not account claim");
  EXPECT_EQ(decode_operator_claims(credential("jwt.user")).error().detail, "not operator claim");
}

TEST(JwtTest, AnythingChangedBreaksTheSignature) {
  const std::string& right = credential("jwt.user");
  for (size_t i = 0; i + 1 < right.size(); i += 7) {
    std::string wrong = right;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(decode_user_claims(wrong)) << i;
  }
  for (size_t size = 0; size < right.size(); size += 11) {
    EXPECT_FALSE(decode_user_claims(Slice(right).substr(0, size))) << size;
  }
}

TEST(JwtTest, ForgedTokensAreRefusedForTheirReason) {
  EXPECT_EQ(decode_user_claims("").error().detail, "expected 3 chunks");
  EXPECT_EQ(decode_user_claims("a.b").error().detail, "expected 3 chunks");
  EXPECT_EQ(decode_user_claims(credential("forged.version_3")).error().detail,
            "JWT was generated by a newer version ");
  EXPECT_FALSE(decode_user_claims(credential("forged.no_version")));
  EXPECT_EQ(decode_user_claims(credential("forged.algorithm")).error().detail,
            "unexpected \"none\" algorithm");
  EXPECT_EQ(decode_operator_claims(credential("forged.account_by_user")).error().detail,
            "unable to validate expected prefixes");
}

TEST(JwtTest, ATruncatedKeySignsNothing) {
  const auto claims = decode_user_claims(credential("forged.truncated_key"));
  ASSERT_TRUE(claims) << "the signer is right, only the subject is truncated";
  EXPECT_FALSE(verify_nonce(claims->subject, NkeyKind::kUser, "n", credential("signature.ann")));
  const std::string as_issuer =
      forge(R"({"iss":")" + claims->subject + R"(","nats":{"type":"user","version":2}})");
  EXPECT_FALSE(decode_user_claims(as_issuer));
}

TEST(JwtTest, DeepAndHugeTokensAreRefusedWithoutHarm) {
  const std::string deep = std::string(20'000, '[') + std::string(20'000, ']');
  EXPECT_FALSE(decode_user_claims(forge(R"({"nats":)" + deep + "}")));
  const std::string at_limit = std::string(9'990, '[') + std::string(9'990, ']');
  EXPECT_FALSE(
      decode_user_claims(forge(R"({"nats":{"type":"user","version":2,"src":)" + at_limit + "}}")));
  const auto huge = decode_user_claims(std::string(kJwtBytesMax + 1, 'a'));
  ASSERT_FALSE(huge);
  EXPECT_NE(huge.error().detail.find("exceeds maximum of 1048576 bytes"), std::string::npos);
}

TEST(JwtTest, WrongTypesOfValuesAreRefused) {
  const std::string iss = R"({"iss":")" + credential("user.ann") + R"(",)";
  EXPECT_FALSE(decode_user_claims(forge(iss + R"("nats":{"type":"user","version":"2"}})")));
  EXPECT_FALSE(decode_user_claims(forge(iss + R"("nats":[]})")));
  EXPECT_FALSE(decode_user_claims(forge(iss + R"("exp":"tomorrow","nats":{}})")));
  EXPECT_FALSE(decode_user_claims(forge("[]")));
  EXPECT_FALSE(decode_user_claims(forge("null")));
}

TEST(JwtTest, TimeDecides) {
  EXPECT_EQ(why(validate(*decode_user_claims(credential("jwt.user.expired")), kNow)),
            "claim is expired");
  EXPECT_EQ(why(validate(*decode_user_claims(credential("jwt.user.future")), kNow)),
            "claim is not yet valid");
  const auto account = decode_account_claims(credential("jwt.account.expired"));
  EXPECT_EQ(why(validate(*account, kNow)), "claim is expired");
  EXPECT_EQ(first_blocking(validate(*account, kNow), false), nullptr);
}

TEST(JwtTest, ClaimsThatMakeNoSenseAreNamed) {
  const auto mapping = decode_account_claims(credential("jwt.account.bad_mapping"));
  EXPECT_EQ(why(validate(*mapping, kNow)),
            "Mapping \"a\" exceeds 100% among all of it's weighted to mappings");
  AccountClaims account;
  account.limits.imports = account.limits.exports = kNoLimit;
  account.exports.push_back({.subject = "a.>", .kind = ShareKind::kStream});
  account.exports.push_back({.subject = "a.b", .kind = ShareKind::kStream});
  EXPECT_EQ(why(validate(account, kNow)), "stream export subject \"a.>\" already exports \"a.b\"");
  account.exports.clear();
  account.limits.imports = 0;
  account.imports.push_back({.subject = "x", .account = "A", .kind = ShareKind::kStream});
  EXPECT_EQ(why(validate(account, kNow)),
            "the account contains more imports than allowed by the operator");
  UserClaims user;
  user.limits.source_networks = {"10.0.0.0/33"};
  EXPECT_EQ(why(validate(user, kNow)), "invalid cidr \"10.0.0.0/33\" in user src limits");
  user.limits.source_networks.clear();
  user.limits.times = {{"25:00:00", "26:00:00"}};
  EXPECT_EQ(why(validate(user, kNow)), "start in time range is invalid \"25:00:00\"");
  user.limits.times.clear();
  user.limits.permissions.publish_allow = {"a q"};
  EXPECT_EQ(why(validate(user, kNow)),
            "Permission Subject \"a q\" is not allowed to contain queue");
}

TEST(JwtTest, RevocationCountsUntilItsMoment) {
  const Revocations revocations = {{"U1", 100}, {"*", 50}};
  EXPECT_TRUE(is_revoked(revocations, "U1", 100));
  EXPECT_FALSE(is_revoked(revocations, "U1", 101));
  EXPECT_TRUE(is_revoked(revocations, "U2", 50));
  EXPECT_FALSE(is_revoked(revocations, "U2", 51));
}

}  // namespace
}  // namespace petrel::auth
