// The top-level options: what they mean and what is said about wrong values.
#include "conf/options_reader.h"

#include "load.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace petrel::conf {
namespace {

TEST(OptionsReader, TakesDefaultsFromAnEmptyFile) {
  auto options = load("# nothing");
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->host, "0.0.0.0");
  EXPECT_EQ(options->port, 4222);
  EXPECT_EQ(options->http_host, "0.0.0.0");
  EXPECT_EQ(options->max_connections, 65536);
  EXPECT_EQ(options->max_payload, 1 << 20);
  EXPECT_EQ(options->max_pending, 64 << 20);
  EXPECT_EQ(options->ping_interval, Duration::minutes(2));
  EXPECT_EQ(options->write_deadline, Duration::seconds(10));
  EXPECT_EQ(options->lame_duck_duration, Duration::minutes(2));
  EXPECT_EQ(options->authorization.timeout, Duration::seconds(2));
  EXPECT_TRUE(options->logtime);
  EXPECT_TRUE(options->unsupported.empty());
}

TEST(OptionsReader, ReadsEveryKindOfValue) {
  auto options = load(R"(
    listen: "127.0.0.1:-1"
    http: "127.0.0.2:8222"
    server_name: s1
    max_payload: 2MB
    max_connections: 10
    max_sub_tokens: 8
    ping_interval: "30s"
    write_timeout: retry
    trace_headers: yes
    server_tags: [A, b, " a "]
    server_metadata { zone: x }
    feature_flags { js_ack_fc_v2: on }
    log_size_limit: 10kb
    lame_duck_duration: 45s
    lame_duck_grace_period: 5s
  )");
  ASSERT_TRUE(options.is_ok()) << options.error().detail;
  EXPECT_EQ(options->host, "127.0.0.1");
  EXPECT_EQ(options->port, -1);
  EXPECT_EQ(options->http_host, "127.0.0.2");
  EXPECT_EQ(options->http_port, 8222);
  EXPECT_EQ(options->server_name, "s1");
  EXPECT_EQ(options->max_payload, 2 << 20);
  EXPECT_EQ(options->max_connections, 10);
  EXPECT_EQ(options->max_subscription_tokens, 8);
  EXPECT_EQ(options->ping_interval, Duration::seconds(30));
  EXPECT_EQ(options->write_timeout, WriteTimeoutPolicy::kRetry);
  EXPECT_TRUE(options->trace_headers);
  EXPECT_TRUE(options->trace);
  EXPECT_EQ(options->tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options->metadata.at("zone"), "x");
  EXPECT_TRUE(options->feature_flags.at("js_ack_fc_v2"));
  EXPECT_EQ(options->log_size_limit, 10240);
  EXPECT_EQ(options->lame_duck_grace_period, Duration::seconds(5));
}

TEST(OptionsReader, MatchesNamesInAnyCaseAndByAlias) {
  auto options = load("PORT: 1\nNet: h\nMax_Conn: 2\nmonitor_port: 3\nLogFile: f");
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->port, 1);
  EXPECT_EQ(options->host, "h");
  EXPECT_EQ(options->max_connections, 2);
  EXPECT_EQ(options->http_port, 3);
  EXPECT_EQ(options->log_file, "f");
}

TEST(OptionsReader, TakesZeroForTheDefault) {
  auto options = load("port: 0\nping_max: 0\nmax_payload: 0\nwrite_deadline: 0s");
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->port, 4222);
  EXPECT_EQ(options->ping_max, 2);
  EXPECT_EQ(options->max_payload, 1 << 20);
  EXPECT_EQ(options->write_deadline, Duration::seconds(10));
}

TEST(OptionsReader, LetsNobodyInWithZeroConnections) {
  auto options = load("max_connections: 0");
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->max_connections, -1);
}

TEST(OptionsReader, MonitorsOnTheAddressOfTheClients) {
  auto options = load("host: 10.0.0.1\nhttp_port: 8222");
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->http_host, "10.0.0.1");
}

struct Wrong {
  const char* text;
  const char* said;
};

class WrongOptions : public testing::TestWithParam<Wrong> {};

TEST_P(WrongOptions, AreReportedWithTheirPlace) {
  EXPECT_EQ(check(GetParam().text), GetParam().said);
}

constexpr Wrong kWrong[] = {
    {"foo: 1", "t.conf:1:0: unknown field \"foo\""},
    {"port: 1\n  foo: 1", "t.conf:2:3: unknown field \"foo\""},
    {"port: abc", "t.conf:1:0: interface conversion: interface {} is string, not int64"},
    {"debug: 1", "t.conf:1:0: interface conversion: interface {} is int64, not bool"},
    {"server_name: \"a b\"", "t.conf:1:0: server name cannot contain spaces"},
    {"listen: abc", "t.conf:1:0: could not parse address string \"abc\""},
    {"listen: \"a:b\"", "t.conf:1:0: could not parse port \"b\""},
    {"listen: true", "t.conf:1:0: expected port or host:port, got bool"},
    {"max_payload: 3gb", "t.conf:1:0: max_payload value is too big"},
    {"max_sub_tokens: 0", "t.conf:1:0: max_sub_tokens value can not be negative"},
    {"max_sub_tokens: 300", "t.conf:1:0: max_sub_tokens value is too big"},
    {"ping_interval: x", "t.conf:1:0: error parsing ping_interval: time: invalid duration \"x\""},
    {"write_timeout: x", "t.conf:1:0: write_timeout must be 'default', 'close' or 'retry'"},
    {"lame_duck_duration: 10s",
     "t.conf:1:0: invalid lame_duck_duration of 10s, minimum is 30 seconds"},
    {"lame_duck_grace_period: \"-1s\"",
     "t.conf:1:0: invalid lame_duck_grace_period, needs to be positive"},
    {"feature_flags {a: 1 }",
     "t.conf:1:15: error parsing feature flag \"a\": expected bool, got int64"},
    {"server_tags: [1, 2 ]",
     "t.conf:1:0: error parsing tags: unsupported type *conf.token where string is expected"},
    {"port: [x y]",
     "Parse error on line 1: 'Expected an array value terminator \",\" or an array "
     "terminator \"]\", but got 'y' instead.'"},
    {"", "t.conf: config has no values or is empty"},
    {"ping_interval: 5",
     "t.conf:1:0: invalid use of field \"ping_interval\": ping_interval should be converted to a "
     "duration"},
};
INSTANTIATE_TEST_SUITE_P(All, WrongOptions, testing::ValuesIn(kWrong));

