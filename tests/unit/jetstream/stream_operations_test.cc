// Purges, deletes, updates, retention by consumers, expiry and markers, direct get, checkpoints.

#include "stream_world.h"

#include "petrel/jetstream/consumer_config.h"

namespace petrel::jetstream {
namespace {

struct Outcome {
  bool is_done = false;
  int err_code = 0;
  std::string text;
  uint64_t purged = 0;
};

Outcome purge(StreamWorld& world, const PurgeRequest& request) {
  Outcome outcome;
  world.stream->purge(request, [&](const ApiError* error, uint64_t purged) {
    outcome = {true, error == nullptr ? 0 : error->err_code,
               error == nullptr ? "" : error->description, purged};
  });
  world.run();
  return outcome;
}

Outcome erase(StreamWorld& world, uint64_t sequence) {
  Outcome outcome;
  world.stream->delete_message(sequence, true, [&](const ApiError* error) {
    outcome = {true, error == nullptr ? 0 : error->err_code,
               error == nullptr ? "" : error->description, 0};
  });
  world.run();
  return outcome;
}

ConsumerConfig checked(const StreamWorld& world, ConsumerConfig config) {
  config.durable_name = config.name;
  config.ack_policy = AckPolicy::kExplicit;
  auto made = check_consumer_config(config, world.stream->config(), {});
  EXPECT_TRUE(made.is_ok()) << (made ? "" : made.error().description);
  return made ? *made : config;
}

int create(StreamWorld& world, const std::string& name, const std::string& filter = "") {
  ConsumerConfig config;
  config.name = name;
  config.filter_subject = filter;
  int err_code = -1;
  world.stream->create_consumer(checked(world, config), [&](const ApiError* error, Consumer*) {
    err_code = error == nullptr ? 0 : error->err_code;
  });
  world.run();
  return err_code;
}

void ack(StreamWorld& world, const std::string& consumer, uint64_t stream_sequence,
         uint64_t consumer_sequence) {
  world.take(Inlet::kAck,
             "$JS.ACK.S." + consumer + ".1." + std::to_string(stream_sequence) + "." +
                 std::to_string(consumer_sequence) + ".1.0",
             {}, "+ACK", "");
  world.run();
}

void pull(StreamWorld& world, const std::string& consumer, int batch) {
  world.take(Inlet::kPull, "$JS.API.CONSUMER.MSG.NEXT.S." + consumer, {}, std::to_string(batch),
             "P");
  world.run();
}

void fill(StreamWorld& world, int count) {
  for (int i = 0; i < count; ++i) world.publish(i % 2 == 0 ? "s.a" : "s.b", "x");
}

TEST(StreamOperations, PurgesAllByFilterBySequenceAndKeepsSome) {
  StreamWorld world({});
  fill(world, 10);
  EXPECT_EQ(purge(world, {"", 1, 0}).purged, 0U);
  EXPECT_EQ(purge(world, {"", 4, 0}).purged, 3U);
  EXPECT_EQ(world.stream->state().first_sequence, 4U);
  EXPECT_EQ(purge(world, {"s.a", 0, 1}).purged, 2U);
  EXPECT_EQ(world.stream->state().messages, 5U);
  EXPECT_EQ(purge(world, {"", 0, 2}).purged, 3U);
  EXPECT_EQ(world.stream->state().messages, 2U);
  EXPECT_EQ(purge(world, {}).purged, 2U);
  EXPECT_EQ(world.stream->state().first_sequence, 11U);
  EXPECT_EQ(world.stream->state().last_sequence, 10U);
  EXPECT_EQ(world.publish("s.a", ""), "{\"stream\":\"S\",\"seq\":11}");
  EXPECT_EQ(purge(world, {"", 50, 0}).purged, 1U);
  EXPECT_EQ(world.publish("s.a", ""), "{\"stream\":\"S\",\"seq\":50}");
}

TEST(StreamOperations, APublishBehindAPurgeSeesItsEffect) {
  StreamWorld world({});
  world.publish("s.a", "1");
  world.group->is_held = true;
  uint64_t purged = 0;
  world.stream->purge({}, [&](const ApiError*, uint64_t count) { purged = count; });
  world.put("s.a", "2", {{"Nats-Expected-Last-Subject-Sequence", "0"}}, "R2");
  world.run();
  EXPECT_EQ(world.last("R2"), "");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(purged, 1U);
  EXPECT_EQ(world.last("R2"), "{\"stream\":\"S\",\"seq\":2}");
}

TEST(StreamOperations, APullWaitsForPublishesNotForWhatConsumersNote) {
  StreamWorld world({});
  fill(world, 3);
  ASSERT_EQ(create(world, "C"), 0);
  world.group->is_held = true;
  pull(world, "C", 1);
  EXPECT_EQ(world.last("P"), "x");
  world.sent.clear();
  pull(world, "C", 1);
  EXPECT_EQ(world.last("P"), "x");
  world.sent.clear();
  world.put("s.a", "new", {}, "R");
  pull(world, "C", 1);
  EXPECT_EQ(world.last("P"), "");
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("P"), "x");
}

TEST(StreamOperations, DeletesWhatIsThereAndSaysWhyNot) {
  StreamWorld world({});
  fill(world, 3);
  EXPECT_EQ(erase(world, 2).err_code, 0);
  EXPECT_EQ(world.stream->state().messages, 2U);
  EXPECT_EQ(erase(world, 2).text, "sequence 2 not found");
  EXPECT_EQ(erase(world, 9).err_code, 10043);
  StreamConfig config;
  config.deny_delete = true;
  config.deny_purge = true;
  StreamWorld strict(config);
  fill(strict, 1);
  EXPECT_EQ(erase(strict, 1).text, "message delete not permitted");
  EXPECT_EQ(purge(strict, {}).text, "stream purge not permitted");
}

TEST(StreamOperations, AnUpdateTakesEffectAtOnceForWhatComesBehindIt) {
  StreamWorld world({});
  fill(world, 6);
  StreamConfig next = world.stream->config();
  next.max_msgs = 2;
  next.subjects = {"t.>"};
  bool is_done = false;
  world.stream->update(next, [&](const ApiError* error) { is_done = error == nullptr; });
  world.run();
  EXPECT_TRUE(is_done);
  EXPECT_EQ(world.stream->state().messages, 2U);
  const auto& [inlet, subject] = world.subscriptions.begin()->second;
  EXPECT_EQ(subject, "t.>");
  next.sealed = true;
  world.stream->update(next, [](const ApiError*) {});
  world.run();
  EXPECT_NE(world.publish("t.a", "x").find("10109"), std::string::npos);
  EXPECT_EQ(purge(world, {}).err_code, 10109);
  EXPECT_EQ(erase(world, 6).err_code, 10109);
}

// --- retention ---

TEST(StreamRetention, AWorkQueueDropsWhatIsAcked) {
  StreamConfig config;
  config.retention = Retention::kWorkQueue;
  StreamWorld world(config);
  EXPECT_EQ(create(world, "c", "s.a"), 0);
  EXPECT_EQ(create(world, "d"), 10099);
  EXPECT_EQ(create(world, "e", "s.*"), 10100);
  EXPECT_EQ(create(world, "f", "s.b"), 0);
  fill(world, 4);
  pull(world, "c", 2);
  EXPECT_EQ(world.stream->state().messages, 4U);
  ack(world, "c", 1, 1);
  EXPECT_EQ(world.stream->state().messages, 3U);
  EXPECT_EQ(world.read(1), "");
}

TEST(StreamRetention, WithoutInterestNothingIsStoredAndEachConsumerMustAck) {
  StreamConfig config;
  config.retention = Retention::kInterest;
  StreamWorld world(config);
  EXPECT_EQ(world.publish("s.a", "x"), "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.stream->state().messages, 0U);
  EXPECT_EQ(world.stream->state().last_sequence, 1U);
  EXPECT_EQ(create(world, "c"), 0);
  EXPECT_EQ(create(world, "d", "s.a"), 0);
  world.publish("s.a", "x");
  world.publish("s.b", "x");
  EXPECT_EQ(world.stream->state().messages, 2U);
  pull(world, "c", 2);
  ack(world, "c", 2, 1);
  EXPECT_EQ(world.stream->state().messages, 2U);
  ack(world, "c", 3, 2);
  EXPECT_EQ(world.stream->state().messages, 1U);
  EXPECT_EQ(world.read(3), "");
  world.stream->delete_consumer("d", [](const ApiError*) {});
  world.run();
  EXPECT_EQ(world.stream->state().messages, 0U);
}

TEST(StreamRetention, KnowsWhomAMessageConcernsAmongFewAndAmongManyConsumers) {
  StreamConfig config;
  config.retention = Retention::kInterest;
  StreamWorld world(config);
  for (int i = 0; i < 40; ++i) {
    const std::string name = "c" + std::to_string(i);
    EXPECT_EQ(create(world, name, "s." + std::to_string(i) + (i % 2 == 0 ? "" : ".*")), 0);
    EXPECT_EQ(world.stream->state().messages, static_cast<uint64_t>(i));
    world.publish("s." + std::to_string(i) + (i % 2 == 0 ? "" : ".x"), "wanted");
    world.publish("s.nobody." + std::to_string(i) + ".wants", "");
  }
  EXPECT_EQ(world.stream->state().messages, 40U);
  for (int i = 0; i < 40; ++i) {
    world.stream->delete_consumer("c" + std::to_string(i), [](const ApiError*) {});
    world.run();
    EXPECT_EQ(world.stream->state().messages, static_cast<uint64_t>(39 - i));
  }
}

TEST(StreamRetention, LimitsTheNumberOfConsumers) {
  StreamConfig config;
  config.max_consumers = 1;
  StreamWorld world(config);
  EXPECT_EQ(create(world, "c"), 0);
  EXPECT_EQ(create(world, "c"), 0);
  EXPECT_EQ(create(world, "d"), 10026);
}

// --- expiry ---

TEST(StreamExpiry, AgeRemovesMessages) {
  StreamConfig config;
  config.max_age = Duration::seconds(10);
  StreamWorld world(config);
  world.publish("s.a", "1");
  world.pass(Duration::seconds(5));
  world.publish("s.a", "2");
  EXPECT_EQ((world.due - world.clock), Duration::seconds(5));
  world.pass(Duration::seconds(5));
  EXPECT_EQ(world.stream->state().messages, 1U);
  world.pass(Duration::seconds(5));
  EXPECT_EQ(world.stream->state().messages, 0U);
}

TEST(StreamUsage, TellsBytesAndConsumersUntilTheStreamIsGone) {
  StreamWorld world({});
  fill(world, 2);
  EXPECT_EQ(create(world, "c"), 0);
  EXPECT_EQ(create(world, "d"), 0);
  EXPECT_GT(world.usage, 0);
  EXPECT_EQ(world.consumers_in_use, 2);
  world.stream->remove([](const ApiError* error) { EXPECT_EQ(error, nullptr); });
  world.run();
  EXPECT_EQ(world.usage, 0);
  EXPECT_EQ(world.consumers_in_use, 0);
}

TEST(StreamConsumers, ThoseInMemoryEndWithTheProcess) {
  StreamWorld world({});
  EXPECT_EQ(create(world, "kept"), 0);
  ConsumerConfig config;
  config.name = "gone";
  config.mem_storage = true;
  world.stream->create_consumer(checked(world, config), [](const ApiError*, Consumer*) {});
  world.run();
  ASSERT_NE(world.stream->find_consumer("gone"), nullptr);
  world.stream->drop_memory_consumers();
  world.run();
  EXPECT_EQ(world.stream->find_consumer("gone"), nullptr);
  EXPECT_NE(world.stream->find_consumer("kept"), nullptr);
}

TEST(StreamExpiry, AMessageGoesSoonAfterItsTime) {
  StreamConfig config;
  config.allow_msg_ttl = true;
  StreamWorld world(config);
  world.pass(Duration::millis(150));  // not at the beginning of a second
  world.publish("s.a", "brief", {{"Nats-TTL", "1s"}});
  world.pass(Duration::millis(900));
  EXPECT_NE(world.read(1), "");
  world.pass(Duration::millis(200));
  EXPECT_EQ(world.read(1), "");
}

TEST(StreamExpiry, EachMessageMayHaveItsOwnTime) {
  StreamConfig config;
  config.max_age = Duration::seconds(10);
  config.allow_msg_ttl = true;
  StreamWorld world(config);
  world.publish("s.a", "never", {{"Nats-TTL", "never"}});
  world.publish("s.a", "short", {{"Nats-TTL", "2s"}});
  world.publish("s.a", "aged");
  world.pass(Duration::seconds(3));
  EXPECT_EQ(world.read(2), "");
  world.pass(Duration::seconds(10));
  EXPECT_EQ(world.read(3), "");
  EXPECT_NE(world.read(1), "");
  EXPECT_NE(world.publish("s.a", "", {{"Nats-TTL", "100ms"}}).find("10165"), std::string::npos);
  StreamWorld plain({});
  EXPECT_NE(plain.publish("s.a", "", {{"Nats-TTL", "1"}}).find("10166"), std::string::npos);
}

TEST(StreamExpiry, AMarkerTakesThePlaceOfTheLastMessageOfASubjectOnce) {
  StreamConfig config;
  config.max_age = Duration::seconds(10);
  config.subject_delete_marker_ttl = Duration::seconds(5);
  config.allow_msg_ttl = true;
  config.allow_rollup_hdrs = true;
  StreamWorld world(config);
  world.publish("s.a", "1");
  world.publish("s.a", "2");
  world.publish("s.b", "raised", {{"Nats-TTL", "1s"}});
  EXPECT_EQ(world.read(3), "s.b|NATS/1.0\r\nNats-TTL: 5\r\n\r\n|raised");
  world.pass(Duration::seconds(10));
  EXPECT_EQ(world.stream->state().messages, 2U);
  const std::string marker =
      "|NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 5s\r\nNats-Rollup: sub\r\n\r\n|";
  EXPECT_EQ(world.read(4), "s.b" + marker);
  EXPECT_EQ(world.read(5), "s.a" + marker);
  world.pass(Duration::seconds(20));
  EXPECT_EQ(world.stream->state().messages, 0U);
  EXPECT_EQ(world.stream->state().last_sequence, 5U);
}

// --- direct get ---

TEST(StreamDirectGet, AnswersEachFormWithItsHeaders) {
  StreamConfig config;
  config.allow_direct = true;
  StreamWorld world(config);
  world.publish("s.a", "1");
  world.publish("s.b", "2", {{"K", "v"}});
  const std::string time = "Nats-Time-Stamp: 2023-11-14T22:13:20Z\r\n";
  auto sent = world.direct("{\"seq\":2}");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].body, "2");
  EXPECT_EQ(sent[0].header,
            "NATS/1.0\r\nK: v\r\nNats-Stream: S\r\nNats-Subject: s.b\r\nNats-Sequence: 2\r\n" +
                time + "\r\n");
  EXPECT_EQ(world.direct("", "s.a").at(0).body, "1");
  EXPECT_EQ(world.direct("{\"last_by_subj\":\"s.*\"}").at(0).body, "2");
  EXPECT_EQ(world.direct("{\"next_by_subj\":\"s.a\",\"seq\":2}").at(0).header,
            "NATS/1.0 404 Message Not Found\r\n\r\n");
  EXPECT_EQ(world.direct("").at(0).header, "NATS/1.0 408 Empty Request\r\n\r\n");
  EXPECT_EQ(world.direct("{").at(0).header, "NATS/1.0 408 Malformed Request\r\n\r\n");
  EXPECT_EQ(world.direct("{\"seq\":1,\"last_by_subj\":\"s.a\"}").at(0).header,
            "NATS/1.0 408 Bad Request\r\n\r\n");
  EXPECT_EQ(world.direct("{\"seq\":1,\"no_hdr\":true}").at(0).header, "");
}

