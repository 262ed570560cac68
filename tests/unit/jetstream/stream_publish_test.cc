// Publishing into a stream: answers, checks and their order, limits, dedupe, rollups, counters.
// The texts are nats-server's.

#include "stream_world.h"

namespace petrel::jetstream {
namespace {

std::string refusal(int code, int err_code, const std::string& text) {
  return "{\"error\":{\"code\":" + std::to_string(code) +
         ",\"err_code\":" + std::to_string(err_code) + ",\"description\":\"" + text +
         "\"},\"stream\":\"S\",\"seq\":0}";
}

TEST(StreamPublish, AnswersWithTheSequenceOnceItIsCommitted) {
  StreamWorld world({});
  world.group->is_held = true;
  EXPECT_EQ(world.publish("s.a", "one"), "");
  EXPECT_EQ(world.stream->state().messages, 0U);
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R"), "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.read(1), "s.a||one");
  EXPECT_EQ(world.publish("s.b", "two"), "{\"stream\":\"S\",\"seq\":2}");
}

TEST(StreamPublish, BeginsWhereItsConfigurationSays) {
  StreamConfig config;
  config.first_seq = 100;
  StreamWorld world(config);
  EXPECT_EQ(world.publish("s.a", ""), "{\"stream\":\"S\",\"seq\":100}");
}

TEST(StreamPublish, StaysSilentWithNoAckAndWithoutReply) {
  StreamConfig config;
  config.no_ack = true;
  StreamWorld quiet(config);
  EXPECT_EQ(quiet.publish("s.a", "x"), "");
  EXPECT_EQ(quiet.publish("s.a", "x", {{"Nats-Expected-Stream", "T"}}), "");
  EXPECT_EQ(quiet.stream->state().messages, 1U);
  StreamWorld world({});
  world.put("s.a", "x", {}, "");
  world.run();
  EXPECT_TRUE(world.sent.empty());
  EXPECT_EQ(world.stream->state().messages, 1U);
}

TEST(StreamPublish, KnowsADuplicateBeforeAndAfterItIsCommitted) {
  StreamWorld world({});
  world.group->is_held = true;
  world.put("s.a", "x", {{"Nats-Msg-Id", "1"}});
  world.put("s.a", "x", {{"Nats-Msg-Id", "1"}}, "R2");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R"), "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.last("R2"), "{\"stream\":\"S\",\"seq\":1,\"duplicate\": true}");
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Msg-Id", "1"}}),
            "{\"stream\":\"S\",\"seq\":1,\"duplicate\": true}");
  EXPECT_EQ(world.stream->state().messages, 1U);
  world.pass(Duration::minutes(2));
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Msg-Id", "1"}}), "{\"stream\":\"S\",\"seq\":2}");
}

TEST(StreamPublish, RemembersManyIdsForTheWindow) {
  StreamWorld world({});
  for (int i = 0; i < 1000; ++i) {
    world.publish("s.a", "", {{"Nats-Msg-Id", "id-" + std::to_string(i)}});
    if (i == 499) world.pass(Duration::minutes(1));
  }
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Msg-Id", "id-3"}}),
            "{\"stream\":\"S\",\"seq\":4,\"duplicate\": true}");
  world.pass(Duration::minutes(1));
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Msg-Id", "id-3"}}), "{\"stream\":\"S\",\"seq\":1001}");
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Msg-Id", "id-700"}}),
            "{\"stream\":\"S\",\"seq\":701,\"duplicate\": true}");
}

TEST(StreamPublish, ComparesWhatThePublisherExpects) {
  StreamWorld world({});
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Expected-Stream", "T"}}),
            refusal(400, 10060, "expected stream does not match"));
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Expected-Last-Sequence", "0"}, {"Nats-Msg-Id", "a"}}),
            "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Expected-Last-Sequence", "5"}}),
            refusal(400, 10071, "wrong last sequence: 1"));
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Expected-Last-Msg-Id", "b"}}),
            refusal(400, 10070, "wrong last msg ID: a"));
  EXPECT_EQ(world.publish("s.b", "x", {{"Nats-Expected-Last-Msg-Id", "a"}}),
            "{\"stream\":\"S\",\"seq\":2}");
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Expected-Last-Subject-Sequence-Subject", "s.b"}}),
            refusal(400, 10193, "missing sequence for expected last sequence per subject"));
}

