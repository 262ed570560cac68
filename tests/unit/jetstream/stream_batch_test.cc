// Atomic batches, fast ingest and message schedules.

#include "jetstream/cron.h"
#include "jetstream/json_time.h"
#include "stream_world.h"

namespace petrel::jetstream {
namespace {

using Headers = std::map<std::string, std::string>;

Headers part(int sequence, const std::string& commit = "", Headers more = {}) {
  more["Nats-Batch-Id"] = "b";
  more["Nats-Batch-Sequence"] = std::to_string(sequence);
  if (!commit.empty()) more["Nats-Batch-Commit"] = commit;
  return more;
}

StreamWorld atomic_world() {
  StreamConfig config;
  config.allow_atomic = true;
  config.allow_rollup_hdrs = true;
  return StreamWorld(config);
}

bool refuses(const std::string& answer, int err_code) {
  return answer.find("\"err_code\":" + std::to_string(err_code) + ",") != std::string::npos;
}

TEST(AtomicBatch, IsStoredAsAWholeAtItsCommit) {
  StreamWorld world = atomic_world();
  world.publish("s.a", "1", part(1));
  ASSERT_EQ(world.sent.size(), 1U);
  EXPECT_EQ(world.sent[0].body, "");
  world.publish("s.b", "2", part(2));
  EXPECT_EQ(world.stream->state().messages, 0U);
  EXPECT_EQ(world.publish("s.c", "3", part(3, "1")),
            "{\"stream\":\"S\",\"seq\":3,\"batch\":\"b\",\"count\":3}");
  EXPECT_EQ(world.stream->state().messages, 3U);
  EXPECT_EQ(world.group->log.size(), 1U);
}

TEST(AtomicBatch, EndsWithoutAMessage) {
  StreamWorld world = atomic_world();
  world.publish("s.a", "1", part(1));
  EXPECT_EQ(world.publish("s.a", "", part(2, "eob")),
            "{\"stream\":\"S\",\"seq\":1,\"batch\":\"b\",\"count\":1}");
  EXPECT_NE(world.read(1).find("Nats-Batch-Commit: 1"), std::string::npos);
  EXPECT_TRUE(refuses(world.publish("s.a", "", part(1, "eob")), 10176));
}

TEST(AtomicBatch, LeavesNothingBehindWhenRefused) {
  StreamWorld world = atomic_world();
  EXPECT_TRUE(refuses(world.publish("s.a", "", part(2)), 10176));
  world.publish("s.a", "1", part(1));
  EXPECT_TRUE(refuses(world.publish("s.a", "3", part(3)), 10176));
  ASSERT_EQ(world.advisories.size(), 1U);
  EXPECT_EQ(world.advisories[0].subject, "$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.S");
  EXPECT_NE(world.advisories[0].body.find("\"batch\":\"b\",\"reason\":\"incomplete\"}"),
            std::string::npos);
  world.publish("s.a", "1", part(1));
  EXPECT_TRUE(refuses(world.publish("s.a", "", part(2, "yes")), 10200));
  world.publish("s.a", "1", part(1, "", {{"Nats-Msg-Id", "x"}}));
  EXPECT_TRUE(refuses(world.publish("s.a", "2", part(2, "1", {{"Nats-Msg-Id", "x"}})), 10201));
  world.publish("s.a", "1", part(1, "", {{"Nats-Expected-Last-Msg-Id", "x"}}));
  EXPECT_TRUE(refuses(world.publish("s.a", "2", part(2, "1")), 10177));
  world.publish("s.a", "1", part(1));
  EXPECT_TRUE(refuses(
      world.publish("s.a", "2", part(2, "1", {{"Nats-Expected-Last-Subject-Sequence", "0"}})),
      10164));
  world.publish("s.a", "1", part(1));
  EXPECT_TRUE(refuses(world.publish("s.a", "2", part(2, "1", {{"Nats-Rollup", "sub"}})), 10111));
  EXPECT_EQ(world.stream->state().messages, 0U);
  EXPECT_EQ(world.publish("s.a", "x"), "{\"stream\":\"S\",\"seq\":1}");
  StreamWorld plain({});
  EXPECT_TRUE(refuses(plain.publish("s.a", "", part(1)), 10174));
}

TEST(AtomicBatch, IsForgottenWhenItIsSilentTooLong) {
  StreamWorld world = atomic_world();
  world.publish("s.a", "1", part(1));
  EXPECT_EQ(world.due - world.clock, Duration::seconds(10));
  world.pass(Duration::seconds(10));
  EXPECT_NE(world.advisories.at(0).body.find("timeout"), std::string::npos);
  EXPECT_TRUE(refuses(world.publish("s.a", "2", part(2, "1")), 10176));
}

TEST(AtomicBatch, SeesOnlyWhatIsCommittedBeforeIt) {
  StreamWorld world = atomic_world();
  world.publish("s.a", "1", part(1, "", {{"Nats-Expected-Last-Sequence", "1"}}));
  world.group->is_held = true;
  world.put("s.z", "before", {}, "R0");
  world.put("s.a", "2", part(2, "1"), "R1");
  world.run();
  world.group->is_held = false;
  world.run();
  EXPECT_EQ(world.last("R0"), "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_EQ(world.last("R1"), "{\"stream\":\"S\",\"seq\":3,\"batch\":\"b\",\"count\":2}");
}

// --- fast ingest ---

std::string reply(int sequence, int operation, const std::string& mode = "fail",
                  const std::string& flow = "2") {
  return "I.id." + flow + "." + mode + "." + std::to_string(sequence) + "." +
         std::to_string(operation) + ".$FI";
}

std::string ingest(StreamWorld& world, const std::string& to, const Headers& headers = {}) {
  world.sent.clear();
  world.put("s.a", "x", headers, to);
  world.run();
  std::string all;
  for (const Sent& sent : world.sent) all += sent.body + "\n";
  return all;
}

StreamWorld fast_world() {
  StreamConfig config;
  config.allow_batched = true;
  return StreamWorld(config);
}

TEST(FastIngest, AcknowledgesEverySoManyMessagesAndTheEnd) {
  StreamWorld world = fast_world();
  EXPECT_EQ(ingest(world, reply(1, 0)), "{\"type\":\"ack\",\"seq\":0,\"msgs\":2}\n");
  EXPECT_EQ(ingest(world, reply(2, 1)), "{\"type\":\"ack\",\"seq\":2,\"msgs\":2}\n");
  EXPECT_EQ(ingest(world, reply(3, 1)), "");
  EXPECT_EQ(ingest(world, reply(4, 2)),
            "{\"stream\":\"S\",\"seq\":4,\"batch\":\"id\",\"count\":4}\n");
  EXPECT_EQ(world.stream->state().messages, 4U);
  EXPECT_TRUE(refuses(ingest(world, reply(5, 1)), 10208));
}

TEST(FastIngest, EndsAtAGapOrGoesOn) {
  StreamWorld world = fast_world();
  ingest(world, reply(1, 0));
  EXPECT_EQ(ingest(world, reply(3, 1)),
            "{\"type\":\"gap\",\"last_seq\":2,\"seq\":3}\n"
            "{\"stream\":\"S\",\"seq\":1,\"batch\":\"id\",\"count\":1}\n");
  ingest(world, reply(1, 0, "ok", "9"));
  EXPECT_EQ(ingest(world, reply(3, 1, "ok", "9")), "{\"type\":\"gap\",\"last_seq\":2,\"seq\":3}\n");
  EXPECT_EQ(ingest(world, reply(4, 3, "ok", "9")),
            "{\"stream\":\"S\",\"seq\":3,\"batch\":\"id\",\"count\":3}\n");
}

TEST(FastIngest, RefusesWhatItCannotRead) {
  StreamWorld world = fast_world();
  EXPECT_TRUE(refuses(ingest(world, "I.id.2.maybe.1.0.$FI"), 10206));
  EXPECT_TRUE(refuses(ingest(world, "I.id.2.fail.1.3.$FI"), 10206));
  EXPECT_TRUE(refuses(ingest(world, "I." + std::string(65, 'i') + ".2.fail.1.0.$FI"), 10207));
  StreamWorld plain({});
  EXPECT_TRUE(refuses(ingest(plain, reply(1, 0)), 10205));
  EXPECT_TRUE(refuses(ingest(world, reply(1, 0), {{"Nats-Expected-Stream", "T"}}), 10060));
}

// --- schedules ---

WallTime at(const std::string& text) {
  WallTime time;
  EXPECT_EQ(read_go_time(text, time), "");
  return time;
}

std::string next(const std::string& pattern, const std::string& from) {
  const auto found = next_schedule(pattern, nullptr, at(from), at(from));
  if (!found) return "invalid";
  std::string text;
  append_go_time(text, found->next);
  return text;
}

TEST(Schedules, FindTheNextTimeOfAPattern) {
  const std::string from = "2026-11-21T10:20:30.5Z";
  EXPECT_EQ(next("@at 2027-01-01T00:00:00+01:00", from), "2026-12-31T23:00:00Z");
  EXPECT_EQ(next("@every 1m30s", from), "2026-11-21T10:22:01Z");
  EXPECT_EQ(next("@every 10ms", from), "invalid");
  EXPECT_EQ(next("@hourly", from), "2026-11-21T11:00:00Z");
  EXPECT_EQ(next("@yearly", from), "2027-01-01T00:00:00Z");
  EXPECT_EQ(next("*/15 * * * * *", from), "2026-11-21T10:20:45Z");
  EXPECT_EQ(next("0 30 9 * * mon-fri", from), "2026-11-23T09:30:00Z");
  EXPECT_EQ(next("0 0 0 29 feb *", from), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("0 0 0 31 feb *", from), "invalid");
  EXPECT_EQ(next("0 0 0 * *", from), "invalid");
  EXPECT_EQ(next("60 0 0 * * *", from), "invalid");
}

StreamWorld schedule_world() {
  StreamConfig config;
  config.allow_msg_schedules = true;
  config.allow_msg_ttl = true;
  return StreamWorld(config);
}

TEST(Schedules, FireOnceAndAreGone) {
  StreamWorld world = schedule_world();
  EXPECT_EQ(world.publish("s.plan", "body",
                          {{"Nats-Schedule", "@at 2023-11-14T22:13:25Z"},
                           {"Nats-Schedule-Target", "s.target"},
                           {"K", "v"}}),
            "{\"stream\":\"S\",\"seq\":1}");
  EXPECT_NE(world.read(1).find("Nats-Rollup: sub"), std::string::npos);
  world.pass(Duration::seconds(4));
  EXPECT_EQ(world.stream->state().last_sequence, 1U);
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.read(2),
            "s.target|NATS/1.0\r\nK: v\r\nNats-Scheduler: s.plan\r\nNats-Schedule-Next: "
            "purge\r\n\r\n|body");
  EXPECT_EQ(world.read(1), "");
  world.pass(Duration::seconds(60));
  EXPECT_EQ(world.stream->state().last_sequence, 2U);
}

TEST(Schedules, RepeatFromWhatTheyFiredLast) {
  StreamWorld world = schedule_world();
  world.publish("s.plan", "body",
                {{"Nats-Schedule", "@every 10s"},
                 {"Nats-Schedule-Target", "s.target"},
                 {"Nats-Schedule-TTL", "5s"}});
  world.pass(Duration::seconds(10));
  EXPECT_EQ(world.read(2),
            "s.target|NATS/1.0\r\nNats-Scheduler: s.plan\r\nNats-Schedule-Next: "
            "2023-11-14T22:13:40Z\r\nNats-TTL: 5s\r\n\r\n|body");
  world.pass(Duration::seconds(10));
  EXPECT_EQ(world.stream->state().last_sequence, 3U);
  EXPECT_EQ(world.read(2), "");
  EXPECT_EQ(
      world.publish("s.b", "", {{"Nats-Schedule-Next", "purge"}, {"Nats-Scheduler", "s.plan"}}),
      "{\"stream\":\"S\",\"seq\":4}");
  EXPECT_EQ(world.read(1), "");
}

TEST(Schedules, SayWhatIsWrong) {
  StreamWorld world = schedule_world();
  const auto with = [&](Headers headers) { return world.publish("s.plan", "", headers); };
  const std::string every = "@every 10s";
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", "@often"}}), 10189));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", every}}), 10190));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", every}, {"Nats-Schedule-Target", "t.x"}}), 10190));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", every}, {"Nats-Schedule-Target", "s.plan"}}), 10190));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", every},
                            {"Nats-Schedule-Target", "s.x"},
                            {"Nats-Schedule-Source", "s.x"}}),
                      10203));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", every},
                            {"Nats-Schedule-Target", "s.x"},
                            {"Nats-Schedule-TTL", "1ms"}}),
                      10191));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", every},
                            {"Nats-Schedule-Target", "s.x"},
                            {"Nats-Schedule-Rollup", "all"}}),
                      10192));
  EXPECT_TRUE(refuses(with({{"Nats-Schedule", "0 0 0 * * *"},
                            {"Nats-Schedule-Target", "s.x"},
                            {"Nats-Schedule-Time-Zone", "Nowhere/At"}}),
                      10223));
  EXPECT_TRUE(refuses(with({{"Nats-Scheduler", "s.x"}}), 10212));
  StreamWorld plain({});
  EXPECT_TRUE(refuses(plain.publish("s.p", "", {{"Nats-Schedule", every}}), 10188));
}

}  // namespace
}  // namespace petrel::jetstream
