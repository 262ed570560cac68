#include "petrel/monitor/connz.h"

#include <gtest/gtest.h>

namespace petrel::monitor {
namespace {

using session::SessionView;

constexpr WallTime kNow{Duration::seconds(100).ns};

ConnzQuery parse(const Query::Params& params) {
  Result<ConnzQuery> query = ConnzQuery::parse(Query(params));
  EXPECT_TRUE(query) << query.error().detail;
  return *query;
}

std::string error_of(const Query::Params& params) {
  const Result<ConnzQuery> query = ConnzQuery::parse(Query(params));
  return query ? "no error" : query.error().detail;
}

SessionView connection(uint64_t cid) {
  SessionView view;
  view.cid = cid;
  view.ip = "127.0.0.1";
  view.port = 4000;
  view.account = "$G";
  view.start = {Duration::seconds(10).ns};
  view.last_activity = {Duration::seconds(40).ns};
  return view;
}

SessionView ended(uint64_t cid, session::CloseReason reason, int64_t stop_second) {
  SessionView view = connection(cid);
  view.reason = reason;
  view.stop = WallTime{Duration::seconds(stop_second).ns};
  return view;
}

void show(ConnzCollector& collector, const SessionView& view) {
  if (collector.wants(view)) collector.add(view);
}

std::vector<uint64_t> cids(const ConnzCollector& collector) {
  std::vector<uint64_t> found;
  for (const auto& view : collector.rows()) found.push_back(view->cid);
  return found;
}

// The page that `params` ask for, of connections 1 to 5 whose numbers are `numbers`.
std::vector<uint64_t> page_of(const Query::Params& params, uint64_t SessionView::* member,
                              const std::vector<uint64_t>& numbers) {
  const ConnzQuery query = parse(params);
  ConnzCollector collector(query, kNow);
  for (size_t i = 0; i < numbers.size(); ++i) {
    SessionView view = connection(i + 1);
    view.*member = numbers[i];
    show(collector, view);
  }
  collector.finish(10);
  EXPECT_EQ(collector.total(), numbers.size());
  return cids(collector);
}

TEST(ConnzQuery, RefusesWhatNatsServerRefuses) {
  EXPECT_EQ(error_of({{"state", "Half"}}), "Error decoding state for Half");
  EXPECT_EQ(error_of({{"sort", "size"}}), "invalid sorting option: size");
  EXPECT_EQ(error_of({{"sort", "stop"}}), "sort by stop only valid on closed connections");
  EXPECT_EQ(error_of({{"sort", "reason"}, {"state", "all"}}),
            "sort by reason only valid on closed connections");
  EXPECT_EQ(error_of({{"sort", "stop"}, {"state", "CLOSED"}}), "no error");
}

TEST(ConnzQuery, CorrectsNumbersBelowZero) {
  const ConnzQuery query = parse({{"offset", "-3"}, {"limit", "-1"}});
  EXPECT_EQ(query.offset, 0U);
  EXPECT_EQ(query.limit, 1024U);
  EXPECT_EQ(parse({{"cid", "7"}, {"limit", "5"}}).limit, 1U);
}

TEST(ConnzCollector, SortsNumbersDownwardsAndPages) {
  const std::vector<uint64_t> numbers = {3, 9, 1, 9, 5};
  using Cids = std::vector<uint64_t>;
  EXPECT_EQ(page_of({}, &SessionView::in_msgs, numbers), (Cids{1, 2, 3, 4, 5}));
  EXPECT_EQ(page_of({{"sort", "msgs_from"}}, &SessionView::in_msgs, numbers),
            (Cids{2, 4, 5, 1, 3}));
  EXPECT_EQ(page_of({{"sort", "msgs_to"}, {"limit", "2"}}, &SessionView::out_msgs, numbers),
            (Cids{2, 4}));
  EXPECT_EQ(page_of({{"sort", "pending"}, {"limit", "2"}, {"offset", "1"}},
                    &SessionView::pending_bytes, numbers),
            (Cids{4, 5}));
  EXPECT_EQ(page_of({{"sort", "subs"}, {"offset", "9"}}, &SessionView::subscription_count, numbers),
            Cids{});
  EXPECT_EQ(page_of({{"limit", "9223372036854775807"}, {"offset", "9223372036854775807"}},
                    &SessionView::in_bytes, numbers),
            Cids{});
}

TEST(ConnzCollector, KeepsNoMoreThanThePage) {
  const ConnzQuery query = parse({{"limit", "2"}});
  ConnzCollector collector(query, kNow);
  for (uint64_t cid = 1; cid <= 2; ++cid) show(collector, connection(cid));
  for (uint64_t cid = 3; cid <= 1000; ++cid) EXPECT_FALSE(collector.wants(connection(cid)));
  EXPECT_TRUE(collector.wants(connection(0)));
}

TEST(ConnzCollector, FiltersByUserAndAccount) {
  SessionView view = connection(1);
  view.user = "ann";
  const ConnzQuery ann = parse({{"user", "ann"}});
  ConnzCollector of_ann(ann, kNow);
  show(of_ann, view);
  show(of_ann, connection(2));
  of_ann.finish(10);
  EXPECT_EQ(cids(of_ann), std::vector<uint64_t>{1});
  EXPECT_EQ(of_ann.total(), 2U);

  const ConnzQuery other = parse({{"acc", "OTHER"}});
  ConnzCollector of_other(other, kNow);
  show(of_other, view);
  EXPECT_EQ(of_other.total(), 0U);

  const ConnzQuery mqtt = parse({{"mqtt_client", "m"}});
  ConnzCollector of_mqtt(mqtt, kNow);
  show(of_mqtt, view);
  of_mqtt.finish(10);
  EXPECT_TRUE(of_mqtt.rows().empty());
}

TEST(ConnzCollector, KeepsTheLatestOfThoseThatEnded) {
  const ConnzQuery query = parse({{"state", "closed"}, {"sort", "reason"}});
  ConnzCollector collector(query, kNow);
  collector.add_closed(ended(3, session::CloseReason::kStaleConnection, 60));
  collector.add_closed(ended(1, session::CloseReason::kClientClosed, 50));
  collector.add_closed(ended(2, session::CloseReason::kClientClosed, 70));
  collector.finish(2);
  EXPECT_EQ(cids(collector), (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(collector.total(), 2U);
}

TEST(ConnzCollector, LooksForOneAmongTheOpenFirst) {
  const ConnzQuery query = parse({{"state", "all"}, {"cid", "2"}});
  ConnzCollector collector(query, kNow);
  show(collector, connection(1));
  show(collector, connection(2));
  collector.add_closed(ended(3, session::CloseReason::kClientClosed, 50));
  collector.finish(10);
  EXPECT_EQ(cids(collector), std::vector<uint64_t>{2});
  EXPECT_EQ(collector.total(), 3U);
}

TEST(ConnzJson, WritesRowsInNatsServersShape) {
  const ConnzQuery query = parse({{"auth", "1"}, {"subs", "detail"}, {"state", "all"}});
  SessionView view = ended(7, session::CloseReason::kStaleConnection, 50);
  view.rtt = {726'123};
  view.in_msgs = 2;
  view.stalls = 1;
  view.name = "<n>";
  view.user = "ann";
  view.subscriptions = {{"bar", "q", "12", 3, 10, 7, "$G"}, {"foo", "", "2", 0, 0, 7, "$G"}};
  view.subscription_count = 2;
  ConnzCollector collector(query, kNow);
  collector.add_closed(view);
  collector.finish(1);
  EXPECT_EQ(connz_json(query, {"ID", kNow, collector.total(), &collector.rows()}), R"({
  "server_id": "ID",
  "now": "1970-01-01T00:01:40Z",
  "num_connections": 1,
  "total": 1,
  "offset": 0,
  "limit": 1024,
  "connections": [
    {
      "cid": 7,
      "kind": "Client",
      "type": "nats",
      "ip": "127.0.0.1",
      "port": 4000,
      "start": "1970-01-01T00:00:10Z",
      "last_activity": "1970-01-01T00:00:40Z",
      "stop": "1970-01-01T00:00:50Z",
      "reason": "Stale Connection",
      "rtt": "726µs",
      "uptime": "40s",
      "idle": "10s",
      "pending_bytes": 0,
      "in_msgs": 2,
      "out_msgs": 0,
      "in_bytes": 0,
      "out_bytes": 0,
      "stalls": 1,
      "subscriptions": 2,
      "name": "\u003cn\u003e",
      "authorized_user": "ann",
      "subscriptions_list_detail": [
        {
          "subject": "foo",
          "sid": "2",
          "msgs": 0,
          "cid": 7
        },
        {
          "subject": "bar",
          "qgroup": "q",
          "sid": "12",
          "msgs": 3,
          "max": 10,
          "cid": 7
        }
      ]
    }
  ]
})");
}

TEST(ConnzJson, TagsOnlyOpenConnectionsWithTheirAccount) {
  const ConnzQuery query = parse({{"auth", "1"}, {"state", "all"}});
  const auto is_tagged = [&query](const SessionView& view, bool is_open) {
    ConnzCollector collector(query, kNow);
    if (is_open) {
      show(collector, view);
    } else {
      collector.add_closed(view);
    }
    collector.finish(1);
    const std::string json = connz_json(query, {"ID", kNow, collector.total(), &collector.rows()});
    return json.find("\"name_tag\": \"$G\"") != std::string::npos;
  };
  EXPECT_TRUE(is_tagged(connection(1), true));
  EXPECT_FALSE(is_tagged(ended(7, session::CloseReason::kStaleConnection, 50), false));
}

TEST(ConnzJson, SaysNullForAnUnknownAccount) {
  const std::string json = connz_json(parse({{"acc", "X"}}), {"", kNow, 0, nullptr});
  EXPECT_NE(json.find("\"connections\": null"), std::string::npos);
  EXPECT_NE(json.find("\"server_id\": \"\""), std::string::npos);
}

}  // namespace
}  // namespace petrel::monitor
