#include "petrel/auth/permissions.h"

#include <gtest/gtest.h>

#include <utility>

namespace petrel::auth {
namespace {

using Entries = std::vector<conf::PermissionSubject>;

conf::PermissionOptions publish(std::optional<Entries> allow, Entries deny) {
  conf::PermissionOptions options;
  options.publish = conf::SubjectPermission{std::move(allow), std::move(deny)};
  return options;
}

conf::PermissionOptions subscribe(std::optional<Entries> allow, Entries deny) {
  conf::PermissionOptions options;
  options.subscribe = conf::SubjectPermission{std::move(allow), std::move(deny)};
  return options;
}

TEST(PermissionsTest, WithoutListsEverythingIsAllowed) {
  const Permissions permissions({}, true);
  EXPECT_TRUE(permissions.may_publish("a.b"));
  EXPECT_TRUE(permissions.may_subscribe(">", ""));
  EXPECT_FALSE(permissions.limits_publish());
  EXPECT_FALSE(permissions.overlaps_deny(">", ""));
}

TEST(PermissionsTest, PublishNeedsAnAllowAndNoDeny) {
  const Permissions permissions(publish(Entries{{"a.*"}, {"b.>"}}, {{"a.secret"}}), true);
  EXPECT_TRUE(permissions.limits_publish());
  EXPECT_TRUE(permissions.may_publish("a.x"));
  EXPECT_TRUE(permissions.may_publish("b.x.y"));
  EXPECT_FALSE(permissions.may_publish("a.secret"));
  EXPECT_FALSE(permissions.may_publish("a.x.y"));
  EXPECT_FALSE(permissions.may_publish("c"));
}

TEST(PermissionsTest, AnEmptyAllowListAllowsNothing) {
  EXPECT_FALSE(Permissions(publish(Entries{}, {}), true).may_publish("a"));
  EXPECT_FALSE(Permissions(subscribe(Entries{}, {}), true).may_subscribe("a", ""));
}

TEST(PermissionsTest, StrictSubscriptionsLieWhollyInsideAnAllow) {
  const auto options = subscribe(Entries{{"foo.*"}}, {});
  EXPECT_TRUE(Permissions(options, true).may_subscribe("foo.bar", ""));
  EXPECT_TRUE(Permissions(options, true).may_subscribe("foo.*", ""));
  EXPECT_FALSE(Permissions(options, true).may_subscribe("foo.>", ""));
}

TEST(PermissionsTest, CompatibleSubscriptionsMatchLikeLiterals) {
  const auto options = subscribe(Entries{{"foo.*"}}, {});
  EXPECT_TRUE(Permissions(options, false).may_subscribe("foo.>", ""));
  EXPECT_FALSE(Permissions(options, false).may_subscribe("bar.>", ""));
}

TEST(PermissionsTest, QueueEntriesSpeakOfQueueSubscriptionsOnly) {
  const Permissions permissions(subscribe(Entries{{"jobs", "workers*"}, {"jobs", "v1"}}, {}), true);
  EXPECT_FALSE(permissions.may_subscribe("jobs", ""));
  EXPECT_TRUE(permissions.may_subscribe("jobs", "v1"));
  EXPECT_FALSE(permissions.may_subscribe("jobs", "v2"));
}

TEST(PermissionsTest, DeniedQueuesLeavePlainSubscriptionsAlone) {
  const Permissions permissions(subscribe(std::nullopt, {{"jobs", "v1"}}), true);
  EXPECT_TRUE(permissions.may_subscribe("jobs", ""));
  EXPECT_TRUE(permissions.may_subscribe("jobs", "v2"));
  EXPECT_FALSE(permissions.may_subscribe("jobs", "v1"));
  EXPECT_TRUE(permissions.may_receive("jobs", ""));
  EXPECT_FALSE(permissions.may_receive("jobs", "v1"));
}

TEST(PermissionsTest, AWildcardAcrossADenyIsAskedForEachMessage) {
  const Permissions permissions(subscribe(std::nullopt, {{"a.secret"}}), true);
  EXPECT_TRUE(permissions.may_subscribe("a.*", ""));
  EXPECT_FALSE(permissions.may_subscribe("a.secret", ""));
  EXPECT_TRUE(permissions.overlaps_deny("a.*", ""));
  EXPECT_FALSE(permissions.overlaps_deny("b.*", ""));
  EXPECT_TRUE(permissions.may_receive("a.open", ""));
  EXPECT_FALSE(permissions.may_receive("a.secret", ""));
}

TEST(PermissionsTest, ResponsesAloneForbidOtherPublishing) {
  conf::PermissionOptions options;
  options.allow_responses = conf::ResponsePermission{3, Duration::seconds(1)};
  const Permissions permissions(options, true);
  EXPECT_TRUE(permissions.limits_publish());
  EXPECT_FALSE(permissions.may_publish("a"));
  ASSERT_TRUE(permissions.responses().has_value());
  EXPECT_EQ(permissions.responses()->max, 3);
}

TEST(PermissionsTest, ResponsesKeepAnAllowListThatWasGiven) {
  conf::PermissionOptions options = publish(Entries{{"a"}}, {});
  options.allow_responses = conf::ResponsePermission{};
  const Permissions permissions(options, true);
  EXPECT_TRUE(permissions.may_publish("a"));
  EXPECT_FALSE(permissions.may_publish("b"));
}

}  // namespace
}  // namespace petrel::auth