TEST(StreamDirectGet, BatchesAndLastOfManySubjects) {
  StreamConfig config;
  config.allow_direct = true;
  StreamWorld world(config);
  fill(world, 6);
  auto sent = world.direct("{\"seq\":2,\"batch\":3}");
  ASSERT_EQ(sent.size(), 4U);
  EXPECT_NE(sent[0].header.find("Nats-Num-Pending: 4\r\nNats-Last-Sequence: 0\r\n"),
            std::string::npos);
  EXPECT_EQ(sent[3].header,
            "NATS/1.0 204 EOB\r\nNats-Num-Pending: 2\r\nNats-Last-Sequence: 4\r\n\r\n");
  sent = world.direct("{\"multi_last\":[\"s.*\"],\"up_to_seq\":5}");
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_NE(sent[0].header.find("Nats-Sequence: 4\r\n"), std::string::npos);
  EXPECT_NE(sent[1].header.find("Nats-Sequence: 5\r\n"), std::string::npos);
  EXPECT_EQ(sent[2].header,
            "NATS/1.0 204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: 5\r\n"
            "Nats-UpTo-Sequence: 5\r\n\r\n");
  EXPECT_EQ(world.direct("{\"multi_last\":[\"x\"]}").at(0).header,
            "NATS/1.0 404 No Results\r\n\r\n");
}

