// Users that are keys, trusted proxies and whom a callout service decides over.
#include "unit/auth/credentials.h"

#include "petrel/auth/authenticator.h"
#include "petrel/auth/nonce.h"

namespace petrel::auth {
namespace {

using Kind = Verdict::Kind;

conf::Options with_ann() {
  conf::Options options;
  conf::UserOptions ann;
  ann.nkey = credential("user.ann");
  conf::UserOptions bob;
  bob.user = "bob";
  bob.password = "p";
  options.authorization.users = {ann, bob};
  return options;
}

Credentials signed_by_ann() {
  Credentials shown;
  shown.nkey = credential("user.ann");
  shown.signature = credential("signature.ann");
  shown.nonce = "a nonce";
  return shown;
}

TEST(AuthenticatorNkeyTest, AKeySignsTheNonceOfItsConnection) {
  const Authenticator authenticator(with_ann());
  EXPECT_TRUE(authenticator.needs_nonce());
  Credentials shown = signed_by_ann();
  const Verdict verdict = authenticator.authenticate(shown);
  ASSERT_EQ(verdict.kind, Kind::kAccepted);
  EXPECT_EQ(verdict.user->identity->nkey, credential("user.ann"));
  shown.nonce = "another";
  EXPECT_EQ(authenticator.authenticate(shown).reason, "Signature not verified");
  shown.signature = "";
  EXPECT_EQ(authenticator.authenticate(shown).reason, "Signature missing");
  EXPECT_FALSE(Authenticator(conf::Options{}).needs_nonce());
}

TEST(AuthenticatorNkeyTest, ASignatureOfAProxyCountsOnlyIfItIsTrusted) {
  conf::Options options = with_ann();
  options.trusted_proxies = {credential("user.ann")};
  options.authorization.users[1].proxy_required = true;
  const Authenticator authenticator(options);
  Credentials bob{.user = "bob", .password = "p", .nonce = "a nonce"};
  EXPECT_EQ(authenticator.authenticate(bob).fault, AuthFault::kProxyRequired);
  bob.proxy_signature = credential("signature.ann");
  const Verdict proxied = authenticator.authenticate(bob);
  EXPECT_EQ(proxied.kind, Kind::kAccepted);
  EXPECT_EQ(proxied.proxy_key, credential("user.ann"));
  bob.nonce = "another";
  EXPECT_EQ(authenticator.authenticate(bob).fault, AuthFault::kProxyNotTrusted);
}

TEST(AuthenticatorNkeyTest, ACalloutServiceDecidesOverAllButItsOwnUsers) {
  conf::Options options = with_ann();
  options.authorization.auth_callout = conf::AuthCalloutOptions{.auth_users = {"bob"}};
  const Authenticator authenticator(options);
  EXPECT_EQ(authenticator.authenticate({.user = "bob", .password = "p"}).kind, Kind::kAccepted);
  EXPECT_EQ(authenticator.authenticate({.user = "bob", .password = "q"}).kind, Kind::kRejected);
  EXPECT_EQ(authenticator.authenticate({.user = "eve"}).kind, Kind::kAskElsewhere);
  EXPECT_EQ(authenticator.authenticate({}).kind, Kind::kAskElsewhere);
  EXPECT_EQ(authenticator.authenticate(signed_by_ann()).kind, Kind::kAskElsewhere);
}

TEST(AuthenticatorNkeyTest, InOperatorModeTheJwtDecides) {
  conf::Options options;
  options.operators.operators = {credential("jwt.operator")};
  const Authenticator authenticator(options);
  EXPECT_TRUE(authenticator.is_required());
  EXPECT_TRUE(authenticator.needs_nonce());
  EXPECT_EQ(authenticator.authenticate({.user = "a", .password = "b"}).kind, Kind::kAskElsewhere);
}

TEST(NonceMakerTest, EveryConnectionHasItsOwnNonceThatNobodyElseKnows) {
  const NonceMaker maker(NkeyBytes{1, 2, 3});
  EXPECT_EQ(maker.nonce_of(5).size(), 15u);
  EXPECT_EQ(maker.nonce_of(5), maker.nonce_of(5));
  EXPECT_NE(maker.nonce_of(5), maker.nonce_of(6));
  EXPECT_NE(maker.nonce_of(5), NonceMaker(NkeyBytes{9}).nonce_of(5));
}

}  // namespace
}  // namespace petrel::auth
