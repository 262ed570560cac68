// Endpoints whose answer is one document: varz, subsz, healthz, accounts, absent features, pages.
#include "petrel/monitor/absent_features.h"
#include "petrel/monitor/accounts.h"
#include "petrel/monitor/healthz.h"
#include "petrel/monitor/pages.h"
#include "petrel/monitor/subsz.h"
#include "petrel/monitor/varz.h"

#include <gtest/gtest.h>

namespace petrel::monitor {
namespace {

const ServerName kServer = {"ID", "name", {0}};

// The names of the fields at the top of a document, in order.
std::string top_keys(const std::string& json) {
  std::string keys;
  for (size_t at = json.find("\n  \""); at != std::string::npos; at = json.find("\n  \"", at + 1)) {
    const size_t begin = at + 4;
    keys += json.substr(begin, json.find('"', begin) - begin) + " ";
  }
  return keys;
}

bool contains(const std::string& text, Slice part) {
  return text.find(part) != std::string::npos;
}

Health health_of(const Query::Params& params, const Obstacle& obstacle = {}) {
  const Result<HealthzQuery> query = HealthzQuery::parse(Query(params));
  EXPECT_TRUE(query);
  return healthz(*query, obstacle);
}

TEST(Varz, HasNatsServersFieldsInOrder) {
  VarzConfig config;
  config.feature_flags = {{"f", true}};
  config.system_account = "$SYS";
  EXPECT_EQ(
      top_keys(varz_json(config, {})),
      "server_id server_name version proto go host port max_connections ping_interval ping_max "
      "http_host http_port http_base_path https_port auth_timeout max_control_line max_payload "
      "max_pending cluster gateway leaf mqtt websocket jetstream tls_timeout write_deadline start "
      "now uptime mem cores gomaxprocs cpu connections total_connections routes remotes leafnodes "
      "in_msgs in_bytes in_client_msgs in_client_bytes out_msgs out_bytes out_client_msgs "
      "out_client_bytes slow_consumers stale_connections stalled_clients subscriptions "
      "http_req_stats config_load_time config_digest feature_flags system_account "
      "slow_consumer_stats stale_connection_stats disk_io_wait_stats ");
}

TEST(Varz, AddsWhatIsSet) {
  VarzConfig config;
  config.auth_required = true;
  config.max_subscriptions = 5;
  config.write_timeout = "retry";
  config.tags = {"a"};
  config.metadata = {{"k", "v"}};
  VarzRuntime runtime;
  runtime.cpu = 12.5;
  runtime.slow_consumers = 3;
  runtime.http_req_stats = {{"/varz", 1}};
  const std::string json = varz_json(config, runtime);
  EXPECT_TRUE(contains(json, "\"auth_required\": true"));
  EXPECT_TRUE(contains(json, "\"max_subscriptions\": 5"));
  EXPECT_TRUE(contains(json, "\"write_timeout\": \"retry\""));
  EXPECT_TRUE(contains(json, "\"tags\": [\n    \"a\"\n  ]"));
  EXPECT_TRUE(contains(json, "\"metadata\": {\n    \"k\": \"v\"\n  }"));
  EXPECT_TRUE(contains(json, "\"cpu\": 12.5"));
  EXPECT_TRUE(contains(json, "\"slow_consumer_stats\": {\n    \"clients\": 3"));
  EXPECT_TRUE(contains(json, "\"http_req_stats\": {\n    \"/varz\": 1\n  }"));
}

TEST(Subsz, PagesTheSubscriptionsThatASubjectReaches) {
  const Query::Params params = {{"subs", "1"}, {"test", "foo.x"}, {"offset", "1"}, {"limit", "1"}};
  const Result<SubszQuery> query = SubszQuery::parse(Query(params));
  ASSERT_TRUE(query);
  SubszCollector collector(*query);
  for (const char* subject : {"foo.*", "bar", "foo.x", "foo.>"}) {
    collector.add({subject, "q", "1", 0, 0, 5, "$G"});
  }
  EXPECT_EQ(collector.total(), 3U);
  const SubszPage page = {"ID", {0}, {.subscriptions = 4, .inserts = 4}};
  EXPECT_EQ(subsz_json(*query, page, collector), R"({
  "server_id": "ID",
  "now": "1970-01-01T00:00:00Z",
  "num_subscriptions": 4,
  "num_cache": 0,
  "num_inserts": 4,
  "num_removes": 0,
  "num_matches": 0,
  "cache_hit_rate": 0,
  "max_fanout": 0,
  "avg_fanout": 0,
  "total": 3,
  "offset": 1,
  "limit": 1,
  "subscriptions_list": [
    {
      "account": "$G",
      "account_tag": "$G",
      "subject": "foo.x",
      "qgroup": "q",
      "sid": "1",
      "msgs": 0,
      "cid": 5
    }
  ]
})");
}

TEST(Subsz, SortsByConnectionAndSid) {
  const SubszQuery query;
  SubszCollector collector(query);
  collector.add({"c", "", "1", 0, 0, 9, "$G"});
  collector.add({"b", "", "10", 0, 0, 5, "$G"});
  collector.add({"a", "", "9", 0, 0, 5, "$G"});
  collector.finish();
  std::string order;
  for (const auto& row : collector.rows()) order += row.subject;
  EXPECT_EQ(order, "abc");
}

TEST(Subsz, RefusesATestSubjectWithWildcards) {
  const Query::Params params = {{"test", "foo.*"}};
  const Result<SubszQuery> query = SubszQuery::parse(Query(params));
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().detail, "invalid test subject, must be valid publish subject: foo.*");
}

