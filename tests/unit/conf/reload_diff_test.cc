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
                   "Reloaded: tls = enabled", "Reloaded: 1 pinned_certs",
                   "Reloaded: Client TLS handshake first: true",
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

// One value that is not the default for each option of a file: a reload applies it or names it.
constexpr const char* kEveryOption[] = {
    "listen: \"127.0.0.1:4333\"",
    "client_advertise: \"h:1\"",
    "port: 4333",
    "server_name: x",
    "host: h",
    "debug: true",
    "trace: true",
    "trace_verbose: true",
    "trace_headers: true",
    "logtime: false",
    "logtime_utc: true",
    "mappings { a: b }",
    "disable_sublist_cache: true",
    "accounts { A { users: [{ user: a, password: p }] } }",
    "authorization { user: a, password: p }",
    "authorization { token: t }",
    "authorization { timeout: 9 }",
    "authorization { users: [{ user: a, password: p, proxy_required: true }] }",
    "http: 8222",
    "https: 8222",
    "http_port: 8222",
    "https_port: 8222",
    "http_base_path: \"/x\"",
    "cluster { pool_size: 7 }",
    "cluster { name: x, listen: 5000 }",
    "gateway { reject_unknown_cluster: true }",
    "gateway { name: x, listen: 5000 }",
    "leafnodes { no_advertise: true }",
    "leafnodes { listen: 5000 }",
    "jetstream: enabled",
    "log_file: x",
    "log_size_limit: 9",
    "log_max_num: 9",
    "syslog: true",
    "remote_syslog: x",
    "pid_file: x",
    "ports_file_dir: x",
    "prof_port: 1",
    "prof_block_rate: 1",
    "max_control_line: 9",
    "max_payload: 9",
    "max_pending: 100MB",
    "proxy_protocol: true",
    "max_connections: 9",
    "max_traced_msg_len: 9",
    "max_subscriptions: 9",
    "max_subscription_tokens: 9",
    "ping_interval: 9s",
    "ping_max: 9",
    "tls { timeout: 9 }",
    "ocsp: true",
    "allow_non_tls: true",
    "write_deadline: 9s",
    "write_timeout: retry",
    "lame_duck_duration: \"9m\"",
    "lame_duck_grace_period: 9s",
    "authorization { users: [{ user: a, password: p }] }, no_auth_user: a",
    "accounts { X {} }, system_account: X",
    "no_system_account: true",
    "no_header_support: true",
    "connect_error_reports: 9",
    "reconnect_error_reports: 9",
    "websocket { compression: true }",
    "websocket { port: 1, no_tls: true }",
    "mqtt { max_ack_pending: 9 }",
    "server_tags: x",
    "server_metadata { a: b }",
    "feature_flags { a: true }",
    "accounts { A {} }, default_js_domain { A: b }",
    "ocsp_cache: true",
    "no_fast_producer_stall: true",
    "max_closed_clients: 9",
    "petrel { loops: 9 }",
    "petrel { backend: epoll }",
    "petrel { disk_backend: threads }",
    "petrel { strict_permissions: false }",
    "petrel { max_memory: 9 }",
    "petrel { rate_limit { messages: 9 } }",
};

class EveryOption : public testing::TestWithParam<const char*> {};

TEST_P(EveryOption, IsNamed) {
  for (const bool is_set : {true, false}) {
    const ReloadPlan reload = plan(is_set ? "" : GetParam(), is_set ? GetParam() : "");
    const std::string text = reload_plan_text(reload);
    EXPECT_NE(text, "A reload would change nothing.\n") << GetParam();
  }
}
INSTANTIATE_TEST_SUITE_P(All, EveryOption, testing::ValuesIn(kEveryOption));

// What needs keys of its own to be loaded.
TEST(ReloadDiff, NamesWhateverChangesOfOperatorsAndProxies) {
  const std::vector<void (*)(Options&)> changes = {
      [](Options& o) { o.operators.operators = {"secret"}; },
      [](Options& o) { o.operators.trusted_keys = {"OA"}; },
      [](Options& o) { o.operators.resolver.url = "secret"; },
      [](Options& o) { o.operators.resolver.allow_delete = true; },
      [](Options& o) { o.operators.resolver_tls.emplace(); },
      [](Options& o) { o.operators.resolver_preload["A"] = "secret"; },
      [](Options& o) { o.operators.resolver_pinned_accounts = {"A"}; },
      [](Options& o) { o.operators.default_sentinel = "s"; },
      [](Options& o) { o.authorization.auth_callout.emplace(); },
      [](Options& o) { o.authorization.proxy_required = true; },
      [](Options& o) { o.trusted_proxies = {"P"}; },
  };
  for (const auto& change : changes) {
    Options after;
    change(after);
    const std::string text = reload_plan_text(compare_options(Options(), after));
    EXPECT_NE(text, "A reload would change nothing.\n") << &change - changes.data();
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  }
}

// Each field of the block, on a server that has JetStream.
TEST(ReloadDiff, NamesWhateverChangesOfJetStream) {
  const std::string block = "jetstream { store_dir: a, max_mem: 1MB, max_file: 1MB";
  for (const std::string more :
       {"domain: d", "extension_hint: x", "key: k", "prev_key: k", "cipher: aes", "unique_tag: az",
        "limits { max_ack_pending: 9 }", "limits { duplicate_window: 9s }", "strict: false",
        "max_outstanding_catchup: 9", "request_queue_limit: 9", "info_queue_limit: 9",
        "meta_compact: 9", "meta_compact_size: 9", "meta_compact_sync: true",
        "max_buffered_msgs: 9", "max_buffered_size: 9", "sync_interval: 9s",
        "sync_interval: always"}) {
    const std::string text = reload_plan_text(plan(block + " }", block + ", " + more + " }"));
    EXPECT_NE(text, "A reload would change nothing.\n") << more;
    EXPECT_EQ(text.find("=k"), std::string::npos) << text;
  }
}

TEST(ReloadDiff, RaisesLimitsOfJetStreamOnly) {
  const std::string start = "jetstream { store_dir: a, max_mem: 1MB, max_file: 1MB }";
  EXPECT_EQ(
      reload_plan_text(plan(start, "jetstream { store_dir: a, max_mem: 2MB, max_file: 1MB }")),
      "A reload would change:\n  jetstream.max_memory_store: 1048576 -> 2097152\n");
  EXPECT_EQ(plan(start, "jetstream { store_dir: a, max_mem: 1MB, max_file: 1KB }").refusal,
            "config reload not supported for decreasing jetstream max memory and store");
  EXPECT_EQ(plan(start, "jetstream { store_dir: b, max_mem: 1MB, max_file: 1MB }").refusal,
            "config reload not supported for jetstream storage directory");
  EXPECT_EQ(plan(start, "port: 4222").refusal,
            "config reload not supported for JetStream: old=true, new=false");
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