TEST(OptionsReader, CollectsAllErrorsBehindTheWarnings) {
  EXPECT_EQ(check("foo: 1\nping_interval: 5\nhost: 2"),
            "t.conf:2:1: invalid use of field \"ping_interval\": ping_interval should be converted "
            "to a duration\n"
            "t.conf:1:0: unknown field \"foo\"\n"
            "t.conf:3:1: interface conversion: interface {} is int64, not string");
}

TEST(OptionsReader, LetsVariablesHaveAnyName) {
  auto options = load("limit: 7\nmax_connections: $limit");
  ASSERT_TRUE(options.is_ok()) << options.error().detail;
  EXPECT_EQ(options->max_connections, 7);
}

TEST(OptionsReader, AllAreInTheReference) {
  std::ifstream file(PETREL_SOURCE_DIR "/docs/configuration.md");
  const std::string reference{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GE(option_names().size(), 70u);
  for (const std::string_view names : option_names()) {
    const std::string name(names.substr(0, names.find('|')));
    EXPECT_NE(reference.find("`" + name + "`"), std::string::npos) << name;
  }
}

TEST(OptionsReader, ReadsTheOptionsOfPetrel) {
  auto options =
      load("petrel { loops: 3, backend: epoll, disk_backend: threads, strict_permissions: false }");
  ASSERT_TRUE(options.is_ok());
  EXPECT_EQ(options->petrel.loops, 3);
  EXPECT_EQ(options->petrel.backend, Backend::kEpoll);
  EXPECT_EQ(options->petrel.disk_backend, DiskBackend::kThreads);
  EXPECT_EQ(check("petrel { disk_backend: epoll }"),
            "t.conf:1:9: disk_backend must be 'auto', 'io_uring' or 'threads', got \"epoll\"");
  EXPECT_FALSE(options->petrel.strict_permissions);
  EXPECT_EQ(check("petrel { loops: -1 }"),
            "t.conf:1:9: loops must be between 0 (one per processor) and 256, got -1");
  EXPECT_EQ(check("petrel { backend: x }"),
            "t.conf:1:9: backend must be 'auto', 'io_uring' or 'epoll', got \"x\"");
  EXPECT_EQ(check("petrel { max_memory: -1 }"),
            "t.conf:1:9: max_memory can not be negative, got -1");
  EXPECT_EQ(check("petrel { foo: 1 }"), "t.conf:1:9: unknown field \"foo\"");
}

TEST(OptionsReader, ReadsRateLimits) {
  auto options = load(
      "petrel { rate_limit { messages: 10k, bytes: 5MB } }\n"
      "accounts { A { petrel { rate_limit { bytes: 1K, burst: \"100ms\" } } }, B {} }");
  ASSERT_TRUE(options.is_ok()) << options.error().detail;
  EXPECT_EQ(options->petrel.rate_limit, (RateLimit{10'000, 5 << 20, Duration::seconds(1)}));
  EXPECT_EQ(options->accounts[0].rate_limit, (RateLimit{0, 1000, Duration::millis(100)}));
  EXPECT_EQ(options->accounts[1].rate_limit, std::nullopt);
}

TEST(OptionsReader, RefusesSenselessRateLimits) {
  const auto said = [](const std::string& limit) {
    return check("petrel { rate_limit " + limit + " }");
  };
  EXPECT_EQ(said("5"), "t.conf:1:9: Expected rate_limit to be a map, got int64");
  EXPECT_EQ(
      said("{ messages: -1 }"),
      "t.conf:1:22: rate_limit messages must be between 0 (no limit) and 10000000000, got -1");
  EXPECT_EQ(said("{ bytes: 10000000001 }"),
            "t.conf:1:22: rate_limit bytes must be between 0 (no limit) and 10000000000, got "
            "10000000001");
  EXPECT_EQ(said("{ burst: \"1ms\" }"),
            "t.conf:1:22: rate_limit burst must be between 10ms and 1h0m0s, got 1ms");
  EXPECT_NE(said("{ burst: \"soon\" }").find("error parsing burst"), std::string::npos);
  EXPECT_EQ(said("{ msgs: 1 }"), "t.conf:1:22: unknown field \"msgs\"");
  EXPECT_NE(said("{ messages: many }"), "");
  EXPECT_EQ(
      check("accounts { A { petrel { rate_limit { messages: -1 } } } }"),
      "t.conf:1:37: rate_limit messages must be between 0 (no limit) and 10000000000, got -1");
  EXPECT_EQ(check("accounts { A { petrel { loops: 1 } } }"),
            "t.conf:1:24: unknown field \"loops\"");
}

}  // namespace
}  // namespace petrel::conf
