#include "petrel/conf/reload_diff.h"

#include "load.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace petrel::conf {
namespace {

ReloadPlan plan(const std::string& before, const std::string& after) {
  auto old_options = load(before);
  auto new_options = load(after);
  EXPECT_TRUE(old_options.is_ok() && new_options.is_ok());
  return compare_options(*old_options, *new_options);
}

std::vector<std::string> logged(const ReloadPlan& reload) {
  std::vector<std::string> lines;
  for (const ReloadChange& change : reload.changes) {
    if (change.is_different && !change.log.empty()) lines.push_back(change.log);
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(ReloadDiff, LogsUsersAndAccountsEvenWithoutAChange) {
  const ReloadPlan same = plan("port: 1", "port: 1");
  ASSERT_EQ(same.changes.size(), 2u);
  EXPECT_EQ(same.changes[0].log, "Reloaded: authorization users");
  EXPECT_EQ(same.changes[1].log, "Reloaded: accounts");
  EXPECT_FALSE(same.changes[0].is_different || same.changes[1].is_different);
}

TEST(ReloadDiff, LogsChangesInTheOrderOfNatsServer) {
  EXPECT_EQ(logged(plan("port: 1",
                        "port: 1\nmax_payload: 5\ndebug: on\nmax_connections: 0\n"
                        "ping_interval: 5s\nclient_advertise: \"a:1\"\n"
                        "no_fast_producer_stall: on\nserver_tags: x\n"
                        "authorization { users: [{user: a, password: b}] }")),
            (Lines{"Reload: client_advertise = a:1", "Reloaded: debug = true",
                   "Reloaded: max_connections = -1", "Reloaded: authorization users",
                   "Reloaded: ping_interval = 5s", "Reloaded: max_payload = 5",
                   "Reloaded: fast producers will not be stalled", "Reloaded: tags"}));
}

TEST(ReloadDiff, TakesOverRateLimits) {
  EXPECT_EQ(logged(plan("petrel { rate_limit { messages: 5 } }", "port: 4222")),
            (Lines{"Reloaded: petrel.rate_limit = 0 messages/s, 0 bytes/s, burst 1s"}));
  EXPECT_EQ(logged(plan("accounts { A { petrel { rate_limit { messages: 5 } } } }",
                        "accounts { A { petrel { rate_limit { messages: 6 } } } }")),
            (Lines{"Reloaded: accounts"}));
}

TEST(ReloadDiff, SaysWhatChangesOfTls) {
  EXPECT_EQ(logged(plan("port: 1", "port: 1\ntls { timeout: 2 }")),
            (Lines{"Reloaded: authorization timeout = 3", "Reloaded: tls = enabled"}));
  EXPECT_EQ(logged(plan("port: 1\ntls { timeout: 2 }", "port: 1")),
            (Lines{"Reloaded: authorization timeout = 2", "Reloaded: tls = disabled"}));
  const std::string pin(64, 'a');
  EXPECT_EQ(logged(plan("port: 1\ntls { timeout: 2 }",
                        "port: 1\ntls { timeout: 3, handshake_first: \"100ms\", pinned_certs: [\"" +
                            pin + "\"] }")),
            (Lines{"Reloaded: authorization timeout = 4", "Reloaded: tls timeout = 3",
                   "Reloaded: 1 pinned_certs", "Reloaded: Client TLS handshake first: true",
                   "Reloaded: Client TLS handshake first fallback delay: 100ms"}));
  EXPECT_EQ(
      plan("port: 1\ntls { timeout: 2 }", "port: 1\ntls { connection_rate_limit: 4 }").refusal,
      "config reload not supported for TLSRateLimit: old=0, new=4");
  EXPECT_EQ(plan("port: 1\ntls { timeout: 2 }", "port: 1\ntls { verify_and_map: true }").refusal,
            "config reload not supported for TLSMap: old=false, new=true");
}

TEST(ReloadDiff, AppliesMoreThanNatsServerDoes) {
  EXPECT_EQ(logged(plan("port: 1",
                        "port: 1\nmax_pending: 100mb\nmax_subs: 5\nlog_size_limit: 1k\n"
                        "lame_duck_duration: \"3m\"\nwrite_timeout: close")),
            (Lines{"Reloaded: max_subscriptions = 5", "Reloaded: max_pending = 104857600",
                   "Reloaded: log_size_limit = 1000", "Reloaded: write_timeout = close",
                   "Reloaded: lame_duck_duration = 3m0s"}));
}

TEST(ReloadDiff, NeverShowsSecrets) {
  const ReloadPlan reload = plan("authorization { user: u1, password: secret1 }",
                                 "authorization { user: u2, password: secret2 }");
  EXPECT_EQ(logged(reload),
            (Lines{"Reloaded: authorization username", "Reloaded: authorization password"}));
  EXPECT_EQ(reload_plan_text(reload).find("secret"), std::string::npos);
}

TEST(ReloadDiff, SeesChangedPermissionsOfAUser) {
  const ReloadPlan reload = plan("authorization { users: [{user: a, permissions {publish: x}}] }",
                                 "authorization { users: [{user: a, permissions {publish: y}}] }");
  const auto users =
      std::find_if(reload.changes.begin(), reload.changes.end(),
                   [](const ReloadChange& c) { return c.option == "authorization users"; });
  ASSERT_NE(users, reload.changes.end());
  EXPECT_TRUE(users->is_different);
  EXPECT_EQ(users->area, ReloadArea::kAuthorization);
}

struct Refused {
  const char* before;
  const char* after;
  const char* refusal;
};

class Refusals : public testing::TestWithParam<Refused> {};

TEST_P(Refusals, NameTheOptionAndChangeNothing) {
  const ReloadPlan reload = plan(GetParam().before, GetParam().after);
  EXPECT_EQ(reload.refusal, GetParam().refusal);
  EXPECT_TRUE(reload.changes.empty());
}

constexpr Refused kRefusals[] = {
    {"port: 1", "port: 2", "config reload not supported for Port: old=1, new=2"},
    {"host: a", "host: b", "config reload not supported for Host: old=a, new=b"},
    {"debug: off", "debug: on\nserver_name: x",
     "config reload not supported for ServerName: old=, new=x"},
    {"debug: off", "http_port: 8222", "config reload not supported for HTTPPort: old=0, new=8222"},
    {"debug: off", "feature_flags: {a: true }",
     "config reload not supported for FeatureFlags: old=map[], new=map[a:true]"},
    {"debug: off", "petrel { loops: 2 }",
     "config reload not supported for petrel.loops: old=0, new=2"},
    {"debug: off", "client_advertise: \"a:b:c\"",
     "invalid ClientAdvertise value of a:b:c, err=address a:b:c: too many colons in address"},
    {"debug: off", "websocket { port: 8080, no_tls: true }",
     "t.conf:1:0: option \"websocket\" is not supported by this version of Petrel"},
};
INSTANTIATE_TEST_SUITE_P(All, Refusals, testing::ValuesIn(kRefusals));

TEST(ReloadDiff, KeepsAPortThatTheSystemChose) {
  auto before = load("port: -1");
  auto after = load("port: -1");
  ASSERT_TRUE(before.is_ok() && after.is_ok());
  before->port = 40123;
  EXPECT_EQ(compare_options(*before, *after).refusal, "");
}

}  // namespace
}  // namespace petrel::conf