TEST(StreamPublish, ComparesTheLastSequenceOfASubjectWithWhatIsStagedToo) {
  StreamWorld world({});
  world.publish("s.a", "x");
  world.group->is_held = true;
  const std::map<std::string, std::string> at_one{{"Nats-Expected-Last-Subject-Sequence", "1"}};
  world.put("s.a", "first", at_one, "R1");
  world.put("s.a", "second", at_one, "R2");
  world.put("s.c", "new", {{"Nats-Expected-Last-Subject-Sequence", "0"}}, "R3");
  world.put("s.d", "any",
            {{"Nats-Expected-Last-Subject-Sequence", "3"},
             {"Nats-Expected-Last-Subject-Sequence-Subject", "s.*"}},
            "R4");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R1"), "{\"stream\":\"S\",\"seq\":2}");
  EXPECT_EQ(world.last("R2"), refusal(400, 10071, "wrong last sequence: 2"));
  EXPECT_EQ(world.last("R3"), "{\"stream\":\"S\",\"seq\":3}");
  EXPECT_EQ(world.last("R4"), "{\"stream\":\"S\",\"seq\":4}");
}

TEST(StreamPublish, RefusesWhatIsTooLarge) {
  StreamConfig config;
  config.max_msg_size = 10;
  StreamWorld world(config);
  EXPECT_EQ(world.publish("s.a", "12345678901"),
            refusal(400, 10054, "message size exceeds maximum allowed"));
  EXPECT_EQ(world.publish("s.a", "1234567890"), "{\"stream\":\"S\",\"seq\":1}");
  StreamWorld wide({});
  EXPECT_EQ(wide.publish("s.a", "", {{"X", std::string(70'000, 'h')}}),
            refusal(400, 10097, "header size exceeds maximum allowed of 64k"));
}

TEST(StreamPublish, DropsOldMessagesAboveItsLimits) {
  StreamConfig config;
  config.max_msgs = 3;
  StreamWorld world(config);
  for (int i = 0; i < 5; ++i) world.publish("s.a", "x");
  EXPECT_EQ(world.stream->state().messages, 3U);
  EXPECT_EQ(world.stream->state().first_sequence, 3U);
  StreamConfig per_subject;
  per_subject.max_msgs_per_subject = 1;
  StreamWorld kv(per_subject);
  kv.publish("s.a", "1");
  kv.publish("s.b", "1");
  kv.publish("s.a", "2");
  EXPECT_EQ(kv.read(1), "");
  EXPECT_EQ(kv.read(2), "s.b||1");
  EXPECT_EQ(kv.read(3), "s.a||2");
  StreamConfig bytes;
  bytes.max_bytes = 100;
  StreamWorld small(bytes);
  for (int i = 0; i < 20; ++i) small.publish("s.a", "0123456789");
  EXPECT_LE(small.stream->state().bytes, 100U);
  EXPECT_GE(small.stream->state().messages, 2U);
}

TEST(StreamPublish, RefusesNewMessagesAboveItsLimits) {
  StreamConfig config;
  config.max_msgs = 2;
  config.max_msgs_per_subject = 1;
  config.discard = Discard::kNew;
  StreamWorld world(config);
  world.group->is_held = true;
  world.put("s.a", "1", {}, "R1");
  world.put("s.b", "1", {}, "R2");
  world.put("s.c", "1", {}, "R3");
  world.put("s.a", "2", {}, "R4");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R3"), refusal(503, 10077, "maximum messages exceeded"));
  EXPECT_EQ(world.last("R4"), "{\"stream\":\"S\",\"seq\":3}");
  config.discard_new_per_subject = true;
  StreamWorld strict(config);
  strict.publish("s.a", "1");
  EXPECT_EQ(strict.publish("s.a", "2"),
            refusal(503, 10077, "maximum messages per subject exceeded"));
}

TEST(StreamPublish, RollsUpASubjectOrTheStream) {
  StreamConfig config;
  config.allow_rollup_hdrs = true;
  StreamWorld world(config);
  for (const char* subject : {"s.a", "s.b", "s.a"}) world.publish(subject, "x");
  world.publish("s.a", "sum", {{"Nats-Rollup", "SUB"}});
  EXPECT_EQ(world.stream->state().messages, 2U);
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Rollup", "Every"}}),
            refusal(500, 10111, "rollup value invalid: \\\"every\\\""));
  world.publish("s.c", "all", {{"Nats-Rollup", "all"}});
  EXPECT_EQ(world.stream->state().messages, 1U);
  EXPECT_EQ(world.stream->state().first_sequence, 5U);
  StreamWorld plain({});
  EXPECT_EQ(plain.publish("s.a", "x", {{"Nats-Rollup", "sub"}}),
            refusal(500, 10111, "rollup not permitted"));
}

TEST(StreamPublish, RollsUpWhatAPatternAdmits) {
  StreamConfig config;
  config.allow_rollup_hdrs = true;
  StreamWorld world(config);
  for (const char* subject : {"s.a", "s.b", "s.c.d"}) world.publish(subject, "x");
  world.publish("s.*", "sum", {{"Nats-Rollup", "sub"}});
  EXPECT_EQ(world.stream->state().messages, 2U);
  EXPECT_NE(world.read(3), "");
  EXPECT_NE(world.read(4), "");
}

TEST(StreamPublish, CountsWithoutWaitingForCommits) {
  StreamConfig config;
  config.allow_msg_counter = true;
  StreamWorld world(config);
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Incr", "+2"}}),
            "{\"stream\":\"S\",\"seq\":1,\"val\":\"2\"}");
  world.group->is_held = true;
  world.put("s.a", "", {{"Nats-Incr", "-5"}}, "R1");
  world.put("s.a", "", {{"Nats-Incr", "99999999999999999999999"}}, "R2");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R1"), "{\"stream\":\"S\",\"seq\":2,\"val\":\"-3\"}");
  EXPECT_EQ(world.last("R2"), "{\"stream\":\"S\",\"seq\":3,\"val\":\"99999999999999999999996\"}");
  EXPECT_EQ(world.read(2), "s.a|NATS/1.0\r\nNats-Incr: -5\r\n\r\n|{\"val\":\"-3\"}");
  EXPECT_EQ(world.publish("s.a", ""), refusal(400, 10169, "message counter increment is missing"));
  EXPECT_EQ(world.publish("s.a", "x", {{"Nats-Incr", "1"}}),
            refusal(400, 10170, "message counter has payload"));
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Incr", "x"}}),
            refusal(400, 10171, "message counter increment is invalid"));
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Incr", "1"}, {"Nats-Rollup", "sub"}}),
            refusal(400, 10171, "message counter increment is invalid"));
  StreamWorld plain({});
  EXPECT_EQ(plain.publish("s.a", "", {{"Nats-Incr", "1"}}),
            refusal(400, 10168, "message counters is disabled"));
}