TEST(Healthz, IsOkInOneLine) {
  const Health health = health_of({{"js-enabled-only", "1"}, {"account", "A"}, {"stream", "S"}});
  EXPECT_EQ(health.status, 200U);
  EXPECT_EQ(health.body, R"({"status":"ok"})");
  EXPECT_EQ(health.warning, "");
}

TEST(Healthz, RefusesHalfAName) {
  const Health stream = health_of({{"stream", "S"}});
  EXPECT_EQ(stream.status, 400U);
  EXPECT_EQ(
      stream.body,
      R"({"status":"error","error":"\"account\" must not be empty when checking stream health"})");
  EXPECT_TRUE(contains(stream.warning, "Healthcheck failed: \"\\\"account\\\" must"));
  const Health consumer = health_of({{"consumer", "C"}, {"details", "1"}});
  EXPECT_EQ(consumer.body, R"({"status":"error","errors":[{"type":"BAD_REQUEST","error":)"
                           R"("\"stream\" must not be empty when checking consumer health"}]})");
  EXPECT_EQ(consumer.warning, "Healthcheck failed: 1 errors");
}

TEST(Healthz, FailsWithoutClientListener) {
  const Health health = health_of({{"js-server-only", "1"}}, {Obstacle::Kind::kNoListener});
  EXPECT_EQ(health.status, 500U);
  EXPECT_EQ(health.body,
            R"({"status":"error","error":"failed to be ready for connections after 1ms: server"})");
}

TEST(Healthz, SaysHowFarTheStoreIsRecoveredWhateverIsAsked) {
  const Obstacle recovery = {Obstacle::Kind::kRecovery, 3, 40};
  for (const char* name : {"", "js-enabled-only", "js-server-only"}) {
    const Health health = health_of({{name, "1"}}, recovery);
    EXPECT_EQ(health.status, 503U) << name;
    EXPECT_EQ(health.body, R"({"status":"unavailable","error":"recovering 3 of 40 streams"})");
    EXPECT_EQ(health.warning, "Healthcheck failed: \"recovering 3 of 40 streams\"");
  }
  EXPECT_EQ(
      health_of({{"details", "1"}}, recovery).body,
      R"({"status":"error","errors":[{"type":"JETSTREAM","error":"recovering 3 of 40 streams"}]})");
  EXPECT_EQ(health_of({{"stream", "S"}}, recovery).status, 400U);
}

TEST(Healthz, ChecksEachParameter) {
  for (const char* name :
       {"js-enabled", "js-enabled-only", "js-server-only", "js-meta-only", "details"}) {
    const Query::Params params = {{name, "x"}};
    EXPECT_FALSE(HealthzQuery::parse(Query(params))) << name;
  }
}

AccountsView two_accounts() {
  AccountsView view{.server_id = "ID"};
  view.accounts = {{.name = "$G", .client_connections = 1, .in_msgs = 2, .out_bytes = 3},
                   {.name = "$SYS", .is_system = true}};
  view.accounts[0].mappings = {{"b", {{"y", 100, ""}}}, {"a", {{"x", 50, "C"}}}};
  return view;
}

TEST(Accountz, ListsAccounts) {
  EXPECT_EQ(*accountz_json(two_accounts(), ""), R"({
  "server_id": "ID",
  "now": "1970-01-01T00:00:00Z",
  "system_account": "$SYS",
  "accounts": [
    "$G",
    "$SYS"
  ]
})");
}

