// The blocks of features that do not exist yet: read, validated, and named as unsupported.
#include "load.h"

#include <gtest/gtest.h>

namespace petrel::conf {
namespace {

constexpr const char* kNotYet = " is not supported by this version of Petrel";

std::vector<std::string> unsupported(const std::string& text) {
  auto options = load(text);
  if (!options) return {"error: " + options.error().detail};
  std::vector<std::string> paths;
  for (const UnsupportedOption& option : options->unsupported) paths.push_back(option.path);
  return paths;
}

using Paths = std::vector<std::string>;

TEST(Unsupported, NamesEveryOptionWithoutItsFeature) {
  EXPECT_EQ(unsupported("jetstream: enabled"), Paths{});
  EXPECT_EQ(unsupported("cluster { name: c, port: 6222 }"), Paths{"cluster"});
  EXPECT_EQ(unsupported("accounts { A { users: [{user: a, password: b}] } }"), Paths{});
  EXPECT_EQ(unsupported("accounts { $SYS { users: [{user: a}] } }"), Paths{});
  EXPECT_EQ(unsupported("leaf { port: 7422 }"), Paths{"leafnodes"});
  EXPECT_EQ(unsupported("gateway { name: g, port: 7222 }"), Paths{"gateway"});
  EXPECT_EQ(unsupported("ws { port: 1, no_tls: true }"), Paths{"websocket"});
  EXPECT_EQ(unsupported("mqtt { port: 1 }\njetstream: true"), Paths{"mqtt"});
  EXPECT_EQ(unsupported("no_system_account: true"), Paths{});
  EXPECT_EQ(unsupported("resolver: MEMORY"), Paths{});
  EXPECT_EQ(unsupported("tls { ocsp_peer: true }"), Paths{});
  EXPECT_EQ(unsupported("petrel { max_memory: 1gb }"), Paths{});
  EXPECT_EQ(unsupported("authorization { users: [{nkey: "
                        "UCNGL4W5QX66CFX6A6DCBVDH5VOHMI7B2UZZU7TXAUQQSI2JPHULCKBR}] }"),
            Paths{});
}

TEST(Unsupported, LeavesAloneWhatIsOffOrEmpty) {
  EXPECT_EQ(unsupported("jetstream: disabled\nstore_dir: /x"), Paths{});
  EXPECT_EQ(unsupported("jetstream { enabled: false, max_mem: 1G }"), Paths{});
  EXPECT_EQ(unsupported("cluster {}\naccounts {}\nwebsocket { no_tls: true }"), Paths{});
  EXPECT_EQ(unsupported("no_system_account: false\nocsp: true\nhttps: 8443"), Paths{});
}

TEST(Unsupported, StopsTheStartAndOnlyWarnsUnderTest) {
  MemorySources memory;
  memory.files.files["t.conf"] = "port: 1\ncluster { port: 6222 }";
  const Startup start = start_up({"-c", "t.conf"}, memory.sources());
  EXPECT_EQ(start.action, StartupAction::kEnd);
  EXPECT_EQ(start.exit_code, 1);
  EXPECT_EQ(start.err,
            std::string("nats-server: t.conf:2:1: option \"cluster\"") + kNotYet + "\n\n");
  const Startup test = start_up({"-t", "-c", "t.conf"}, memory.sources());
  EXPECT_EQ(test.exit_code, 0);
  EXPECT_EQ(test.err.rfind("t.conf:2:1: option \"cluster\"", 0), 0u);
  EXPECT_NE(test.err.find("configuration file t.conf is valid (sha256:"), std::string::npos);
}

TEST(Unsupported, NamesFlags) {
  const Startup start = start_up({"--cluster", "nats://127.0.0.1:6222"}, MemorySources().sources());
  EXPECT_EQ(start.exit_code, 1);
  EXPECT_EQ(start.err, std::string("nats-server: flag \"--cluster\"") + kNotYet + "\n\n");
}

struct Said {
  const char* text;
  const char* said;
};

class Blocks : public testing::TestWithParam<Said> {};

TEST_P(Blocks, AreCheckedLikeNatsServerDoes) {
  EXPECT_EQ(check(GetParam().text), GetParam().said) << GetParam().text;
}

constexpr Said kBlocks[] = {
    {"cluster { name: \"a b\" }", "t.conf:1:10: cluster name cannot contain spaces"},
    {"cluster { routes: [\"nats://a:b\"] }",
     "t.conf:1:20: error parsing route url [\"nats://a:b\"]"},
    {"cluster { authorization { token: x } }",
     "t.conf:1:10: Cluster authorization does not support tokens"},
    {"cluster { permissions: {allow_responses: true} }",
     "t.conf:1:10: Cluster permissions do not support dynamic responses"},
    {"gateway { gateways: 1 }", "Expected gateways field to be an array, got int64"},
    {"leafnodes { min_version: \"2.7.0\" }",
     "t.conf:1:12: the minimum version should be at least 2.8.0"},
    {"leafnodes { remotes: [{url: \"nats://u:p@a:1\"}, {url: \"nats://u:p@a:1\"}] }",
     "t.conf:1:48: duplicate remote urls=[\"nats://u:xxxxx@a:1\"], account=\"$G\""},
    {"websocket { headers: {a: 1} }",
     "t.conf:1:22: error parsing header key a: unsupported type int64"},
    {"mqtt { max_ack_pending: 70000 }",
     "t.conf:1:7: invalid value 70000, should in [0..65535] range"},
    {"jetstream { max_mem: \"10X\" }",
     "t.conf:1:12: max_mem_store sizes defined as strings must end in K, M, G, T"},
    {"jetstream { domain: 1 }",
     "t.conf:1:0: interface conversion: interface {} is int64, not string"},
    {"jetstream { max_concurrent_io: 1 }",
     "t.conf:1:12: Expected an absolute size for \"max_concurrent_io\" between 4 and 8192, got 1"},
    {"tls { cert_file: a }", "t.conf:1:0: missing 'key_file' in TLS configuration"},
    {"tls { cert_file: a, key_file: b }",
     "t.conf:1:0: error parsing X509 certificate/key pair: open a: no such file or directory"},
    {"tls { foo: 1 }", "t.conf:1:6: error parsing tls config, unknown field \"foo\""},
    {"tls { cipher_suites: [TLS_RSA_WITH_RC4_128_SHA] }",
     "t.conf:1:0: insecure cipher suites configured without 'allow_insecure_cipher_suites' option "
     "set: TLS_RSA_WITH_RC4_128_SHA"},
    {"operator: no.jwt",
     "t.conf:1:0: error parsing operator JWT: open no.jwt: no such file or directory"},
    {"accounts { $G {} }", "t.conf:1:11: \"$G\" is a Reserved Account"},
    {"accounts { A { imports: [{stream: {account: B, subject: a}}] }, B {} }",
     "t.conf:1:0: Error adding stream import \"a\": stream import not authorized"},
    {"accounts { A { imports: [{service: {account: B, subject: a}}] } }",
     "t.conf:1:0: \"B\" account not defined for service import"},
    {"accounts { A { exports: [{stream: a}], imports: [{stream: {account: B, subject: a}}] }, "
     "B { exports: [{stream: a}], imports: [{stream: {account: A, subject: a}}] } }",
     "t.conf:1:0: Error adding stream import \"a\": import forms a cycle"},
    {"accounts { A { jetstream: foo } }",
     "Expected 'enabled' or 'disabled' for string value, got 'foo'"},
};
INSTANTIATE_TEST_SUITE_P(All, Blocks, testing::ValuesIn(kBlocks));

TEST(BlockValues, AreKeptForTheFeaturesToCome) {
  auto options = load(R"(
    server_name: s
    cluster { name: C, listen: "h:6222", routes: [nats-route://u:p%40q@a:6222], pool_size: 5,
              compression: fast }
    jetstream { store_dir: /data, max_memory_store: 1GB, max_file_store: 10GB, limits { max_ha_assets: 7 } }
    accounts { A { jetstream { max_streams: 3 }, users: [{user: a, password: b}],
                   exports: [{service: q, response: stream}], limits {max_conn: 9} },
               B { imports: [{service: {account: A, subject: q}, to: r}] } }
  )");
  ASSERT_TRUE(options.is_ok()) << options.error().detail;
  EXPECT_EQ(options->cluster.name, "C");
  EXPECT_EQ(options->cluster.port, 6222);
  EXPECT_EQ(options->cluster.pool_size, 5);
  EXPECT_EQ(options->cluster.compression.mode, "s2_fast");
  ASSERT_EQ(options->cluster.routes.size(), 1u);
  EXPECT_EQ(options->cluster.routes[0].password, "p@q");
  EXPECT_EQ(options->jetstream.max_memory_store, int64_t{1} << 30);
  EXPECT_EQ(options->jetstream.max_file_store, int64_t{10} << 30);
  EXPECT_EQ(options->jetstream.limits.max_ha_assets, 7);
  ASSERT_EQ(options->accounts.size(), 2u);
  EXPECT_EQ(options->accounts[0].jetstream->max_streams, 3);
  EXPECT_EQ(options->accounts[0].limits.max_connections, 9);
  EXPECT_EQ(options->accounts[0].exports[0].response_type, ResponseType::kStreamed);
  EXPECT_EQ(options->accounts[1].imports[0].to, "r");
}

TEST(Validation, RefusesCombinationsAtStartOnly) {
  const char* text = "max_payload: 65mb";
  EXPECT_NE(check(text).find("is valid"), std::string::npos);
  EXPECT_EQ(refusal(text), "max_payload (68157440) cannot be higher than max_pending (67108864)");
  EXPECT_EQ(refusal("lame_duck_duration: 30s\nlame_duck_grace_period: 30s"),
            "lame duck grace period (30s) should be strictly lower than lame duck duration (30s)");
  EXPECT_EQ(refusal("no_auth_user: x"),
            "no_auth_user: \"x\" present, but users/nkeys are not defined");
  EXPECT_EQ(refusal("system_account: X"), "error resolving system account: account missing");
  EXPECT_EQ(refusal("gateway { name: A }"),
            "gateway \"A\" has no port specified (select -1 for random port)");
  EXPECT_EQ(refusal("websocket { port: 1 }"), "websocket requires TLS configuration");
  EXPECT_EQ(refusal("cluster { port: 1, compression: s2_uncompressed }"),
            "unsupported compression mode \"s2_uncompressed\"");
}

}  // namespace
}  // namespace petrel::conf