TEST(StreamPublish, StoresANumberedMessageOfAProducerOnce) {
  StreamWorld world({});
  const auto numbered = [](int number) {
    return std::map<std::string, std::string>{{"Nats-Producer-Id", "p"},
                                              {"Nats-Producer-Sequence", std::to_string(number)}};
  };
  EXPECT_EQ(world.publish("s.a", "1", numbered(1)), "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.publish("s.a", "2", numbered(2)), "{\"stream\":\"S\",\"seq\":2}");
  world.pass(Duration::hours(2));
  EXPECT_EQ(world.publish("s.a", "1", numbered(1)),
            "{\"stream\":\"S\",\"seq\":1,\"duplicate\": true}");
  EXPECT_EQ(world.publish("s.a", "9", numbered(9)), refusal(400, 10071, "wrong last sequence: 2"));
  world.group->is_held = true;
  world.put("s.a", "3", numbered(3), "R3");
  world.put("s.a", "3", numbered(3), "R4");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R3"), "{\"stream\":\"S\",\"seq\":3}");
  EXPECT_EQ(world.last("R4"), "{\"stream\":\"S\",\"seq\":3,\"duplicate\": true}");
}

TEST(StreamPublish, RefusesPrioritiesThatAreNone) {
  StreamConfig config;
  config.retention = Retention::kWorkQueue;
  config.metadata["petrel.priority"] = "true";
  StreamWorld world(config);
  for (const char* wrong : {"10", "-1", "high", "x"}) {
    EXPECT_NE(world.publish("s.a", "x", {{"Nats-Priority", wrong}}).find("10003"),
              std::string::npos);
  }
  EXPECT_NE(world.publish("s.a", "x", {{"Nats-Priority", "9"}}).find("\"seq\":1"),
            std::string::npos);
  config.retention = Retention::kLimits;
  EXPECT_FALSE(check_stream_config(config, {}).is_ok());
}

TEST(StreamPublish, KeepsADelayedMessageOutOfTheStreamUntilItIsDue) {
  StreamWorld world({});
  EXPECT_EQ(world.publish("s.a", "later", {{"Nats-Delay", "10s"}, {"Nats-Msg-Id", "x"}}),
            "{\"stream\":\"S\",\"seq\":0}");
  EXPECT_EQ(world.publish("s.a", "later", {{"Nats-Delay", "10s"}, {"Nats-Msg-Id", "x"}}),
            "{\"stream\":\"S\",\"seq\":0,\"duplicate\": true}");
  EXPECT_EQ(world.publish("s.a", "now"), "{\"stream\":\"S\",\"seq\":1}");
  world.pass(Duration::seconds(9));
  EXPECT_EQ(world.stream->state().messages, 1U);
  // A checkpoint and a restart later it is still there.
  world.open(world.stream->snapshot(), world.group->applied_index());
  EXPECT_EQ(world.stream->state().messages, 0U);
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.stream->state().messages, 1U);
  EXPECT_NE(world.read(1).find("|later"), std::string::npos);
  world.pass(Duration::seconds(60));
  EXPECT_EQ(world.stream->state().messages, 1U);
  EXPECT_EQ(world.publish("s.a", "", {{"Nats-Delay", "soon"}}), refusal(400, 10003, "bad request"));
}

