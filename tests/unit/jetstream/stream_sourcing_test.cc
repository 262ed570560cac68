// Mirrors and sources: the test plays the origin.

#include "stream_world.h"

namespace petrel::jetstream {
namespace {

// What the stream asked its origin for.
struct Asked {
  std::string subject;
  std::string header;
  std::string body;
  std::string answer_to;
  std::string deliver_to;
  std::string consumer;
};

std::string field(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const size_t at = json.find(key);
  if (at == std::string::npos) return "";
  return json.substr(at + key.size(), json.find('"', at + key.size()) - at - key.size());
}

Asked take_request(StreamWorld& world, Duration after = Duration::millis(20)) {
  Asked asked;
  world.sent.clear();
  world.pass(after);
  for (const Sent& sent : world.sent) {
    if (!sent.subject.starts_with("$JS.API.CONSUMER.CREATE.")) continue;
    asked.subject = sent.subject;
    asked.header = sent.header;
    asked.body = sent.body;
    asked.consumer = field(sent.body, "name");
    asked.deliver_to = field(sent.body, "deliver_subject");
  }
  for (const auto& [id, subscription] : world.subscriptions) {
    if (subscription.first == Inlet::kReply && subscription.second != asked.deliver_to) {
      asked.answer_to = subscription.second;
    }
  }
  return asked;
}

void answer(StreamWorld& world, const Asked& asked, uint64_t delivered) {
  world.take(Inlet::kReply, asked.answer_to, {},
             "{\"type\":\"x\",\"name\":\"c\",\"config\":{},\"delivered\":{\"consumer_seq\":0,"
             "\"stream_seq\":" +
                 std::to_string(delivered) + "}}",
             "");
  world.run();
}

void deliver(StreamWorld& world, const Asked& asked, uint64_t sequence, uint64_t consumer_sequence,
             const std::string& body, const std::map<std::string, std::string>& headers = {}) {
  world.take(Inlet::kReply, "o.a", StreamWorld::block(headers), body,
             "$JS.ACK.O." + asked.consumer + ".1." + std::to_string(sequence) + "." +
                 std::to_string(consumer_sequence) + ".1600000000000000000.2",
             asked.deliver_to);
  world.run();
}

StreamConfig mirror_config() {
  StreamConfig config;
  config.mirror = StreamSource{};
  config.mirror->name = "O";
  return config;
}

TEST(Mirror, KeepsSequencesTimesAndGapsOfItsOrigin) {
  StreamWorld world(mirror_config());
  const Asked asked = take_request(world);
  EXPECT_EQ(asked.subject, "$JS.API.CONSUMER.CREATE.O");
  EXPECT_NE(asked.body.find("\"deliver_policy\":\"all\""), std::string::npos);
  EXPECT_NE(asked.body.find("\"sourcing\":true"), std::string::npos);
  answer(world, asked, 4);
  deliver(world, asked, 5, 1, "five", {{"K", "v"}, {"Nats-Expected-Stream", "O"}});
  deliver(world, asked, 8, 2, "eight");
  EXPECT_EQ(world.stream->state().first_sequence, 5U);
  EXPECT_EQ(world.stream->state().last_sequence, 8U);
  EXPECT_EQ(world.stream->state().messages, 2U);
  EXPECT_EQ(world.stream->state().first_time.ns, 1'600'000'000'000'000'000);
  EXPECT_EQ(world.read(5), "o.a|NATS/1.0\r\nK: v\r\n\r\n|five");
  ASSERT_TRUE(world.stream->mirror_state().has_value());
  EXPECT_EQ(world.stream->mirror_state()->lag, 1U);
}

TEST(Mirror, AsksAgainBehindWhatItHasWhenSomethingIsMissing) {
  StreamWorld world(mirror_config());
  Asked asked = take_request(world);
  answer(world, asked, 0);
  deliver(world, asked, 1, 1, "one");
  deliver(world, asked, 3, 3, "three");
  EXPECT_EQ(world.stream->state().last_sequence, 1U);
  world.clock = world.clock + Duration::seconds(1);
  asked = take_request(world);
  EXPECT_NE(asked.body.find("\"opt_start_seq\":2"), std::string::npos);
  answer(world, asked, 1);
  deliver(world, asked, 2, 1, "two");
  EXPECT_EQ(world.read(2), "o.a||two");
}

TEST(Mirror, TriesAgainWhenTheOriginIsNotThereAndSaysSo) {
  StreamWorld world(mirror_config());
  Asked asked = take_request(world);
  world.take(Inlet::kReply, asked.answer_to, {},
             "{\"error\":{\"code\":404,\"err_code\":10059,\"description\":\"stream not found\"}}",
             "");
  world.run();
  EXPECT_EQ(world.stream->mirror_state()->error, "stream not found");
  EXPECT_EQ(world.stream->mirror_state()->error_code, 10059);
  world.clock = world.clock + Duration::seconds(1);
  asked = take_request(world);
  ASSERT_NE(asked.consumer, "");
  answer(world, asked, 0);
  EXPECT_EQ(world.stream->mirror_state()->error_code, 0);
  // Ten seconds without a heartbeat: another consumer.
  world.clock = world.clock + Duration::seconds(10);
  world.run();
  world.clock = world.clock + Duration::seconds(1);
  EXPECT_NE(take_request(world).deliver_to, asked.deliver_to);
}

TEST(Mirror, AnswersFlowControlBehindWhatItStored) {
  StreamWorld world(mirror_config());
  const Asked asked = take_request(world);
  answer(world, asked, 0);
  deliver(world, asked, 1, 1, "one");
  world.sent.clear();
  world.take(Inlet::kReply, asked.deliver_to, "NATS/1.0 100 FlowControl Request\r\n\r\n", "",
             "$JS.FC.O.c.abcd");
  world.run();
  ASSERT_EQ(world.sent.size(), 1U);
  EXPECT_EQ(world.sent[0].subject, "$JS.FC.O.c.abcd");
}

TEST(Mirror, BecomesAStreamOfItsOwn) {
  StreamWorld world(mirror_config());
  const Asked asked = take_request(world);
  answer(world, asked, 0);
  deliver(world, asked, 1, 1, "one");
  StreamConfig next = world.stream->config();
  next.mirror.reset();
  next.subjects = {"s.>"};
  world.stream->update(next, [](const ApiError*) {});
  world.run();
  EXPECT_FALSE(world.stream->mirror_state().has_value());
  EXPECT_EQ(world.publish("s.a", "x"), "{\"stream\":\"S\",\"seq\":2}");
  ASSERT_EQ(world.subscriptions.size(), 1U);
}

TEST(Sources, StoreUnderOwnSequencesWithWhereTheyComeFrom) {
  StreamConfig config;
  StreamSource source;
  source.name = "O";
  source.filter_subject = "o.>";
  config.sources = {source};
  config.subjects = {"s.>"};
  StreamWorld world(config);
  world.publish("s.a", "own");
  EXPECT_NE(world.publish("s.a", "x", {{"Nats-Stream-Source", "O 1 > > o.a"}}).find("10227"),
            std::string::npos);
  StreamWorld fresh(config);
  Asked asked = take_request(fresh);
  EXPECT_EQ(asked.subject, "$JS.API.CONSUMER.CREATE.O." + asked.consumer + ".o.>");
  answer(fresh, asked, 0);
  deliver(fresh, asked, 7, 1, "seven", {{"Nats-Stream-Source", "P 1 > > p"}});
  EXPECT_EQ(fresh.read(1), "o.a|NATS/1.0\r\nNats-Stream-Source: O 7 o.> > o.a\r\n\r\n|seven");
  EXPECT_EQ(fresh.stream->source_states().at(0).lag, 1U);
  EXPECT_EQ(fresh.stream->source_states().at(0).sequence, 7U);
  // After a restart it goes on behind the last one.
  fresh.open(fresh.stream->snapshot(), 1);
  asked = take_request(fresh);
  EXPECT_NE(asked.body.find("\"opt_start_seq\":8"), std::string::npos);
}

TEST(Sources, BeginAnewWhenTheOriginIsAnotherStream) {
  StreamConfig config;
  StreamSource source;
  source.name = "O";
  config.sources = {source};
  StreamWorld world(config);
  Asked asked = take_request(world);
  const std::string made = R"({"config":{},"delivered":{"consumer_seq":0,"stream_seq":0}})";
  const auto identity = [](const std::string& of) {
    return StreamWorld::block({{"Nats-Stream-Identity", of}});
  };
  world.take(Inlet::kReply, asked.answer_to, identity("first"), made, "");
  deliver(world, asked, 7, 1, "seven");
  EXPECT_EQ(world.read(1), "o.a|NATS/1.0\r\nNats-Stream-Source: O 7 > > o.a first\r\n\r\n|seven");
  // After a restart it tells whom it knows, and is told that there is another one.
  world.open(world.stream->snapshot(), 1);
  asked = take_request(world);
  EXPECT_NE(asked.header.find("Nats-Stream-Identity: first\r\n"), std::string::npos);
  EXPECT_NE(asked.body.find("\"opt_start_seq\":8"), std::string::npos);
  world.take(Inlet::kReply, asked.answer_to, {}, R"({"error":{"code":400,"err_code":10225}})", "");
  asked = take_request(world, Duration{});
  EXPECT_NE(asked.header.find("Nats-Stream-Identity: \r\n"), std::string::npos);
  EXPECT_NE(asked.body.find("\"deliver_policy\":\"all\""), std::string::npos);
  world.take(Inlet::kReply, asked.answer_to, identity("second"), made, "");
  deliver(world, asked, 1, 1, "one");
  EXPECT_EQ(world.read(world.stream->state().last_sequence),
            "o.a|NATS/1.0\r\nNats-Stream-Source: O 1 > > o.a second\r\n\r\n|one");
  EXPECT_EQ(world.stream->source_states().at(0).sequence, 1U);
}

TEST(Sources, AddWhatCountersOfTheirOriginsGrewBy) {
  StreamConfig config;
  config.allow_msg_counter = true;
  StreamSource source;
  source.name = "O";
  config.sources = {source};
  config.subjects = {"o.*"};
  StreamWorld world(config);
  const Asked asked = take_request(world);
  answer(world, asked, 0);
  world.publish("o.a", "", {{"Nats-Incr", "100"}});
  deliver(world, asked, 1, 1, "{\"val\":\"5\"}", {{"Nats-Incr", "5"}});
  deliver(world, asked, 2, 2, "{\"val\":\"7\"}", {{"Nats-Incr", "1"}});
  EXPECT_NE(world.read(2).find("|{\"val\":\"105\"}"), std::string::npos);
  EXPECT_NE(world.read(3).find("Nats-Counter-Sources: {\"O\":{\"o.a\":\"7\"}}"), std::string::npos);
  EXPECT_NE(world.read(3).find("Nats-Incr: 2\r\n"), std::string::npos);
  EXPECT_NE(world.read(3).find("|{\"val\":\"107\"}"), std::string::npos);
}

}  // namespace
}  // namespace petrel::jetstream