TEST(StreamReads, AGetSeesWhatWasPublishedBefore) {
  StreamWorld world({});
  world.put("s.a", "1", {});
  std::string body;
  GetRequest request;
  request.last_by_subject = "s.a";
  world.stream->get_message(request, [&](const ApiError* error, const store::StoredMessage* found) {
    body = error == nullptr ? std::string(found->body) : error->description;
  });
  world.run();
  EXPECT_EQ(body, "1");
  request.last_by_subject = "s.none";
  world.stream->get_message(request, [&](const ApiError* error, const store::StoredMessage*) {
    body = error == nullptr ? "" : error->description;
  });
  world.run();
  EXPECT_EQ(body, "no message found");
}

// --- determinism ---

TEST(StreamState, TheSameEntriesMakeTheSameState) {
  StreamConfig config;
  config.max_msgs_per_subject = 3;
  config.allow_rollup_hdrs = true;
  config.allow_msg_ttl = true;
  config.allow_atomic = true;
  config.max_age = Duration::seconds(30);
  StreamWorld one(config);
  Prng prng(7);
  for (int i = 0; i < 2000; ++i) {
    const std::string subject = "s." + std::to_string(prng.below(20));
    std::map<std::string, std::string> headers;
    if (prng.chance(300)) headers["Nats-Msg-Id"] = std::to_string(prng.below(500));
    if (prng.chance(50)) headers["Nats-Rollup"] = "sub";
    if (prng.chance(100)) headers["Nats-TTL"] = prng.chance(200) ? "never" : "3s";
    one.publish(subject, std::to_string(i), headers);
    if (prng.chance(20)) purge(one, {"s." + std::to_string(prng.below(20)), 0, prng.below(2)});
    if (prng.chance(20)) erase(one, one.stream->state().last_sequence);
    if (prng.chance(50)) one.pass(Duration::seconds(1));
    if (i == 100) create(one, "c", "s.1");
  }
  StreamWorld two(config);
  uint64_t index = 0;
  for (const std::string& entry : one.group->log) two.stream->apply(++index, entry);
  EXPECT_EQ(one.stream->state_hash(), two.stream->state_hash());
  EXPECT_GT(one.stream->state().messages, 0U);
  two.publish("s.a", "one more");
  EXPECT_NE(one.stream->state_hash(), two.stream->state_hash());
}

