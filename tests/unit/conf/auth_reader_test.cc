// authorization { }, users, permissions and mappings.
#include "load.h"

#include <gtest/gtest.h>

namespace petrel::conf {
namespace {

TEST(Authorization, ReadsUsersWithTheirPermissions) {
  auto options = load(R"(
    authorization {
      timeout: 3.5
      default_permissions { publish: "d.>" }
      users: [
        { user: a, password: pa, permissions {
            publish { allow: ["a.*", b], deny: "a.x" }
            subscribe: ["s q.*", t]
            allow_responses { max: 5, expires: "1m" } } }
        { username: b, pass: pb, connection_types: [standard, mqtt] }
      ]
    })");
  ASSERT_TRUE(options.is_ok()) << options.error().detail;
  const AuthorizationOptions& authorization = options->authorization;
  EXPECT_EQ(authorization.timeout, Duration::millis(3500));
  ASSERT_EQ(authorization.users.size(), 2u);
  const UserOptions& a = authorization.users[0];
  ASSERT_TRUE(a.permissions && a.permissions->publish && a.permissions->subscribe);
  EXPECT_EQ(a.permissions->publish->allow,
            (std::vector<PermissionSubject>{{"a.*", ""}, {"b", ""}}));
  EXPECT_EQ(a.permissions->publish->deny, (std::vector<PermissionSubject>{{"a.x", ""}}));
  EXPECT_EQ(a.permissions->subscribe->allow,
            (std::vector<PermissionSubject>{{"s", "q.*"}, {"t", ""}}));
  EXPECT_EQ(a.permissions->allow_responses, (ResponsePermission{5, Duration::minutes(1)}));
  const UserOptions& b = authorization.users[1];
  EXPECT_EQ(b.password, "pb");
  EXPECT_EQ(b.allowed_connection_types, (std::vector<std::string>{"STANDARD", "MQTT"}));
  ASSERT_TRUE(b.permissions && b.permissions->publish);
  EXPECT_EQ(b.permissions->publish->allow, (std::vector<PermissionSubject>{{"d.>", ""}}));
}

TEST(Authorization, AllowsNothingElseToWhoMayOnlyAnswer) {
  auto options = load("authorization { users: [{user: a, permissions {allow_responses: true}}] }");
  ASSERT_TRUE(options.is_ok());
  const PermissionOptions& permissions = *options->authorization.users[0].permissions;
  ASSERT_TRUE(permissions.publish && permissions.publish->allow);
  EXPECT_TRUE(permissions.publish->allow->empty());
  EXPECT_EQ(permissions.allow_responses, ResponsePermission{});
}

TEST(Authorization, TakesAnEmptyListForNoList) {
  auto options = load("authorization { users: [{user: a, permissions {publish: []}}] }");
  ASSERT_TRUE(options.is_ok());
  EXPECT_FALSE(options->authorization.users[0].permissions->publish->allow.has_value());
}

struct Wrong {
  const char* text;
  const char* said;
};

class WrongAuthorization : public testing::TestWithParam<Wrong> {};

TEST_P(WrongAuthorization, IsReported) {
  EXPECT_EQ(check(GetParam().text), GetParam().said) << GetParam().text;
}

constexpr Wrong kWrong[] = {
    {"authorization { user: a, token: b }", "t.conf:1:0: Cannot have a user/pass and token"},
    {"authorization { user: a, users: [{user: b}] }",
     "t.conf:1:0: Can not have a single user/pass and a users array"},
    {"authorization { token: a, users: [{user: b}] }",
     "t.conf:1:0: Can not have a token and a users array"},
    {"authorization { users: [{user: a}, {user: a}] }",
     "t.conf:1:0: Duplicate user \"a\" detected"},
    {"authorization { users: [{password: a}] }", "t.conf:1:25: User entry requires a user"},
    {"authorization { users: [{nkey: a}] }", "t.conf:1:25: Not a valid public nkey for a user"},
    {"authorization { users: [{user: 1}] }",
     "t.conf:1:25: interface conversion: interface {} is int64, not string"},
    {"authorization { users: [{user: a, clients: [x]}] }",
     "t.conf:1:34: invalid connection types [\"X\"]"},
    {"authorization { users: [{user: a, permissions: {publish: \"a..b\"}}] }",
     "subject \"a..b\" is not a valid subject"},
    {"authorization { users: [{user: a, permissions: {publish: {allow: \"a b\"}}}] }",
     "t.conf:1:58: subject \"a b\" is not a valid subject"},
    {"authorization { users: [{user: a, permissions: {sub: {deny: \"a b..\"}}}] }",
     "t.conf:1:54: queue \"b..\" is not a valid queue"},
    {"authorization { timeout: 61 }",
     "t.conf:1:16: invalid use of field \"timeout\": timeout of 61 (61.000000 seconds) is high, "
     "consider keeping it under 60 seconds. possibly caused by unquoted duration; use '1m' instead "
     "of 1m, for example"},
    {"authorization { auth_callout: {issuer: x} }",
     "t.conf:1:31: Expected callout user to be a valid public account nkey, got \"x\""},
};
INSTANTIATE_TEST_SUITE_P(All, WrongAuthorization, testing::ValuesIn(kWrong));

TEST(Mappings, KeepTheirOrderAndWeights) {
  auto options = load(R"(mappings {
    z: a
    "b.*": [ {dest: "c.$1", weight: 30%}, {dest: "d.{{wildcard(1)}}", weight: 20, cluster: x} ]
  })");
  ASSERT_TRUE(options.is_ok()) << options.error().detail;
  ASSERT_EQ(options->mappings.size(), 2u);
  EXPECT_EQ(options->mappings[0], (MappingOptions{"z", {{"a", 100, ""}}}));
  EXPECT_EQ(options->mappings[1],
            (MappingOptions{"b.*", {{"c.$1", 30, ""}, {"d.{{wildcard(1)}}", 20, "x"}}}));
}

constexpr Wrong kWrongMappings[] = {
    {"mappings { a: {dest: b} }", "t.conf:1:11: Missing weight for mapping destination \"b\""},
    {"mappings { a: {dest: b, weight: 101} }",
     "t.conf:1:24: Invalid weight 101 for mapping destination"},
    {"mappings { \"a..b\": c }", "t.conf:1:0: Subject \"a..b\" is not a valid subject"},
    {"mappings { \"a.*\": \"b.$2\" }",
     "t.conf:1:12: Error adding mapping for \"a.*\" to \"b.$2\" : invalid mapping destination: "
     "wildcard index out of range in $2: [2]"},
    {"mappings { a: [{dest: b, weight: 60}, {dest: c, weight: 60}] }",
     "t.conf:1:11: Error adding mapping for \"a\" : total weight needs to be <= 100"},
    {"mappings { \"a.*\": \"b.{{foo(1)}}\" }",
     "t.conf:1:12: Error adding mapping for \"a.*\" to \"b.{{foo(1)}}\" : invalid mapping "
     "destination: unknown function in {{foo(1)}}"},
};
INSTANTIATE_TEST_SUITE_P(Mappings, WrongAuthorization, testing::ValuesIn(kWrongMappings));

}  // namespace
}  // namespace petrel::conf