TEST(Accountz, ShowsOneAccount) {
  const std::string json = *accountz_json(two_accounts(), "$G");
  EXPECT_TRUE(contains(json, "\"account_name\": \"$G\""));
  EXPECT_FALSE(contains(json, "is_system"));
  EXPECT_TRUE(contains(json, "\"client_connections\": 1"));
  EXPECT_LT(json.find("\"a\": ["), json.find("\"b\": ["));
  EXPECT_TRUE(contains(json, "\"weight\": 50,\n          \"cluster\": \"C\""));
  EXPECT_TRUE(contains(*accountz_json(two_accounts(), "$SYS"), "\"is_system\": true"));
}

TEST(Accountz, ShowsARateLimit) {
  AccountsView view = two_accounts();
  EXPECT_FALSE(contains(*accountz_json(view, "$G"), "rate_limit"));
  EXPECT_FALSE(contains(accstatz_json(view, false), "rate_limit"));
  view.accounts[0].rate = {.messages = 5, .bytes = 6, .burst = {7}, .throttled = 8};
  const std::string json = *accountz_json(view, "$G");
  EXPECT_TRUE(contains(json, "\"rate_limit\": {\n      \"messages\": 5,\n      \"bytes\": 6"));
  EXPECT_TRUE(contains(json, "\"burst\": 7,\n      \"throttled\": 8"));
  EXPECT_TRUE(contains(accstatz_json(view, false), "\"throttled\": 8"));
}

TEST(Accountz, RefusesAnUnknownAccount) {
  const Result<std::string> json = accountz_json(two_accounts(), "nobody");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().detail, "Account nobody does not exist");
}

TEST(Accstatz, LeavesOutUnusedAccounts) {
  EXPECT_FALSE(contains(accstatz_json(two_accounts(), false), "\"acc\": \"$SYS\""));
  const std::string all = accstatz_json(two_accounts(), true);
  EXPECT_TRUE(contains(all, "\"acc\": \"$SYS\""));
  EXPECT_TRUE(contains(all, "\"received\": {\n        \"msgs\": 2,\n        \"bytes\": 0"));
}

TEST(AbsentFeatures, HaveTheShapesOfFeaturesThatAreOff) {
  const Query::Params none;
  const Query query(none);
  EXPECT_EQ(top_keys(*routez_json(kServer, query)), "server_id server_name now num_routes routes ");
  EXPECT_EQ(top_keys(*gatewayz_json(kServer, query)),
            "server_id now outbound_gateways inbound_gateways ");
  EXPECT_EQ(top_keys(*leafz_json(kServer, query)), "server_id now leafnodes leafs ");
  EXPECT_EQ(top_keys(*jsz_json(kServer, query)),
            "memory storage reserved_memory reserved_storage accounts ha_assets api server_id now "
            "disabled config streams consumers messages bytes total ");
  EXPECT_EQ(*ipqueuesz_json(query), "{}");
}

TEST(AbsentFeatures, CheckTheirParameters) {
  const auto is_refused = [](auto answer, const char* name) {
    const Query::Params params = {{name, "x"}};
    return !answer(Query(params));
  };
  const auto jsz = [](const Query& query) { return jsz_json(kServer, query); };
  EXPECT_TRUE(is_refused([](const Query& query) { return routez_json(kServer, query); }, "subs"));
  EXPECT_TRUE(is_refused([](const Query& query) { return gatewayz_json(kServer, query); }, "accs"));
  EXPECT_TRUE(is_refused([](const Query& query) { return leafz_json(kServer, query); }, "subs"));
  EXPECT_TRUE(is_refused(ipqueuesz_json, "all"));
  for (const char* name : {"accounts", "streams", "consumers", "direct-consumers", "config",
                           "offset", "limit", "leader-only", "raft", "stream-leader-only"}) {
    EXPECT_TRUE(is_refused(jsz, name)) << name;
  }
  const Query::Params leader = {{"leader-only", "1"}};
  EXPECT_EQ(jsz_json(kServer, Query(leader)).error().detail, "filtered response: not leader");
}

TEST(Pages, RootLinksBelowTheBasePath) {
  EXPECT_TRUE(contains(root_page("/", "2.15.2"), "<a href=./varz>"));
  EXPECT_TRUE(contains(root_page("/mon", "2.15.2"), "<a href=./mon/debug/vars>"));
}

TEST(Pages, DebugVarsNamesCommandLineAndMemory) {
  const std::string json = debug_vars_json({"petrel", "<x>"}, {.allocated_bytes = 5});
  EXPECT_TRUE(contains(json, R"("cmdline": ["petrel","\u003cx\u003e"])"));
  EXPECT_TRUE(contains(json, R"("memstats": {"Alloc":5,)"));
}

TEST(Pages, StackszListsThreads) {
  EXPECT_EQ(stacksz_text({{12, "loop", 'S'}}), "thread 12 [S]: loop\n");
}

}  // namespace
}  // namespace petrel::monitor