TEST(StreamState, ACheckpointHoldsEverythingBesidesTheMessages) {
  StreamConfig config;
  config.allow_msg_schedules = true;
  config.allow_rollup_hdrs = true;
  StreamWorld world(config);
  world.publish("s.a", "", {{"Nats-Msg-Id", "id"}});
  world.publish("s.a", "", {{"Nats-Producer-Id", "p"}, {"Nats-Producer-Sequence", "1"}});
  create(world, "c");
  world.stream->checkpoint();
  EXPECT_EQ(world.group->checkpointed_index, 3U);
  EXPECT_EQ(world.group->failed_checkpoints, 0U);
  const std::string extra = world.stream->snapshot();
  world.open(extra, 3);
  ASSERT_NE(world.stream->find_consumer("c"), nullptr);
  EXPECT_NE(world.publish("s.a", "", {{"Nats-Msg-Id", "id"}}).find("duplicate"), std::string::npos);
  EXPECT_NE(world.publish("s.a", "", {{"Nats-Producer-Id", "p"}, {"Nats-Producer-Sequence", "1"}})
                .find("\"seq\":2,\"duplicate\""),
            std::string::npos);
  EXPECT_EQ(world.stream->snapshot(), extra);
}

}  // namespace
}  // namespace petrel::jetstream
