#include "petrel/auth/nkey.h"

#include "auth/base64.h"
#include "unit/auth/credentials.h"

namespace petrel::auth {
namespace {

NkeyBytes seed_of(const std::string& name, NkeyKind kind) {
  return decode_seed(credential(name), kind).value_or(NkeyBytes{});
}

TEST(NkeyTest, ASignatureOfTheGoModuleIsRightInBothSpellings) {
  const std::string& ann = credential("user.ann");
  EXPECT_TRUE(verify_nonce(ann, NkeyKind::kUser, "a nonce", credential("signature.ann")));
  EXPECT_TRUE(verify_nonce(ann, NkeyKind::kUser, "a nonce", credential("signature.ann.padded")));
}

TEST(NkeyTest, ASignatureIsWrongForAnythingElse) {
  const std::string& ann = credential("user.ann");
  const std::string& signature = credential("signature.ann");
  EXPECT_FALSE(verify_nonce(ann, NkeyKind::kUser, "b nonce", signature));
  EXPECT_FALSE(verify_nonce(ann, NkeyKind::kAccount, "a nonce", signature));
  EXPECT_FALSE(verify_nonce(credential("account.acc"), NkeyKind::kUser, "a nonce", signature));
  EXPECT_FALSE(verify_nonce(ann, NkeyKind::kUser, "a nonce", ""));
  EXPECT_FALSE(verify_nonce(ann, NkeyKind::kUser, "a nonce", "!!!"));
  EXPECT_FALSE(verify_nonce(ann, NkeyKind::kUser, "a nonce", signature.substr(0, 80)));
  EXPECT_FALSE(verify_nonce("", NkeyKind::kUser, "a nonce", signature));
}

TEST(NkeyTest, WhatIsSignedHereIsWhatTheGoModuleSigns) {
  const SigningKey key = SigningKey::from_seed(seed_of("seed.ann", NkeyKind::kUser));
  EXPECT_EQ(encode_public_nkey(NkeyKind::kUser, key.public_key()), credential("user.ann"));
  EXPECT_EQ(encode_base64_url(key.sign("a nonce")), credential("signature.ann"));
}

TEST(NkeyTest, ABoxOfTheGoModuleOpens) {
  const CurveKey server = CurveKey::from_seed(seed_of("curve.server.seed", NkeyKind::kCurve));
  EXPECT_EQ(encode_public_nkey(NkeyKind::kCurve, server.public_key()), credential("curve.server"));
  const auto sender = decode_public_nkey(credential("curve.service"), NkeyKind::kCurve);
  ASSERT_TRUE(sender);
  const auto box = decode_base64_url(credential("curve.box"));
  ASSERT_TRUE(box);
  EXPECT_EQ(server.open(*box, *sender), "sealed words");
}

TEST(NkeyTest, ABoxOpensForItsReceiverAlone) {
  const CurveKey server = CurveKey::from_seed(seed_of("curve.server.seed", NkeyKind::kCurve));
  const CurveKey service = CurveKey::from_seed(seed_of("curve.service.seed", NkeyKind::kCurve));
  const auto sealed = server.seal("words", service.public_key(), CurveKey::Nonce{1});
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->substr(0, 4), "xkv1");
  EXPECT_EQ(service.open(*sealed, server.public_key()), "words");
  EXPECT_FALSE(service.open(*sealed, service.public_key()));
  for (size_t size = 0; size < sealed->size(); ++size) {
    EXPECT_FALSE(service.open(sealed->substr(0, size), server.public_key())) << size;
  }
  std::string changed = *sealed;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  EXPECT_FALSE(service.open(changed, server.public_key()));
}

TEST(Base64Test, ReadsWhatGoReadsAndNothingElse) {
  EXPECT_EQ(*decode_base64_url("YQ"), "a");
  EXPECT_EQ(*decode_base64_url("YWI\n"), "ab");
  EXPECT_EQ(*decode_base64_url(""), "");
  EXPECT_EQ(decode_base64_url("YQ==").error().detail, "illegal base64 data at input byte 2");
  EXPECT_FALSE(decode_base64_url("A"));
  EXPECT_EQ(*decode_base64("YQ=="), "a");
  EXPECT_FALSE(decode_base64("YQ"));
  EXPECT_FALSE(decode_base64("Y=Q="));
  EXPECT_EQ(encode_base64_url("\xff\xfe"), "__4");
}

}  // namespace
}  // namespace petrel::auth
