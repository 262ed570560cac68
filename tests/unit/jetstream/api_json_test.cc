#include "petrel/jetstream/api_json.h"

#include "petrel/jetstream/api_requests.h"

#include <gtest/gtest.h>

#include <string>

namespace petrel::jetstream {
namespace {

TEST(ApiJson, PubAcks) {
  std::string out;
  append_pub_ack(out, {.stream = "S", .seq = 2});
  EXPECT_EQ(out, R"({"stream":"S","seq":2})");
  out.clear();
  append_pub_ack(out, {.stream = "S", .domain = "D", .seq = 2, .duplicate = true});
  EXPECT_EQ(out, R"({"stream":"S","domain":"D","seq":2,"duplicate": true})");
  out.clear();
  append_pub_ack(out, {.stream = "a\"b<", .seq = 18446744073709551615U, .value = "3"});
  EXPECT_EQ(out, R"({"stream":"a\"b<","seq":18446744073709551615,"val":"3"})");
  out.clear();
  append_pub_ack(out, {.stream = "S", .seq = 9, .batch = "id", .count = 3});
  EXPECT_EQ(out, R"({"stream":"S","seq":9,"batch":"id","count":3})");
  out.clear();
  append_pub_ack_error(out, api_error(ApiErrc::kStreamWrongLastSequence, {{"{seq}", "2"}}), "S1");
  EXPECT_EQ(out, R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 2"},)"
                 R"("stream":"S1","seq":0})");
}

TEST(ApiJson, RefusalsKeepTheirZeroValues) {
  const ApiError missing = api_error(ApiErrc::kStreamNotFound);
  EXPECT_EQ(
      error_json(ApiKind::kStreamInfo, missing),
      R"({"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":404,)"
      R"("err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0})");
  EXPECT_TRUE(error_json(ApiKind::kStreamNames, missing).ends_with(R"("limit":0,"streams":null})"));
  EXPECT_TRUE(error_json(ApiKind::kStreamPurge, missing).ends_with(R"(,"purged":0})"));
  EXPECT_TRUE(error_json(ApiKind::kConsumerPause, missing)
                  .ends_with(R"("paused":false,"pause_until":"0001-01-01T00:00:00Z"})"));
  EXPECT_TRUE(error_json(ApiKind::kConsumerReset, missing).ends_with(R"(,"reset_seq":0})"));
}

TEST(ApiJson, ListsAndNames) {
  EXPECT_EQ(stream_names_json({}, {0, 0, 1024}),
            R"({"type":"io.nats.jetstream.api.v1.stream_names_response","total":0,"offset":0,)"
            R"("limit":1024,"streams":null})");
  EXPECT_EQ(consumer_names_json({}, {0, 0, 1024}),
            R"({"type":"io.nats.jetstream.api.v1.consumer_names_response","total":0,"offset":0,)"
            R"("limit":1024,"consumers":[]})");
  EXPECT_EQ(stream_list_json({}, {1, 0, 256}, {{"S", "why"}}),
            R"({"type":"io.nats.jetstream.api.v1.stream_list_response","total":1,"offset":0,)"
            R"("limit":256,"streams":[],"missing":["S"],"offline":{"S":"why"}})");
  EXPECT_EQ(success_json(ApiKind::kStreamDelete),
            R"({"type":"io.nats.jetstream.api.v1.stream_delete_response","success":true})");
  EXPECT_EQ(success_json(ApiKind::kConsumerUnpin),
            R"({"type":"io.nats.jetstream.api.v1.consumer_unpin_response"})");
}

