#include "petrel/base/nkey_text.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

NkeyBytes counted() {
  NkeyBytes bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  return bytes;
}

TEST(NkeyTextTest, AKeySurvivesTheWayToTextAndBack) {
  for (const NkeyKind kind : {NkeyKind::kOperator, NkeyKind::kServer, NkeyKind::kCluster,
                              NkeyKind::kAccount, NkeyKind::kUser, NkeyKind::kCurve}) {
    const std::string text = encode_public_nkey(kind, counted());
    EXPECT_EQ(text.size(), 56u);
    EXPECT_EQ(decode_public_nkey(text, kind), counted());
    EXPECT_EQ(public_nkey_kind(text), kind);
    const std::string seed = encode_seed(kind, counted());
    EXPECT_EQ(seed.size(), 58u);
    EXPECT_EQ(decode_seed(seed, kind), counted());
    EXPECT_FALSE(decode_public_nkey(seed, kind));
  }
}

TEST(NkeyTextTest, TheFirstLettersNameTheKind) {
  EXPECT_EQ(encode_public_nkey(NkeyKind::kOperator, counted())[0], 'O');
  EXPECT_EQ(encode_public_nkey(NkeyKind::kAccount, counted())[0], 'A');
  EXPECT_EQ(encode_public_nkey(NkeyKind::kUser, counted())[0], 'U');
  EXPECT_EQ(encode_seed(NkeyKind::kUser, counted()).substr(0, 2), "SU");
  EXPECT_EQ(encode_seed(NkeyKind::kCurve, counted()).substr(0, 2), "SX");
}

TEST(NkeyTextTest, OneWrongCharacterIsSeenByTheChecksum) {
  const std::string right = encode_public_nkey(NkeyKind::kUser, counted());
  for (size_t i = 0; i < right.size() - 1; ++i) {
    std::string wrong = right;
    wrong[i] = wrong[i] == 'B' ? 'C' : 'B';
    EXPECT_FALSE(decode_public_nkey(wrong, NkeyKind::kUser)) << i;
  }
  EXPECT_FALSE(decode_public_nkey(right, NkeyKind::kAccount));
}

TEST(NkeyTextTest, ATruncatedKeyIsNoKeyEvenWithARightChecksum) {
  // Prefix U, one byte of key and its CRC: what a forged claim may name as its subject.
  const std::string truncated = "UAAHCZ6";
  for (size_t size = 0; size < 56; ++size) {
    const std::string cut = encode_public_nkey(NkeyKind::kUser, counted()).substr(0, size);
    EXPECT_FALSE(decode_public_nkey(cut, NkeyKind::kUser)) << size;
    EXPECT_FALSE(decode_seed(cut, NkeyKind::kUser)) << size;
  }
  EXPECT_FALSE(decode_public_nkey(truncated, NkeyKind::kUser));
}

}  // namespace
}  // namespace petrel
