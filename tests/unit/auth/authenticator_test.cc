#include "petrel/auth/authenticator.h"

#include <gtest/gtest.h>

namespace petrel::auth {
namespace {

using Kind = Verdict::Kind;
constexpr const char* kHash = "$2a$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

conf::UserOptions user(std::string name, std::string password) {
  conf::UserOptions options;
  options.user = std::move(name);
  options.password = std::move(password);
  return options;
}

TEST(AuthenticatorTest, NobodyIsAskedWithoutUsers) {
  const Authenticator authenticator(conf::Options{});
  EXPECT_FALSE(authenticator.is_required());
  const Verdict verdict = authenticator.authenticate({});
  EXPECT_EQ(verdict.kind, Kind::kAccepted);
  EXPECT_EQ(verdict.user, nullptr);
}

TEST(AuthenticatorTest, UsersNeedTheirOwnPassword) {
  conf::Options options;
  options.authorization.users = {user("ann", "1"), user("bob", "2")};
  const Authenticator authenticator(options);
  EXPECT_TRUE(authenticator.is_required());
  const Verdict ann = authenticator.authenticate({"ann", "1", ""});
  ASSERT_EQ(ann.kind, Kind::kAccepted);
  EXPECT_EQ(ann.user->name, "ann");
  EXPECT_EQ(authenticator.authenticate({"ann", "2", ""}).kind, Kind::kRejected);
  EXPECT_EQ(authenticator.authenticate({"eve", "1", ""}).kind, Kind::kRejected);
  EXPECT_EQ(authenticator.authenticate({}).kind, Kind::kRejected);
}

TEST(AuthenticatorTest, ASingleUserAndATokenAreUsersWithoutAList) {
  conf::Options single;
  single.authorization.user = "ann";
  single.authorization.password = "1";
  EXPECT_EQ(Authenticator(single).authenticate({"ann", "1", ""}).kind, Kind::kAccepted);
  EXPECT_EQ(Authenticator(single).authenticate({"ann", "", ""}).kind, Kind::kRejected);

  conf::Options token;
  token.authorization.token = "t0k";
  EXPECT_EQ(Authenticator(token).authenticate({"", "", "t0k"}).kind, Kind::kAccepted);
  EXPECT_EQ(Authenticator(token).authenticate({"", "", "t0"}).kind, Kind::kRejected);
}

TEST(AuthenticatorTest, AnonymousClientsBecomeTheNoAuthUser) {
  conf::Options options;
  options.authorization.users = {user("ann", "1")};
  options.no_auth_user = "ann";
  const Authenticator authenticator(options);
  EXPECT_TRUE(authenticator.has_no_auth_user());
  const Verdict verdict = authenticator.authenticate({});
  ASSERT_EQ(verdict.kind, Kind::kAccepted);
  EXPECT_EQ(verdict.user->name, "ann");
  EXPECT_EQ(authenticator.authenticate({"ann", "wrong", ""}).kind, Kind::kRejected);
}

TEST(AuthenticatorTest, HashedPasswordsAreLeftToTheCaller) {
  conf::Options options;
  options.authorization.users = {user("ann", kHash)};
  const Verdict verdict = Authenticator(options).authenticate({"ann", "typed", ""});
  ASSERT_EQ(verdict.kind, Kind::kVerifyPassword);
  EXPECT_EQ(verdict.user->name, "ann");
  EXPECT_EQ(verdict.password_hash, kHash);
  EXPECT_EQ(verdict.password, "typed");
}

TEST(AuthenticatorTest, UsersOfOtherConnectionTypesAreRejected) {
  conf::Options options;
  options.authorization.users = {user("ws", "1"), user("both", "1")};
  options.authorization.users[0].allowed_connection_types = {"WEBSOCKET"};
  options.authorization.users[1].allowed_connection_types = {"WEBSOCKET", "STANDARD"};
  const Authenticator authenticator(options);
  EXPECT_EQ(authenticator.authenticate({"ws", "1", ""}).kind, Kind::kRejected);
  EXPECT_EQ(authenticator.authenticate({"both", "1", ""}).kind, Kind::kAccepted);
}

TEST(AuthenticatorTest, OwnPermissionsReplaceTheDefaultOnes) {
  conf::Options options;
  conf::PermissionOptions defaults;
  defaults.publish = conf::SubjectPermission{std::nullopt, {{"a"}}};
  conf::PermissionOptions own;
  own.publish = conf::SubjectPermission{std::nullopt, {{"b"}}};
  options.authorization.default_permissions = defaults;
  options.authorization.users = {user("default", "1"), user("own", "1")};
  options.authorization.users[1].permissions = own;
  const Authenticator authenticator(options);
  const auto by_default = authenticator.authenticate({"default", "1", ""}).user->permissions;
  EXPECT_FALSE(by_default->may_publish("a"));
  EXPECT_TRUE(by_default->may_publish("b"));
  const auto by_user = authenticator.authenticate({"own", "1", ""}).user->permissions;
  EXPECT_TRUE(by_user->may_publish("a"));
  EXPECT_FALSE(by_user->may_publish("b"));
}

TEST(AuthenticatorTest, PasswordsAreEqualByteForByte) {
  EXPECT_TRUE(Authenticator::equal_in_constant_time("", ""));
  EXPECT_TRUE(Authenticator::equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(Authenticator::equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(Authenticator::equal_in_constant_time("abc", "abcd"));
}

TEST(AuthenticatorTest, BcryptIsRecognisedByItsStart) {
  EXPECT_TRUE(Authenticator::is_bcrypt("$2a$11$rest"));
  EXPECT_TRUE(Authenticator::is_bcrypt("$2y$04$rest"));
  EXPECT_FALSE(Authenticator::is_bcrypt("$2z$11$rest"));
  EXPECT_FALSE(Authenticator::is_bcrypt("$2a$1$rest"));
  EXPECT_FALSE(Authenticator::is_bcrypt("$2a$"));
  EXPECT_FALSE(Authenticator::is_bcrypt("secret"));
}

}  // namespace
}  // namespace petrel::auth