TEST(ApiJson, StreamInfoInNatsServersOrder) {
  StreamInfoView info;
  info.config.name = "S";
  info.config.metadata["_nats.req.level"] = "0";
  info.created = {1'000'000'000};
  info.state.messages = 2;
  info.state.first_seq = 1;
  info.state.first_ts = {1'500'000'000};
  info.state.num_subjects = 1;
  info.state.subjects = {{"a>b", 2}};
  info.state.num_deleted = 1;
  info.state.deleted = {2};
  info.state.lost = LostMessages{{7}, 9};
  info.cluster.emplace().leader = "n1";
  info.mirror.emplace().name = "O";
  info.mirror->error = api_error(ApiErrc::kStreamNotFound);
  info.ts = {2'000'000'000};
  const std::string json = stream_info_json(info, {1, 0, kSubjectsPage});
  const size_t state = json.find("\"created\"");
  ASSERT_NE(state, std::string::npos);
  EXPECT_EQ(json.substr(state),
            R"("created":"1970-01-01T00:00:01Z","state":{"messages":2,"bytes":0,"first_seq":1,)"
            R"("first_ts":"1970-01-01T00:00:01.5Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z",)"
            R"("num_subjects":1,"subjects":{"a\u003eb":2},"num_deleted":1,"deleted":[2],)"
            R"("lost":{"msgs":[7],"bytes":9},"consumer_count":0},"cluster":{"leader":"n1"},)"
            R"("mirror":{"name":"O","lag":0,"active":-1,"error":{"code":404,"err_code":10059,)"
            R"("description":"stream not found"}},"ts":"1970-01-01T00:00:02Z"})");
  EXPECT_NE(json.find(R"("total":1,"offset":0,"limit":100000,"config":{"name":"S")"),
            std::string::npos);
  EXPECT_NE(
      json.find(R"("metadata":{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.2"}})"),
      std::string::npos);
  // Lists do not tell the server's version.
  EXPECT_EQ(stream_list_json({info}, {1, 0, 256}).find("_nats.ver"), std::string::npos);
}

TEST(ApiJson, ConsumerInfoInNatsServersOrder) {
  ConsumerInfoView info;
  info.stream_name = "S";
  info.name = "c";
  info.config.name = "c";
  info.delivered = {3, 5, {1'000'000'000}};
  info.num_pending = 4;
  info.paused = true;
  info.pause_remaining = {5};
  info.priority_groups = {{"g", "pin", {1'000'000'000}}};
  const std::string json = consumer_info_json(ApiKind::kConsumerInfo, info);
  EXPECT_TRUE(json.starts_with(
      R"({"type":"io.nats.jetstream.api.v1.consumer_info_response","stream_name":"S","name":"c",)"
      R"("created":"0001-01-01T00:00:00Z","config":{"name":"c","deliver_policy":"all",)"
      R"("ack_policy":"none","replay_policy":"instant","num_replicas":0,"metadata")"))
      << json;
  EXPECT_TRUE(json.ends_with(
      R"("delivered":{"consumer_seq":3,"stream_seq":5,"last_active":"1970-01-01T00:00:01Z"},)"
      R"("ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,)"
      R"("num_waiting":0,"num_pending":4,"paused":true,"pause_remaining":5,)"
      R"("ts":"0001-01-01T00:00:00Z","priority_groups":[{"group":"g","pinned_client_id":"pin",)"
      R"("pinned_ts":"1970-01-01T00:00:01Z"}]})"))
      << json;
  EXPECT_TRUE(consumer_reset_json(info, 7).ends_with(R"(}],"reset_seq":7})"));
}

TEST(ApiJson, MessagesAreBase64) {
  StoredMessageView message;
  message.subject = "s1.a";
  message.seq = 1;
  message.body = "hello";
  message.time = {1};
  EXPECT_EQ(
      message_get_json(message),
      R"({"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{)"
      R"("subject":"s1.a","seq":1,"data":"aGVsbG8=","time":"1970-01-01T00:00:00.000000001Z"}})");
  message.header = Slice("\xff\xfe\xfd", 3);
  message.body = "a";
  const std::string json = message_get_json(message);
  EXPECT_NE(json.find(R"("hdrs":"//79","data":"YQ==")"), std::string::npos) << json;
}

TEST(ApiJson, ConfigurationsReadBackWhatWasWritten) {
  const auto request = parse_stream_config(
      R"({"name":"S","subjects":["a.>"],"max_age":5000000000,"placement":{"tags":["x"]},)"
      R"("sources":[{"name":"O","opt_start_time":"2026-01-02T03:04:05.678Z","subject_transforms":)"
      R"([{"src":"a","dest":"b"}],"external":{"api":"p","deliver":"d"}}],"republish":{"src":"a",)"
      R"("dest":"b","headers_only":true},"persist_mode":"async","metadata":{"k":"<v>"}})",
      true);
  ASSERT_TRUE(request.is_ok());
  const auto again = read_stream_config(stream_config_json(request->config));
  ASSERT_TRUE(again.is_ok());
  EXPECT_EQ(*again, request->config);
  EXPECT_EQ(read_stream_config("{\"max_msgs\":\"x\"}").error().code, Errc::kCorrupt);

  const auto consumer = parse_consumer_create(
      R"({"stream_name":"S","config":{"durable_name":"c","backoff":[1,2],"pause_until":)"
      R"("2026-01-02T03:04:05Z","priority_policy":"pinned_client","priority_groups":["g"],)"
      R"("filter_subjects":["a","b"],"deliver_policy":"by_start_time","opt_start_time":)"
      R"("1969-12-31T23:59:59.5Z","ack_policy":"all","replay_policy":"original"}})",
      true);
  ASSERT_TRUE(consumer.is_ok());
  const auto same = read_consumer_config(consumer_config_json(consumer->config));
  ASSERT_TRUE(same.is_ok());
  EXPECT_EQ(*same, consumer->config);
}

TEST(ApiErrors, EveryPlaceholderIsReplacedOnce) {
  EXPECT_EQ(api_error(ApiErrc::kInvalidJSON, "{err} {err}").description,
            "invalid JSON: {err} {err}");
  EXPECT_EQ(
      api_error(ApiErrc::kStreamExternalApiOverlap, {{"{prefix}", "{subject}"}, {"{subject}", "x"}})
          .description,
      "stream external api prefix {subject} must not overlap with x");
  EXPECT_EQ(api_error_text(ApiErrc::kConsumerNotFound), "consumer not found");
}

}  // namespace
}  // namespace petrel::jetstream