TEST(StreamPublish, TransformsSubjectsBeforeEverythingElse) {
  StreamConfig config;
  config.subject_transform = SubjectTransformConfig{"s.*", "t.$1.x"};
  StreamWorld world(config);
  world.publish("s.a", "1");
  EXPECT_EQ(world.read(1), "t.a.x||1");
}

TEST(StreamPublish, Republishes) {
  StreamConfig config;
  config.republish = RePublish{"s.>", "copy.>", false};
  StreamWorld world(config);
  world.publish("s.a", "1");
  world.publish("s.a", "2", {{"K", "v"}});
  ASSERT_EQ(world.last("copy.a"), "2");
  EXPECT_EQ(world.sent[0].header,
            "NATS/1.0\r\nK: v\r\nNats-Stream: S\r\nNats-Subject: s.a\r\nNats-Sequence: 2\r\n"
            "Nats-Time-Stamp: 2023-11-14T22:13:20Z\r\nNats-Last-Sequence: 1\r\n\r\n");
}

TEST(StreamPublish, TakesInOrderWhatTheGroupCouldNotTakeAtOnce) {
  StreamWorld world({});
  world.group->is_full = true;
  world.put("s.a", "1", {}, "R1");
  world.put("s.a", "2", {}, "R2");
  world.run();
  EXPECT_EQ(world.stream->state().messages, 0U);
  EXPECT_EQ(world.due - world.clock, Duration::millis(5));
  world.group->is_full = false;
  world.run();
  EXPECT_EQ(world.last("R1"), "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.last("R2"), "{\"stream\":\"S\",\"seq\":2}");
}

TEST(StreamPublish, RefusesWhenTheAccountIsFull) {
  StreamWorld world({});
  world.is_account_full = true;
  EXPECT_EQ(world.publish("s.a", "1"), refusal(400, 10002, "resource limits exceeded for account"));
}

TEST(StreamPublish, StopsForGoodWhenTheJournalFails) {
  StreamWorld world({});
  world.publish("s.a", "1");
  world.group->is_broken = true;
  EXPECT_EQ(world.publish("s.a", "2"), "");
  EXPECT_TRUE(world.stream->is_failed());
  world.group->is_broken = false;
  EXPECT_EQ(world.publish("s.a", "3"), "");
  EXPECT_EQ(world.stream->state().messages, 1U);
}

}  // namespace
}  // namespace petrel::jetstream
