#include "petrel/system/request.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace petrel::system {
namespace {

ServerDescription server() {
  ServerDescription described;
  described.name = "alpha-1";
  described.host = "10.0.0.1";
  described.cluster = "east";
  described.domain = "hub";
  described.tags = {"az:1", "ssd"};
  return described;
}

ServerFilter filter_of(Slice body) {
  const auto options = parse_options(Service::kVarz, body);
  return options ? options->filter : ServerFilter{.name = "unreadable"};
}

std::string error_of(Service service, Slice body) {
  const auto options = parse_options(service, body);
  return options ? "" : options.error().detail;
}

std::string param(const RequestOptions& options, Slice name) {
  return std::string(monitor::Query(options.params).text(name));
}

TEST(ServerFilter, AnEmptyOneMeansEveryServer) {
  EXPECT_TRUE(ServerFilter{}.admits(server()));
  EXPECT_TRUE(filter_of("{}").admits(server()));
  EXPECT_TRUE(filter_of("").admits(server()));
}

TEST(ServerFilter, NamesArePartsUnlessTheyAreToBeExact) {
  EXPECT_TRUE(filter_of(R"({"server_name":"alpha"})").admits(server()));
  EXPECT_FALSE(filter_of(R"({"server_name":"alpha","exact_match":true})").admits(server()));
  EXPECT_TRUE(filter_of(R"({"server_name":"alpha-1","exact_match":true})").admits(server()));
  EXPECT_FALSE(filter_of(R"({"host":"10.1"})").admits(server()));
  EXPECT_TRUE(filter_of(R"({"cluster":"eas"})").admits(server()));
  EXPECT_FALSE(filter_of(R"({"cluster":"west"})").admits(server()));
}

TEST(ServerFilter, TheDomainIsAlwaysExactAndEveryTagCounts) {
  EXPECT_TRUE(filter_of(R"({"domain":"hub"})").admits(server()));
  EXPECT_FALSE(filter_of(R"({"domain":"hu"})").admits(server()));
  EXPECT_TRUE(filter_of(R"({"tags":["ssd","az:1"]})").admits(server()));
  EXPECT_FALSE(filter_of(R"({"tags":["ssd","az:2"]})").admits(server()));
}

TEST(ParseOptions, ConnectionsAreAskedForAsOverHttp) {
  const auto options = parse_options(
      Service::kConnz,
      R"({"sort":"subs","auth":true,"subscriptions":true,"offset":3,"limit":7,"cid":9,"state":1,)"
      R"("user":"u","acc":"A","filter_subject":"a.>"})");
  ASSERT_TRUE(options);
  EXPECT_EQ(param(*options, "sort"), "subs");
  EXPECT_EQ(param(*options, "auth"), "1");
  EXPECT_EQ(param(*options, "subs"), "1");
  EXPECT_EQ(param(*options, "offset"), "3");
  EXPECT_EQ(param(*options, "limit"), "7");
  EXPECT_EQ(param(*options, "cid"), "9");
  EXPECT_EQ(param(*options, "state"), "closed");
  EXPECT_EQ(param(*options, "user"), "u");
  EXPECT_EQ(param(*options, "acc"), "A");
  EXPECT_EQ(options->filter_subject, "a.>");
}

TEST(ParseOptions, NamesMatchWithoutRegardToCaseAndUnknownOnesAreSkipped) {
  const auto options = parse_options(Service::kJsz, R"({"STREAMS":true,"nobody":[1,{}]})");
  ASSERT_TRUE(options);
  EXPECT_EQ(param(*options, "streams"), "1");
}

TEST(ParseOptions, SaysWhatIsWrongAsGoDoes) {
  EXPECT_EQ(error_of(Service::kVarz, "{bad"),
            "invalid character 'b' looking for beginning of object key string");
  EXPECT_EQ(error_of(Service::kConnz, R"({"offset":"x"})"),
            "json: cannot unmarshal string into Go struct field "
            "ConnzEventOptions.ConnzOptions.offset of type int");
  EXPECT_EQ(error_of(Service::kConnz, R"({"tags":5})"),
            "json: cannot unmarshal number into Go struct field "
            "ConnzEventOptions.EventFilterOptions.tags of type []string");
  EXPECT_EQ(error_of(Service::kAccountz, "[]"),
            "json: cannot unmarshal array into Go value of type server.AccountzEventOptions");
}

TEST(ServiceDoors, EveryServiceIsReachableByTheIdAndBroadcastsByPing) {
  const std::vector<Door> doors = service_doors("NID");
  const auto has = [&](const std::string& subject, Service service) {
    return std::any_of(doors.begin(), doors.end(), [&](const Door& door) {
      return door.subject == subject && door.service == service;
    });
  };
  EXPECT_TRUE(has("$SYS.REQ.SERVER.PING", Service::kStatsz));
  EXPECT_TRUE(has("$SYS.REQ.SERVER.NID.VARZ", Service::kVarz));
  EXPECT_TRUE(has("$SYS.REQ.SERVER.PING.JSZ", Service::kJsz));
  EXPECT_TRUE(has("$SYS.REQ.ACCOUNT.*.CONNZ", Service::kAccountConnz));
  EXPECT_TRUE(has("$SYS.REQ.SERVER.NID.KICK", Service::kKick));
  EXPECT_FALSE(has("$SYS.REQ.SERVER.PING.KICK", Service::kKick));
  EXPECT_FALSE(has("$SYS.REQ.SERVER.PING.RELOAD", Service::kReload));
}

TEST(AccountOf, IsTheTokenInTheSubject) {
  EXPECT_EQ(account_of("$SYS.REQ.ACCOUNT.A.CONNZ"), "A");
  EXPECT_EQ(account_of("$SYS.REQ.SERVER.PING"), "");
}

}  // namespace
}  // namespace petrel::system
